//! Whether a file on this disk is still the one that was hashed: what is recorded must be what was read.

use crate::model::Fault;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Seconds.
const SLOWEST_TICK: i64 = 2;

/// What to do about a file that others write to.
pub(crate) const HINT: &str = "read it when nobody writes to it, or give each version a name of its own";

/// What differs as soon as a file is written to, or another one takes its name. Of all but a network's disks, the time
/// of the last change of the inode cannot be set by programs.
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

    /// Whether a later write is sure to show: one in the same tick of the clock as the last would leave the stamp as it
    /// is, and some disks tick every two seconds.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        i64::try_from(now).is_ok_and(|now| self.is_older(now))
    }

    /// As [`Stamp::is_settled`], by the clock that set its times. Of another file system the clock is not known.
    pub(crate) fn is_settled_by(&self, clock: &Clock) -> bool {
        self.file.0 == clock.device && self.is_older(clock.seconds)
    }

    fn is_older(&self, now: i64) -> bool {
        let last = self.times.iter().map(|(seconds, _)| *seconds).max().unwrap_or(i64::MAX);
        last.saturating_add(SLOWEST_TICK) < now
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

    /// The same clock in the future, to which what was written just now is settled.
    #[cfg(test)]
    pub(crate) fn later(self, seconds: i64) -> Clock {
        Clock { seconds: self.seconds + seconds, ..self }
    }
}

pub(crate) fn changed(name: &str, how: &str) -> Fault {
    Fault::new(format!("read {name}"), format!("it changed while it was read: {how}"), HINT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_file_written_just_now_is_not_settled() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stamp = Stamp::of(&file.as_file().metadata().unwrap());
        let now = SystemTime::now();
        assert!(!stamp.is_settled(now) && stamp.is_settled(now + Duration::from_secs(10)));
        file.as_file().set_modified(now - Duration::from_secs(100)).unwrap();
        let later = Stamp::of(&file.as_file().metadata().unwrap());
        assert_ne!(stamp.text(), later.text());
        assert!(!later.is_settled(now), "the inode was changed just now");
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
    }
}
