//! A layer as what it is made from. It is never stored: its archive is written anew whenever somebody reads it, once to
//! be hashed and once to be sent, and it is the same archive as long as no file was touched in between.
//!
//! Entries stand in order of their paths, with time 0, owner 0 and modes 0755 and 0644.

use super::select::{Entries, Entry};
use crate::config::Compression;
use crate::digest;
use crate::image::layout::Layer;
use crate::image::pack::{LayerWriter, Packer, Packing};
use crate::image::pipe;
use crate::stamp::{Clock, Stamp, notes_writes};
use bytes::Bytes;
use futures_util::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tar::{Builder, EntryType, Header};

/// Folders with a mode of their own in every base image. Naming them in a layer would give them 0755.
const SPECIAL: [&str; 3] = ["tmp", "var/tmp", "root"];
/// Read at once; small enough that the allocator keeps it.
const PIECE: usize = 64 * 1024;
const SAMPLES: u64 = 16;
/// Bytes. Smaller files are not synced for a fingerprint: there may be thousands, and each takes the disk its time.
const SYNCED: u64 = 8 << 20;
/// What must be saved for a pull to be worth unpacking it: a tenth.
const WORTH: f64 = 0.9;

#[derive(Clone, Debug)]
pub(in crate::image) struct Recipe {
    entries: BTreeMap<PathBuf, Entry>,
    /// Raw: the one file itself, without an archive around it.
    compression: Compression,
}

impl Recipe {
    pub(super) fn new(mut entries: Entries, to: &str, compression: Compression, on_base: bool) -> Recipe {
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        // `to` is made even when only links or nothing but folders lie in it.
        let to = PathBuf::from(to.trim_matches('/'));
        for folder in entries.keys().filter_map(|place| place.parent()).chain([to.as_path()]) {
            // Those above a folder that is known are known too.
            for folder in folder.ancestors() {
                if folders.contains(folder) {
                    break;
                }
                folders.insert(folder.to_path_buf());
            }
        }
        for folder in folders {
            let special = on_base && SPECIAL.iter().any(|name| folder == Path::new(name));
            if !folder.as_os_str().is_empty() && !special {
                entries.entry(folder).or_insert(Entry::Folder);
            }
        }
        Recipe { entries, compression }
    }

    /// A file as a layer of its own.
    pub(super) fn raw(place: PathBuf, file: Entry) -> Recipe {
        Recipe { entries: BTreeMap::from([(place, file)]), compression: Compression::Raw }
    }

    /// What is in it, by the places there.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        self.entries.iter().map(|(place, entry)| (place.as_path(), entry))
    }

    /// What the layer depends on, files by their stamps; none when a later write to one of them might not show in its
    /// stamp. The clock is that of the file system, from before the files were selected.
    pub(super) fn fingerprint(&self, clock: Option<&Clock>) -> Option<String> {
        use std::fmt::Write;
        let mut text = format!("{} {:?}\n", env!("CARGO_PKG_VERSION"), self.compression);
        for (place, entry) in &self.entries {
            let what = match entry {
                Entry::Folder => "folder".to_string(),
                Entry::Link { target, .. } => format!("link {}", digest::of(target.as_os_str().as_bytes())),
                Entry::File { source, bytes, stamp, .. } if !is_at_rest(source, *bytes, stamp, clock?) => return None,
                Entry::File { executable, stamp, .. } => format!("file {executable} {}", stamp.text()),
            };
            // Names may hold anything, a line end too.
            let _ = writeln!(text, "{} {what}", digest::of(place.as_os_str().as_bytes()));
        }
        Some(digest::of(text.as_bytes()))
    }

    /// Hashes the layer without keeping it.
    pub(super) fn measure(&self, stopped: &AtomicBool) -> io::Result<(Packing, Layer)> {
        let packing = self.packing()?;
        let mut writer = LayerWriter::new(io::sink(), packing);
        self.write(Stoppable { inner: &mut writer, stopped })?;
        Ok((packing, writer.finish()?.1))
    }

    /// The layer as a stream, from a byte on.
    pub(in crate::image) fn stream(
        &self,
        packing: Packing,
        from: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
        let recipe = self.clone();
        pipe::stream_of(move |writer| {
            let mut packer = Packer::new(Skip { inner: writer, left: from }, packing);
            recipe.write(&mut packer)?;
            packer.finish().map(drop)
        })
    }

    fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        let named = |place: &Path, e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", place.display()));
        if self.compression == Compression::Raw {
            for (place, entry) in &self.entries {
                if let Entry::File { source, bytes, stamp, .. } = entry {
                    copy(&mut out, source, *bytes, stamp, &mut piece).map_err(|e| named(place, e))?;
                }
            }
            return Ok(());
        }
        let mut archive = Builder::new(out);
        for (place, entry) in &self.entries {
            append(&mut archive, place, entry, &mut piece).map_err(|e| named(place, e))?;
        }
        archive.into_inner().map(drop)
    }

    /// What the layer's compression is for these files. Samples are taken at even distances over all of them, so the
    /// same files give the same answer.
    fn packing(&self) -> io::Result<Packing> {
        match self.compression {
            Compression::None | Compression::Raw => return Ok(Packing::Stored),
            Compression::Gzip => return Ok(Packing::Gzip),
            Compression::Zstd => return Ok(Packing::Zstd),
            Compression::Auto => {}
        }
        let files = self.entries.values().filter_map(|entry| match entry {
            Entry::File { source, bytes, .. } => Some((source, *bytes)),
            _ => None,
        });
        let step = (files.clone().map(|(_, bytes)| bytes).sum::<u64>() / SAMPLES).max(1);
        let (mut sample, mut start, mut next) = (Vec::new(), 0, 0);
        for (source, bytes) in files {
            while next < start + bytes {
                let mut file = File::open(source)?;
                file.seek(SeekFrom::Start(next - start))?;
                file.take(PIECE as u64).read_to_end(&mut sample)?;
                // Small files are sampled once each at most.
                next += step.max(PIECE as u64);
            }
            start += bytes;
        }
        let packed = zstd::bulk::compress(&sample, 1)?.len();
        let worth = sample.is_empty() || (packed as f64) < sample.len() as f64 * WORTH;
        Ok(if worth { Packing::Gzip } else { Packing::Stored })
    }
}

