//! Files are hashed once in a run, however often their digest is asked for: as the model's, as the code's, and again
//! when the run is over, to see that nobody wrote to them.

use crate::digest;
use crate::stamp::{Clock, Stamp};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

/// Seconds. One call of `write` copies up to 2 GiB, and the file has the time of its beginning: it must be over. Also the
/// kernel has begun by then to send to the disk what was written, so that syncing does not wait long.
const REST: i64 = 60;
/// Bytes. A smaller file is hashed again in less time than a disk takes to sync.
const LEAST: u64 = 8 << 20;

/// The digests of large files by their stamps: device, inode, length, and the times of the content and of the inode.
///
/// A digest is kept only of a file that was at rest before all hashing began: last changed a minute before, by the clock
/// of its own file system, and on one that tells of every write ([`Clock::at_rest`] says which and why). Whoever writes to
/// it later, by a call or through a mapping, cuts it, renames another file over it or sets its times gives it another
/// stamp: who finds the old stamp finds the content that was hashed. Every other file is hashed each time.
pub struct Once {
    /// From before the first file was hashed; none where it cannot be known.
    clock: Option<Clock>,
    /// Bytes.
    least: u64,
    known: HashMap<Stamp, (String, u64)>,
}

impl Once {
    /// Asks the file system of a folder of ours what time it is.
    pub fn begin(scratch: &Path) -> Once {
        let clock = Clock::of(scratch).ok().map(|clock| clock.earlier(REST));
        Once { clock, least: LEAST, known: HashMap::new() }
    }

    /// Digest and size of a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn digest(&mut self, path: &Path) -> io::Result<(String, u64)> {
        let file = File::open(path)?;
        // Of what was opened: the path may lead to another file by now.
        let meta = file.metadata()?;
        if let Some(known) = self.known.get(&Stamp::of(&meta)) {
            return Ok(known.clone());
        }
        let stamp = match &self.clock {
            Some(clock) if meta.len() >= self.least => clock.at_rest(&file)?,
            _ => None,
        };
        let read = digest::of_reader(file)?;
        if let Some(stamp) = stamp {
            self.known.insert(stamp, read.clone());
        }
        Ok(read)
    }
}

#[cfg(test)]
pub(super) mod tests;
