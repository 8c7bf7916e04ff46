//! An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/sha256/…`. Blobs are hashed and compressed while
//! they are written; no blob is ever held in memory.

use crate::digest;
use crate::model::Fault;
use flate2::{Compression, GzBuilder, write::GzEncoder};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(super) fn descriptor(media_type: &str, digest: String, size: u64) -> OciDescriptor {
    // A blob cannot reach 2^63 bytes; the specification's type is signed.
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    OciDescriptor { media_type: media_type.to_string(), digest, size, ..OciDescriptor::default() }
}

pub(super) fn size(descriptor: &OciDescriptor) -> u64 {
    u64::try_from(descriptor.size).unwrap_or(0)
}

#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
    stopped: Arc<AtomicBool>,
}

/// Makes layers that are being written fail when it is dropped: threads are not cancelled with the future that waits
/// for them.
pub(super) struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Layout {
    /// Makes an empty layout; one that was there before is removed.
    pub(super) fn create(root: &Path) -> Result<Layout, Fault> {
        let made = || -> io::Result<()> {
            if root.exists() {
                std::fs::remove_dir_all(root)?;
            }
            std::fs::create_dir_all(root.join("blobs/sha256"))?;
            std::fs::write(root.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")
        };
        made().map_err(|e| Fault::new(format!("make the image layout {}", root.display()), e, ""))?;
        Ok(Layout::at(root))
    }

    pub(super) fn at(root: &Path) -> Layout {
        Layout { root: root.to_path_buf(), stopped: Arc::default() }
    }

    pub(super) fn stop_on_drop(&self) -> Stop {
        Stop(Arc::clone(&self.stopped))
    }

    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
    }

    pub(super) fn read(&self, digest: &str) -> Result<Vec<u8>, Fault> {
        let path = self.blob(digest);
        let bytes = std::fs::read(&path).map_err(|e| Fault::new(format!("read {}", path.display()), e, ""))?;
        if digest::of(&bytes) != digest {
            let why = format!("its content is no longer {digest}");
            return Err(Fault::new(format!("read {}", path.display()), why, "run again without touching .mlgate/"));
        }
        Ok(bytes)
    }

    pub(super) fn write(&self, media_type: &str, bytes: &[u8]) -> io::Result<OciDescriptor> {
        let digest = digest::of(bytes);
        std::fs::write(self.blob(&digest), bytes)?;
        Ok(descriptor(media_type, digest, bytes.len() as u64))
    }

    /// Writes the manifest and the index that points to it.
    pub(super) fn seal(&self, config: OciDescriptor, layers: Vec<OciDescriptor>) -> io::Result<OciDescriptor> {
        let media_type = Some(MANIFEST.to_string());
        let manifest = OciImageManifest { media_type, config, layers, ..OciImageManifest::default() };
        let manifest = self.write(MANIFEST, &serde_json::to_vec(&manifest)?)?;
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
        std::fs::write(self.root.join("index.json"), index.to_string())?;
        Ok(manifest)
    }

    pub(super) fn manifest(&self, digest: &str) -> Result<(Vec<u8>, OciImageManifest), Fault> {
        let bytes = self.read(digest)?;
        let manifest =
            serde_json::from_slice(&bytes).map_err(|e| Fault::new(format!("read the manifest {digest}"), e, ""))?;
        Ok((bytes, manifest))
    }

    /// A layer to be written as a plain tar archive; what lands on disk is compressed.
    pub(super) fn layer(&self) -> io::Result<LayerWriter> {
        let file = tempfile::NamedTempFile::new_in(&self.root)?;
        let packed = Counted { inner: BufWriter::new(file), hash: Sha256::new(), bytes: 0 };
        // No time, no name, no operating system in the header: the same bytes on every machine.
        let gzip = GzBuilder::new().mtime(0).operating_system(255).write(packed, Compression::default());
        let blocks = Blocks { inner: gzip, block: Vec::with_capacity(BLOCK) };
        Ok(LayerWriter { plain: Counted { inner: blocks, hash: Sha256::new(), bytes: 0 }, layout: self.clone() })
    }
}

