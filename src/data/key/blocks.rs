//! Numbers that only grow in number, under a limit of memory: beyond it they go to one temporary file.

use super::table::Bits;
use crate::data::workers::lock;
use crate::model::Fault;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

/// Memory that the checks of one data set share.
#[derive(Debug)]
pub(in crate::data) struct Budget {
    limit: u64,
    held: AtomicU64,
    spilled: AtomicU64,
    /// Has no name on disk, so that nothing is left behind however the process ends.
    file: Mutex<Option<File>>,
    fault: OnceLock<Fault>,
}

impl Budget {
    pub fn new(limit: u64) -> Budget {
        let (held, spilled) = (AtomicU64::new(0), AtomicU64::new(0));
        Budget { limit, held, spilled, file: Mutex::new(None), fault: OnceLock::new() }
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that went to disk.
    pub fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    /// Why the disk took, or gave back, no more: then nothing that was counted holds.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// Whether so many bytes more keep within the limit; they count in any case, until given back.
    pub(super) fn hold(&self, bytes: u64) -> bool {
        self.held.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.limit
    }

    pub(super) fn release(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How much room is left.
    pub(super) fn room(&self) -> u64 {
        self.limit.saturating_sub(self.held.load(Ordering::Relaxed))
    }

    fn write(&self, bytes: &[u8]) -> Option<u64> {
        let mut slot = lock(&self.file);
        let written = (|| {
            let file = match &mut *slot {
                Some(file) => file,
                empty => empty.insert(tempfile::tempfile()?),
            };
            let at = file.seek(SeekFrom::End(0))?;
            file.write_all(bytes)?;
            std::io::Result::Ok(at)
        })();
        match written {
            Ok(at) => {
                self.spilled.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Some(at)
            }
            Err(e) => self.failed("write to", &e),
        }
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> Option<()> {
        let mut slot = lock(&self.file);
        let file = slot.as_mut()?;
        match file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(bytes)) {
            Ok(()) => Some(()),
            Err(e) => self.failed("read from", &e),
        }
    }

    fn failed<T>(&self, doing: &str, error: &std::io::Error) -> Option<T> {
        let folder = std::env::temp_dir();
        let hint = "make room there, name another folder by TMPDIR, or let the checks use more by `memory:`";
        let _ = self.fault.set(Fault::new(format!("{doing} the temporary folder {}", folder.display()), error, hint));
        None
    }
}

/// Numbers in the order they came, in memory and on disk.
#[derive(Debug)]
pub(in crate::data) struct Blocks<K> {
    held: Vec<Vec<K>>,
    /// Place in the file, and how many.
    on_disk: Vec<(u64, usize)>,
    len: usize,
}

impl<K> Default for Blocks<K> {
    fn default() -> Blocks<K> {
        Blocks { held: Vec::new(), on_disk: Vec::new(), len: 0 }
    }
}

/// Bytes written at once, and a block's more.
const WRITTEN: usize = 1 << 20;
/// Most numbers read back at once.
const READ: usize = 1 << 16;

impl<K: Bits> Blocks<K> {
    pub fn push(&mut self, block: Vec<K>, budget: &Budget) {
        if block.is_empty() {
            return;
        }
        self.len += block.len();
        let fits = budget.hold((block.len() * K::BYTES) as u64);
        self.held.push(block);
        if !fits {
            self.spill(budget);
        }
    }

    /// All that is held here: the longer the runs on disk, the fewer there are. A run is written piece by piece, as
    /// what is held may be most of the memory.
    fn spill(&mut self, budget: &Budget) {
        let (mut bytes, mut keys) = (Vec::new(), 0);
        let mut blocks = std::mem::take(&mut self.held).into_iter().peekable();
        while let Some(block) = blocks.next() {
            block.iter().for_each(|key| key.put(&mut bytes));
            keys += block.len();
            drop(block);
            if bytes.len() < WRITTEN && blocks.peek().is_some() {
                continue;
            }
            budget.release(bytes.len() as u64);
            if let Some(at) = budget.write(&bytes) {
                match self.on_disk.last_mut() {
                    Some((start, before)) if *start + (*before * K::BYTES) as u64 == at => *before += keys,
                    _ => self.on_disk.push((at, keys)),
                }
            }
            bytes.clear();
            keys = 0;
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Every number. After a fault of the disk some are missing, which [`Budget::fault`] tells.
    pub fn each(&self, budget: &Budget, mut see: impl FnMut(K)) {
        self.held.iter().flatten().for_each(|key| see(*key));
        let mut bytes = Vec::new();
        for (start, keys) in &self.on_disk {
            for first in (0..*keys).step_by(READ) {
                bytes.resize((keys - first).min(READ) * K::BYTES, 0);
                if budget.read(start + (first * K::BYTES) as u64, &mut bytes).is_none() {
                    return;
                }
                bytes.chunks_exact(K::BYTES).for_each(|key| see(K::take(key)));
            }
        }
    }

    /// Gives its memory back to the budget.
    pub fn free(&mut self, budget: &Budget) {
        budget.release((self.held.iter().map(Vec::len).sum::<usize>() * K::BYTES) as u64);
        *self = Blocks::default();
    }
}