fn append<W: Write>(archive: &mut Builder<W>, place: &Path, entry: &Entry, piece: &mut [u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match entry {
        Entry::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            archive.append_data(&mut header, place, io::empty())
        }
        Entry::Link { target, .. } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, place, target)
        }
        Entry::File { source, bytes, executable, stamp } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            header.set_size(*bytes);
            // The content is written here, in larger pieces than the archive would.
            archive.append_data(&mut header, place, io::empty())?;
            copy(archive.get_mut(), source, *bytes, stamp, piece)?;
            archive.get_mut().write_all(&[0; 512][..(512 - (*bytes % 512) as usize) % 512])
        }
    }
}

/// A file's content, as long as it is the file that was selected.
fn copy(out: &mut impl Write, source: &Path, bytes: u64, stamp: &Stamp, piece: &mut [u8]) -> io::Result<()> {
    let mut file = File::open(source)?;
    unchanged(&file, stamp)?;
    let mut left = bytes;
    while left > 0 {
        let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match file.read(&mut piece[..most]) {
            Ok(0) => return Err(changed("it is shorter now")),
            Ok(read) => {
                out.write_all(&piece[..read])?;
                left -= read as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    unchanged(&file, stamp)
}

/// Whether the file that was selected tells of every later write. Of a small one that some program holds in memory this is
/// so as soon as the kernel has brought its pages to the disk, which it does within the minute.
fn is_at_rest(source: &Path, bytes: u64, stamp: &Stamp, clock: &Clock) -> bool {
    // Before anything is opened or synced: most files that are not at rest were written just now.
    stamp.is_settled_by(clock)
        && File::open(source).is_ok_and(|file| match bytes < SYNCED {
            true => notes_writes(&file),
            false => clock.at_rest(&file).is_ok_and(|now| now == Some(*stamp)),
        })
}

/// A file that is written to while it is read, or after it was hashed, would break the archive or slip in unseen.
fn unchanged(file: &File, stamp: &Stamp) -> io::Result<()> {
    if Stamp::of(&file.metadata()?) == *stamp { Ok(()) } else { Err(changed("another process wrote to it")) }
}

fn changed(how: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the file changed while the image was made: {how}"))
}

/// Fails as soon as nobody waits for it any more: threads are not cancelled with the future that waits for them.
struct Stoppable<'a, W> {
    inner: W,
    stopped: &'a AtomicBool,
}

impl<W: Write> Write for Stoppable<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the build was cancelled")),
            false => self.inner.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Leaves out the first `left` bytes.
struct Skip<W> {
    inner: W,
    left: u64,
}

impl<W: Write> Write for Skip<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let skipped = data.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= skipped as u64;
        self.inner.write_all(&data[skipped..])?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::noise;
    use futures_util::TryStreamExt;
    use std::time::SystemTime;

    fn file(source: &Path) -> Entry {
        let metadata = source.metadata().unwrap();
        let (bytes, stamp) = (metadata.len(), Stamp::of(&metadata));
        Entry::File { source: source.to_path_buf(), bytes, executable: false, stamp }
    }

    fn recipe(source: &Path, compression: Compression) -> Recipe {
        let long = PathBuf::from(format!("app/{}/w.bin", "long".repeat(40)));
        let entries = [("app/w.bin".into(), file(source)), (long, file(source))];
        Recipe::new(entries.into(), "/app", compression, false)
    }

    async fn sent(recipe: &Recipe, packing: Packing, from: u64) -> io::Result<Vec<u8>> {
        recipe.stream(packing, from).map_ok(|chunk| chunk.to_vec()).try_concat().await
    }

    #[tokio::test]
    async fn what_is_sent_is_what_was_hashed_from_any_byte_on() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("w.bin");
        std::fs::write(&source, "weights\n".repeat(200_000)).unwrap();
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Auto] {
            let recipe = recipe(&source, compression);
            let (packing, layer) = recipe.measure(&AtomicBool::new(false)).unwrap();
            let whole = sent(&recipe, packing, 0).await.unwrap();
            assert_eq!(digest::of(&whole), layer.descriptor.digest, "{compression:?}");
            for from in [1, 511, 70_000, whole.len() as u64].map(|from| from.min(whole.len() as u64)) {
                assert!(sent(&recipe, packing, from).await.unwrap() == whole[from as usize..], "{from}");
            }
        }
        assert!(recipe(&source, Compression::None).measure(&AtomicBool::new(true)).is_err(), "cancelled");
    }

    #[tokio::test]
    async fn a_file_that_was_touched_after_it_was_hashed_is_not_sent() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("w.bin");
        std::fs::write(&source, [1; 100_000]).unwrap();
        let recipe = recipe(&source, Compression::None);
        recipe.measure(&AtomicBool::new(false)).unwrap();
        File::options().write(true).open(&source).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let error = sent(&recipe, Packing::Stored, 0).await.unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidData && error.to_string().starts_with("app/"), "{error}");
    }

    #[test]
    fn weights_are_stored_and_text_is_packed() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("w.bin");
        let noise = noise(7, 3_000_000);
        for (bytes, expected) in [
            (noise.clone(), Packing::Stored),
            ("print('hello')\n".repeat(1000).into_bytes(), Packing::Gzip),
            (noise.iter().map(|byte| byte & 15).collect(), Packing::Gzip),
            (Vec::new(), Packing::Gzip),
        ] {
            std::fs::write(&source, bytes).unwrap();
            assert_eq!(recipe(&source, Compression::Auto).packing().unwrap(), expected);
        }
    }

    #[test]
    fn a_fingerprint_stands_for_files_that_nobody_writes_to() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("w.bin");
        for length in [3, SYNCED] {
            File::create(&source).unwrap().set_len(length).unwrap();
            let now = Clock::of(dir.path()).unwrap();
            let of = |compression, clock: &Clock| recipe(&source, compression).fingerprint(Some(clock));
            assert_eq!(of(Compression::Auto, &now), None, "written just now");
            assert_eq!(recipe(&source, Compression::Auto).fingerprint(None), None, "of an unknown clock");
            let later = now.later(10);
            let first = of(Compression::Auto, &later);
            if !notes_writes(&File::open(&source).unwrap()) {
                assert_eq!(first, None, "a disk that does not tell of every write");
                continue;
            }
            assert!(first.is_some());
            assert_eq!(first, of(Compression::Auto, &later));
            assert_ne!(first, of(Compression::Gzip, &later));
            let moved = Recipe::new([("w.bin".into(), file(&source))].into(), "/", Compression::Auto, false);
            assert_ne!(first, moved.fingerprint(Some(&later)));
            let selected = recipe(&source, Compression::Auto);
            File::options().write(true).open(&source).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            assert_ne!(first, of(Compression::Auto, &later), "touched");
            if length >= SYNCED {
                assert_eq!(selected.fingerprint(Some(&later)), None, "touched since it was selected");
            }
        }
    }
}