struct Counted<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.hash.update(&data[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Hands on blocks of one size, however the bytes come: the compressor's output depends on how its input is cut, and
/// a layer that arrives over a socket is cut differently each time.
struct Blocks<W> {
    inner: W,
    block: Vec<u8>,
}

const BLOCK: usize = 128 * 1024;

impl<W: Write> Blocks<W> {
    fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&self.block)?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Blocks<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = data.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&data[..taken]);
        if self.block.len() == BLOCK {
            self.inner.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(taken)
    }

    /// Only what is whole is handed on.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Packed = Counted<BufWriter<tempfile::NamedTempFile>>;

pub(super) struct LayerWriter {
    plain: Counted<Blocks<GzEncoder<Packed>>>,
    layout: Layout,
}

/// A layer on disk.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) descriptor: OciDescriptor,
    /// Digest of the archive before compression, as the image's config lists it.
    pub(super) diff_id: String,
}

impl LayerWriter {
    pub(super) fn finish(self) -> io::Result<Layer> {
        let diff_id = digest::name(self.plain.hash.finalize().as_slice());
        let packed = self.plain.inner.finish()?.finish()?;
        let digest = digest::name(packed.hash.finalize().as_slice());
        let file = packed.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(self.layout.blob(&digest)).map_err(|e| e.error)?;
        Ok(Layer { descriptor: descriptor(LAYER, digest, packed.bytes), diff_id })
    }
}

impl Write for LayerWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.layout.stopped.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the build was cancelled")),
            false => self.plain.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.plain.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_found_under_the_digest_of_what_lies_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("image")).unwrap();
        let mut writer = layout.layer().unwrap();
        writer.write_all(&[7; 300_000]).unwrap();
        let layer = writer.finish().unwrap();
        let packed = layout.read(&layer.descriptor.digest).unwrap();
        assert_eq!(size(&layer.descriptor), packed.len() as u64);
        assert_eq!(layer.diff_id, digest::of(&[7; 300_000]));
        assert_eq!(&packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

        std::fs::write(layout.blob(&layer.descriptor.digest), "other").unwrap();
        assert!(layout.read(&layer.descriptor.digest).unwrap_err().why.contains("no longer"));
    }

    #[test]
    fn the_digest_does_not_depend_on_how_the_bytes_come() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("image")).unwrap();
        // Runs, text and noise, so that every kind of deflate block is made.
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        let noise = (0..400_000).map(|_| next()).collect::<Vec<u8>>();
        let text = noise.iter().map(|byte| b"abcdefgh\n"[usize::from(byte % 9)]).collect::<Vec<u8>>();
        let bytes = [noise, text, vec![0; 300_000]].concat();
        let of = |mut sizes: Vec<usize>| {
            let mut writer = layout.layer().unwrap();
            let mut rest = bytes.as_slice();
            sizes.push(bytes.len());
            let mut sizes = sizes.into_iter().cycle();
            while let Some(size) = sizes.next().filter(|_| !rest.is_empty()) {
                let (chunk, after) = rest.split_at(size.min(rest.len()));
                writer.write_all(chunk).unwrap();
                rest = after;
            }
            writer.finish().unwrap().descriptor.digest
        };
        let whole = of(vec![]);
        for sizes in [vec![8192; 200], vec![512, 65_536, 100], vec![131_072; 20], [1, 32_767, 3].repeat(50)] {
            assert_eq!(of(sizes.clone()), whole, "in chunks of {:?}…", &sizes[..3]);
        }
    }

    #[test]
    fn a_layer_of_a_cancelled_build_is_not_written_on() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("image")).unwrap();
        let mut writer = layout.layer().unwrap();
        let stop = layout.stop_on_drop();
        writer.write_all(b"one").unwrap();
        drop(stop);
        assert!(writer.write_all(b"two").unwrap_err().to_string().contains("cancelled"));
    }
}
