//! Layers as they are sent: stored, or compressed in blocks of one size, each a gzip member (RFC 1952, 2.2) or a zstd
//! frame (RFC 8878, 3.1) of its own. Blocks are compressed on several threads and written in their order, so the bytes
//! depend neither on the number of threads nor on how the input was cut: the same layer has the same digest everywhere.

use super::layout::{Layer, descriptor};
use crate::digest;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Large enough that cutting costs less than a hundredth of the size.
const BLOCK: usize = 1024 * 1024;
const MOST_THREADS: usize = 4;
/// zstd's own default: several times as fast as gzip, and smaller.
const ZSTD_LEVEL: i32 = 3;

/// How a layer's archive becomes a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Packing {
    Stored,
    Gzip,
    Zstd,
}

impl Packing {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Packing::Stored => "application/vnd.oci.image.layer.v1.tar",
            Packing::Gzip => super::layout::LAYER,
            Packing::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }

    fn pack(self, block: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Packing::Stored => Ok(block.to_vec()),
            Packing::Gzip => {
                // No time, no name, no operating system in the header: the same bytes on every machine.
                let out = Vec::with_capacity(block.len() / 2);
                let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::default());
                gzip.write_all(block)?;
                gzip.finish()
            }
            Packing::Zstd => zstd::bulk::compress(block, ZSTD_LEVEL),
        }
    }
}

/// Packs what is written into it and hands it on.
pub(super) struct Packer<W> {
    out: W,
    packing: Packing,
    block: Vec<u8>,
    workers: Vec<Worker>,
    /// Of the workers, those that have a block, in the order of their blocks.
    busy: VecDeque<usize>,
    blocks: usize,
}

/// A thread that packs one block at a time; it ends when it is dropped.
struct Worker {
    blocks: SyncSender<Vec<u8>>,
    packed: Receiver<io::Result<Vec<u8>>>,
}

impl Worker {
    fn start(packing: Packing) -> Worker {
        let (blocks, work) = sync_channel::<Vec<u8>>(1);
        let (done, packed) = sync_channel(1);
        std::thread::spawn(move || {
            while let Ok(block) = work.recv() {
                if done.send(packing.pack(&block)).is_err() {
                    return;
                }
            }
        });
        Worker { blocks, packed }
    }
}

fn gone<E>(_: E) -> io::Error {
    io::Error::other("a thread that compresses has ended")
}

impl<W: Write> Packer<W> {
    pub(super) fn new(out: W, packing: Packing) -> Packer<W> {
        let threads = match packing {
            Packing::Stored => 0,
            _ => std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS),
        };
        let workers = (0..threads).map(|_| Worker::start(packing)).collect();
        Packer { out, packing, block: Vec::new(), workers, busy: VecDeque::new(), blocks: 0 }
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let worker = self.blocks % self.workers.len();
        if self.busy.front() == Some(&worker) {
            self.take_back()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.workers[worker].blocks.send(block).map_err(gone)?;
        self.busy.push_back(worker);
        self.blocks += 1;
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        let Some(worker) = self.busy.pop_front() else { return Ok(()) };
        let packed = self.workers[worker].packed.recv().map_err(gone)??;
        self.out.write_all(&packed)
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        // Also of nothing there is one member or frame: an empty file is neither.
        if self.packing != Packing::Stored && (self.blocks == 0 || !self.block.is_empty()) {
            self.hand_over()?;
        }
        while !self.busy.is_empty() {
            self.take_back()?;
        }
        Ok(self.out)
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.packing == Packing::Stored {
            return self.out.write(data);
        }
        let taken = data.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&data[..taken]);
        if self.block.len() == BLOCK {
            self.hand_over()?;
        }
        Ok(taken)
    }

    /// Only what is whole is handed on.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Counted<W> {
    inner: W,
    /// None where nobody asks for the digest.
    hash: Option<Sha256>,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&data[..written]);
        }
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Takes a layer's plain archive, writes the blob, and knows both digests in the end.
pub(super) struct LayerWriter<W> {
    plain: Counted<Packer<Counted<W>>>,
    packing: Packing,
}

