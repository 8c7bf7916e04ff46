//! A layer's archive: entries in order of their paths, time 0, owner 0, modes 0755 and 0644.

use super::select::{Entries, Entry};
use crate::image::layout::{Layer, Layout};
use crate::image::pipe::Exactly;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Folders with a mode of their own in every base image. Naming them in a layer would give them 0755.
const SPECIAL: [&str; 3] = ["tmp", "var/tmp", "root"];

pub(super) fn write(layout: &Layout, entries: &Entries, to: &str, on_base: bool) -> io::Result<Layer> {
    let mut archive = Builder::new(layout.layer()?);
    let mut folders = BTreeSet::new();
    let above = entries.keys().flat_map(|place| place.ancestors().skip(1).map(Path::to_path_buf));
    // `to` is made even when only links or nothing but folders lie in it.
    let to = PathBuf::from(to.trim_matches('/'));
    for folder in above.chain(to.ancestors().map(Path::to_path_buf)) {
        let special = on_base && SPECIAL.iter().any(|name| folder == Path::new(name));
        if !folder.as_os_str().is_empty() && !special && !entries.contains_key(&folder) {
            folders.insert(folder);
        }
    }
    let folders = folders.iter().map(|folder| (folder, &Entry::Folder));
    let mut all: Vec<_> = folders.chain(entries.iter()).collect();
    all.sort_by_key(|(place, _)| *place);
    for (place, entry) in all {
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", place.display()));
        append(&mut archive, place, entry).map_err(named)?;
    }
    archive.into_inner()?.finish()
}

fn append<W: io::Write>(archive: &mut Builder<W>, place: &Path, entry: &Entry) -> io::Result<()> {
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
        Entry::File { source, bytes, executable } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            header.set_size(*bytes);
            // A file that changes while it is read would break the archive or slip in unseen.
            let mut file = Exactly::new(File::open(source)?, *bytes);
            archive.append_data(&mut header, place, &mut file)?;
            file.end()
        }
    }
}
