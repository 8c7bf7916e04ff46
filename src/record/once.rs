//! Files are hashed once in a run, however often their digest is asked for: as the model's, as the code's, and again
//! when the run is over, to see that nobody wrote to them.

use crate::digest;
use crate::stamp::{Clock, Stamp};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

/// The digests of files by their stamps: device, inode, length, and the times of the content and of the inode.
///
/// A digest is kept only of a file that was last changed safely before all hashing began, by the clock of its own file
/// system. Whoever writes to it later, cuts it, renames another file over it or sets its times gives it a time of the
/// inode from after that moment, which `utimes` cannot set back: who finds the old stamp finds the content that was
/// hashed. A file changed so shortly before that a second change could fall into the same tick of the clock (git calls
/// its index "racily clean" then), or on a file system whose clock is not known, is hashed each time.
///
/// One writer goes unseen, as by git: a program that holds the file mapped into its memory, wrote to a page of it before
/// and writes to this page again before the kernel has brought it to the disk.
pub struct Once {
    /// From before the first file was hashed; none where it cannot be known.
    clock: Option<Clock>,
    known: HashMap<Stamp, (String, u64)>,
}

impl Once {
    /// Asks the file system of a folder of ours what time it is.
    pub fn begin(scratch: &Path) -> Once {
        Once { clock: Clock::of(scratch).ok(), known: HashMap::new() }
    }

    /// Digest and size of a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn digest(&mut self, path: &Path) -> io::Result<(String, u64)> {
        let file = File::open(path)?;
        // Of what was opened: the path may lead to another file by now.
        let stamp = Stamp::of(&file.metadata()?);
        if let Some(known) = self.known.get(&stamp) {
            return Ok(known.clone());
        }
        let read = digest::of_reader(file)?;
        if self.clock.is_some_and(|clock| stamp.is_settled_by(&clock)) {
            self.known.insert(stamp, read.clone());
        }
        Ok(read)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::SystemTime;

    impl Once {
        /// To which files that were written just now are settled.
        pub fn late(scratch: &Path) -> Once {
            Once { clock: Some(Clock::of(scratch).unwrap().later(10)), known: HashMap::new() }
        }

        /// Spoils what is kept, so that a digest that was not computed anew shows.
        pub fn spoil(&mut self) {
            self.known.values_mut().for_each(|(digest, _)| *digest = "kept".into());
        }
    }

    /// Waits until the file system's clock shows another time, so that the next write is told from the last.
    pub fn tick(folder: &Path) {
        let now = || {
            let stamp = Stamp::of(&tempfile::tempfile_in(folder).unwrap().metadata().unwrap()).text();
            stamp.rsplit(' ').next().unwrap().to_string()
        };
        let before = now();
        while now() == before {}
    }

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn written(path: &Path) -> SystemTime {
        path.metadata().unwrap().modified().unwrap()
    }

    fn set_written(path: &Path, time: SystemTime) {
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn a_file_that_nobody_wrote_to_is_hashed_once_by_whatever_name() {
        let (dir, path) = file("old");
        let mut once = Once::late(dir.path());
        assert_eq!(once.digest(&path).unwrap(), (digest::of(b"old"), 3));
        once.spoil();
        assert_eq!(once.digest(&path).unwrap(), ("kept".to_string(), 3));
        std::os::unix::fs::symlink("weights", dir.path().join("link")).unwrap();
        assert_eq!(once.digest(&dir.path().join("link")).unwrap().0, "kept");
        // Same content, size and time, and another file.
        std::fs::copy(&path, dir.path().join("copy")).unwrap();
        set_written(&dir.path().join("copy"), written(&path));
        assert_eq!(once.digest(&dir.path().join("copy")).unwrap().0, digest::of(b"old"));
        std::fs::remove_file(&path).unwrap();
        assert!(once.digest(&path).is_err());
    }

    #[test]
    fn a_file_written_just_before_or_on_an_unknown_disk_is_hashed_each_time() {
        let (dir, path) = file("old");
        for mut once in [Once::begin(dir.path()), Once::begin(&dir.path().join("absent"))] {
            once.digest(&path).unwrap();
            assert!(once.known.is_empty());
        }
    }

    #[test]
    fn no_change_hides_behind_size_and_time() {
        fn replace(path: &Path) {
            let other = path.with_extension("tmp");
            std::fs::write(&other, "new").unwrap();
            std::fs::rename(other, path).unwrap();
        }
        type Change = fn(&Path);
        let changes: [(&str, Change); 3] = [
            ("rewritten with the same", |path| std::fs::write(path, "old").unwrap()),
            ("rewritten", |path| std::fs::write(path, "new").unwrap()),
            ("replaced", replace),
        ];
        for (how, change) in changes {
            let (dir, path) = file("old");
            let mut once = Once::late(dir.path());
            once.digest(&path).unwrap();
            once.spoil();
            let before = written(&path);
            tick(dir.path());
            change(&path);
            set_written(&path, before);
            let found = once.digest(&path).unwrap();
            assert_eq!(found, (digest::of(&std::fs::read(&path).unwrap()), 3), "{how}");
        }
    }
}
