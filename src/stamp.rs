//! Whether a file on this disk is still the one that was hashed: what is recorded must be what was read.

use crate::model::Fault;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Seconds.
const SLOWEST_TICK: i64 = 2;

/// What to do about a file that others write to.
pub(crate) const HINT: &str = "read it when nobody writes to it, or give each version a name of its own";

/// What differs when a file was written to, or another one took its name. That two are the same proves nothing by
/// itself: see [`Clock::at_rest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    file: (u64, u64),
    length: u64,
    /// Seconds and nanoseconds, of the content and of the inode.
    times: [(i64, i64); 2],
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata) -> Stamp {
        let times = [(meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec())];
        Stamp { file: (meta.dev(), meta.ino()), length: meta.len(), times }
    }

    /// All of it in one line: two files of the same text are one file that nobody wrote to.
    pub(crate) fn text(&self) -> String {
        let [(written, written_nanos), (changed, changed_nanos)] = self.times;
        format!(
            "{}:{} {} {written}.{written_nanos:09} {changed}.{changed_nanos:09}",
            self.file.0, self.file.1, self.length
        )
    }

    /// Whether the last change is safely over, by the clock that set the times: another one in the same tick would leave
    /// the stamp as it is, and some disks tick every two seconds. Of another file system the clock is not known.
    pub(crate) fn is_settled_by(&self, clock: &Clock) -> bool {
        let last = self.times.iter().map(|(seconds, _)| *seconds).max().unwrap_or(i64::MAX);
        self.file.0 == clock.device && last.saturating_add(SLOWEST_TICK) < clock.seconds
    }

    /// The fault that the file of this stamp is now of another one.
    pub(crate) fn differs(&self, name: &str, now: &Stamp) -> Fault {
        let how = if self.file != now.file {
            "another file has its name now".to_string()
        } else if self.length != now.length {
            format!("first {} bytes, now {}", self.length, now.length)
        } else {
            "it was written to, or its attributes were set".to_string()
        };
        changed(name, &how)
    }
}

/// What time it is to a file system: a network's disk asks its server's clock and not this machine's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    device: u64,
    seconds: i64,
}

impl Clock {
    /// By a file without a name, made in a folder of ours.
    pub(crate) fn of(folder: &Path) -> io::Result<Clock> {
        let new = tempfile::tempfile_in(folder)?.metadata()?;
        Ok(Clock { device: new.dev(), seconds: new.ctime() })
    }

    /// The same clock some seconds ago, for who wants files to have been settled so long.
    pub(crate) fn earlier(self, seconds: i64) -> Clock {
        Clock { seconds: self.seconds.saturating_sub(seconds), ..self }
    }

    /// The stamp of a file of which every later change is sure to show in its stamp; none of any other file.
    ///
    /// The time of the inode holds that: no call sets it, and a write, a cut or a change of the times moves it to now. It
    /// is so where this machine's kernel keeps the times itself. Network's disks and FUSE show what a server says, be it
    /// the time of the content once more, which `touch -r` sets back. Of those that do keep them:
    ///
    /// - ext2, ext3, ext4, XFS and Btrfs also note the first write to each page of a file that is mapped into memory.
    ///   Further writes to this page are noted only after it went to the disk, so it is sent there first.
    /// - tmpfs notes no write to a mapped page that was read before, however often the file is synced.
    /// - overlayfs is as good as what lies below it, which cannot be told from within a container, and on a volatile one
    ///   syncing does nothing.
    /// - ZFS, when it syncs, may pass over a page that is on its way to the disk and was written to since.
    ///
    /// What goes unseen even so: a write that a device puts into the mapped memory past the processor, to the disk below
    /// the file system, or while the machine's clock is set back to the very nanosecond of the last change.
    pub(crate) fn at_rest(&self, file: &File) -> io::Result<Option<Stamp>> {
        let settled = || Ok(Some(Stamp::of(&file.metadata()?)).filter(|stamp| stamp.is_settled_by(self)));
        // Only what may come to something is sent to the disk.
        let is_synced = settled()?.is_some() && notes_writes(file) && rustix::fs::fdatasync(file).is_ok();
        if is_synced { settled() } else { Ok(None) }
    }

    /// The same clock in the future, to which what was written just now is settled.
    #[cfg(test)]
    pub(crate) fn later(self, seconds: i64) -> Clock {
        Clock { seconds: self.seconds + seconds, ..self }
    }
}

/// Whether a file lies on a file system whose times tell of every write: see [`Clock::at_rest`].
#[cfg(target_os = "linux")]
pub(crate) fn notes_writes(file: &File) -> bool {
    /// By the numbers of Linux' `magic.h`: ext2 to ext4, XFS, Btrfs.
    const KNOWN: [u32; 3] = [0xEF53, 0x5846_5342, 0x9123_683E];
    // The field's type differs by architecture, and may be signed.
    rustix::fs::fstatfs(file).is_ok_and(|system| KNOWN.contains(&(system.f_type as u32)))
}

/// Other systems are not known to note writes to mapped files.
#[cfg(not(target_os = "linux"))]
pub(crate) fn notes_writes(_: &File) -> bool {
    false
}

pub(crate) fn changed(name: &str, how: &str) -> Fault {
    Fault::new(format!("read {name}"), format!("it changed while it was read: {how}"), HINT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn setting_a_files_time_back_shows_and_does_not_settle_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = tempfile::NamedTempFile::new_in(dir.path()).unwrap();
        let stamp = Stamp::of(&file.as_file().metadata().unwrap());
        file.as_file().set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
        let later = Stamp::of(&file.as_file().metadata().unwrap());
        assert_ne!(stamp.text(), later.text());
        assert!(!later.is_settled_by(&Clock::of(dir.path()).unwrap()), "the inode was changed just now");
    }

    #[test]
    fn settled_is_by_the_clock_of_the_files_own_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let stamp = Stamp::of(&path.metadata().unwrap());
        let clock = Clock::of(dir.path()).unwrap();
        assert!(!stamp.is_settled_by(&clock) && !stamp.is_settled_by(&clock.later(2)));
        assert!(stamp.is_settled_by(&clock.later(4)));
        let of_another = Clock { device: clock.device + 1, ..clock.later(4) };
        assert!(!stamp.is_settled_by(&of_another));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the clock leaves nothing behind");
        assert!(Clock::of(&dir.path().join("absent")).is_err());
        assert!(
            stamp.is_settled_by(&clock.later(14).earlier(10)) && !stamp.is_settled_by(&clock.later(14).earlier(12))
        );
    }

    #[test]
    fn only_files_whose_times_tell_of_every_write_are_at_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let (file, clock) = (File::open(&path).unwrap(), Clock::of(dir.path()).unwrap());
        let stamp = Stamp::of(&file.metadata().unwrap());
        assert_eq!(clock.at_rest(&file).unwrap(), None, "written just now");
        assert_eq!(clock.later(10).at_rest(&file).unwrap(), notes_writes(&file).then_some(stamp));
        // The kernel's own files have no disk behind them, whatever their times say.
        let other = File::open("/proc/self/status").or_else(|_| File::open("/dev/null")).unwrap();
        assert!(!notes_writes(&other));
        let seconds = i64::MAX;
        let clock = Clock { device: other.metadata().unwrap().dev(), seconds };
        assert_eq!(clock.at_rest(&other).unwrap(), None);
    }
}