impl<W: Write> LayerWriter<W> {
    pub(super) fn new(out: W, packing: Packing) -> LayerWriter<W> {
        // A stored layer's blob is its archive: one hash is enough.
        let hash = (packing != Packing::Stored).then(Sha256::new);
        let packer = Packer::new(Counted { inner: out, hash, bytes: 0 }, packing);
        LayerWriter { plain: Counted { inner: packer, hash: Some(Sha256::new()), bytes: 0 }, packing }
    }

    pub(super) fn finish(self) -> io::Result<(W, Layer)> {
        let name = |hash: Option<Sha256>| hash.map(|hash| digest::name(hash.finalize().as_slice()));
        let diff_id = name(self.plain.hash).unwrap_or_default();
        let packed = self.plain.inner.finish()?;
        let digest = name(packed.hash).unwrap_or_else(|| diff_id.clone());
        Ok((packed.inner, Layer { descriptor: descriptor(self.packing.media_type(), digest, packed.bytes), diff_id }))
    }
}

impl<W: Write> Write for LayerWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.plain.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.plain.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::noise;
    use std::io::Read;

    /// Runs, text and noise, so that every kind of block is made.
    fn mixed() -> Vec<u8> {
        let noise = noise(1, 1_400_000);
        let text = noise.iter().map(|byte| b"abcdefgh\n"[usize::from(byte % 9)]).collect::<Vec<u8>>();
        [noise, text, vec![0; 300_000]].concat()
    }

    fn packed(bytes: &[u8], packing: Packing, mut sizes: Vec<usize>) -> (Vec<u8>, Layer) {
        let mut writer = LayerWriter::new(Vec::new(), packing);
        let mut rest = bytes;
        sizes.push(bytes.len().max(1));
        let mut sizes = sizes.into_iter().cycle();
        while let Some(size) = sizes.next().filter(|_| !rest.is_empty()) {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            writer.write_all(chunk).unwrap();
            rest = after;
        }
        writer.finish().unwrap()
    }

    #[test]
    fn every_packing_unpacks_and_does_not_depend_on_how_the_bytes_come() {
        for bytes in [mixed(), vec![7; BLOCK], Vec::new()] {
            for packing in [Packing::Stored, Packing::Gzip, Packing::Zstd] {
                let (whole, layer) = packed(&bytes, packing, vec![]);
                let mut back = Vec::new();
                match packing {
                    Packing::Stored => back.clone_from(&whole),
                    Packing::Gzip => drop(flate2::read::MultiGzDecoder::new(&whole[..]).read_to_end(&mut back)),
                    Packing::Zstd => back = zstd::stream::decode_all(&whole[..]).unwrap(),
                }
                assert!(back == bytes, "{packing:?} of {} bytes", bytes.len());
                assert_eq!(layer.diff_id, digest::of(&bytes));
                assert_eq!(layer.descriptor.digest, digest::of(&whole));
                assert_eq!(layer.descriptor.size, whole.len() as i64);
                for sizes in [vec![8192; 200], vec![512, 65_536, 100], [1, 32_767, 3].repeat(50)] {
                    assert!(packed(&bytes, packing, sizes).0 == whole, "{packing:?}");
                }
            }
        }
    }

    #[test]
    fn the_header_of_gzip_tells_nothing_of_the_machine() {
        assert_eq!(packed(b"x", Packing::Gzip, vec![]).0[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn a_disk_that_is_full_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for packing in [Packing::Stored, Packing::Gzip, Packing::Zstd] {
            let mut writer = LayerWriter::new(Full, packing);
            let done = writer.write_all(&mixed()).and_then(|()| writer.finish().map(drop));
            assert_eq!(done.unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
    }
}
