//! Whether a file on this disk is still the one that was hashed: what is recorded must be what was read.

use crate::model::Fault;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

/// Seconds.
const SLOWEST_TICK: i64 = 2;

/// What to do about a file that others write to.
pub(crate) const HINT: &str = "read it when nobody writes to it, or give each version a name of its own";

/// What differs as soon as a file is written to, or another one takes its name. Of all but a network's disks, the time
/// of the last change of the inode cannot be set by programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let last = self.times.iter().map(|(seconds, _)| *seconds).max().unwrap_or(i64::MAX);
        i64::try_from(now).is_ok_and(|now| last.saturating_add(SLOWEST_TICK) < now)
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
}
