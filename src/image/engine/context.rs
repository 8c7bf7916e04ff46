//! The build context: a folder as a tar stream, without what `.dockerignore` leaves out.

use super::ignore::Ignore;
use crate::image::pipe::{self, Exactly};
use bytes::Bytes;
use futures_util::Stream;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tar::{Builder, EntryType, Header};
use walkdir::{DirEntry, WalkDir};

/// Name in the context of a Dockerfile that lies outside of it.
const OUTSIDE: &str = ".mlgate.Dockerfile";

#[derive(Debug)]
pub(super) struct Context {
    folder: PathBuf,
    /// Folder that is never part of it.
    without: PathBuf,
    /// What may be part of it, folders among them; None: everything.
    tracked: Option<BTreeSet<PathBuf>>,
    dockerfile: PathBuf,
    /// Of the Dockerfile in the context.
    pub(super) dockerfile_name: String,
    ignore: Ignore,
    /// The engine reads `.dockerignore` too, and hides it from COPY when it is left out.
    reads_ignore: bool,
}

impl Context {
    /// # Errors
    /// When folder or Dockerfile is not there, or the ignore file cannot be read.
    pub(super) fn open(folder: &Path, dockerfile: &Path, without: &Path) -> Result<Context, String> {
        let canonical = |path: &Path| path.canonicalize().map_err(|e| format!("{}: {e}", path.display()));
        let (folder, dockerfile) = (canonical(folder)?, canonical(dockerfile)?);
        let dockerfile_name = match dockerfile.strip_prefix(&folder) {
            Ok(inside) => inside.to_string_lossy().into_owned(),
            Err(_) => OUTSIDE.to_string(),
        };
        // `Dockerfile.dockerignore` beside the Dockerfile goes before the context's own.
        let own = PathBuf::from(format!("{}.dockerignore", dockerfile.display()));
        let file = if own.is_file() { own } else { folder.join(".dockerignore") };
        let text = match std::fs::read_to_string(&file) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|e| format!("{}: {e}", file.display()))?,
        };
        let ignore = Ignore::parse(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        let without = without.canonicalize().unwrap_or_else(|_| without.to_path_buf());
        Ok(Context { folder, without, tracked: None, dockerfile, dockerfile_name, ignore, reads_ignore: true })
    }

    /// For BuildKit, which takes an archive as it is.
    pub(super) fn whole(self) -> Context {
        Context { reads_ignore: false, ..self }
    }

    /// Leaves out what is not among these files.
    pub(super) fn only(mut self, files: &[PathBuf]) -> Context {
        let folders = files.iter().flat_map(|file| file.ancestors()).filter(|path| !path.as_os_str().is_empty());
        self.tracked = Some(folders.map(Path::to_path_buf).collect());
        self
    }

    fn is_tracked(&self, name: &Path) -> bool {
        self.tracked.as_ref().is_none_or(|tracked| tracked.contains(name))
    }

    pub(super) fn dockerfile_text(&self) -> io::Result<String> {
        std::fs::read_to_string(&self.dockerfile)
    }

    /// It can be asked for more than once.
    pub(super) fn stream(self: Arc<Self>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        pipe::stream_of(move |writer| self.write(writer))
    }

    fn write(&self, writer: impl Write) -> io::Result<()> {
        let mut archive = Builder::new(writer);
        // BuildKit knows an archive by a whole entry in its first 1,024 bytes, which one with a long name may not be.
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        archive.append_data(&mut header, "./", io::empty())?;
        let walk = WalkDir::new(&self.folder).min_depth(1).sort_by_file_name();
        let descend = |entry: &DirEntry| {
            if entry.path() == self.without {
                return false;
            }
            if entry.file_type().is_dir() && !self.is_tracked(self.below(entry)) && !self.leads_to_dockerfile(entry) {
                return false;
            }
            self.ignore.takes_back() || !entry.file_type().is_dir() || !self.ignore.leaves_out(self.below(entry))
        };
        for entry in walk.into_iter().filter_entry(descend) {
            let entry = entry?;
            let name = self.below(&entry);
            let needed =
                name == Path::new(&self.dockerfile_name) || (self.reads_ignore && name == Path::new(".dockerignore"));
            if needed || (self.is_tracked(name) && !self.ignore.leaves_out(name)) {
                let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", entry.path().display()));
                append(&mut archive, &entry, name).map_err(named)?;
            }
        }
        if self.dockerfile_name == OUTSIDE {
            let mut header = Header::new_gnu();
            header.set_mode(0o644);
            let file = File::open(&self.dockerfile)?;
            header.set_size(file.metadata()?.len());
            archive.append_data(&mut header, OUTSIDE, file)?;
        }
        archive.into_inner().map(drop)
    }

    fn leads_to_dockerfile(&self, folder: &DirEntry) -> bool {
        Path::new(&self.dockerfile_name).starts_with(self.below(folder))
    }

    fn below<'a>(&self, entry: &'a DirEntry) -> &'a Path {
        entry.path().strip_prefix(&self.folder).unwrap_or(entry.path())
    }
}

/// Owners are left out, as `docker build` does; modes and times stay, because tools in the image may look at them.
fn append(archive: &mut Builder<impl Write>, entry: &DirEntry, name: &Path) -> io::Result<()> {
    let metadata = entry.metadata()?;
    let mut header = Header::new_gnu();
    header.set_mode(metadata.mode() & 0o7777);
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    if metadata.is_dir() {
        header.set_entry_type(EntryType::Directory);
        archive.append_data(&mut header, name, io::empty())
    } else if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        archive.append_link(&mut header, name, std::fs::read_link(entry.path())?)
    } else if metadata.is_file() {
        header.set_size(metadata.len());
        let mut file = Exactly::new(File::open(entry.path())?, metadata.len());
        archive.append_data(&mut header, name, &mut file)?;
        file.end()
    } else if metadata.file_type().is_socket() {
        // As `docker build` does: some program listens there.
        Ok(())
    } else {
        let why = "it is a pipe or a device, which no image should have; remove it, or leave it out by .dockerignore";
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(context: &Context) -> BTreeSet<String> {
        let mut bytes = Vec::new();
        context.write(&mut bytes).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        names.filter(|name| name != "./").collect()
    }

    #[test]
    fn pipes_are_refused_unless_they_are_left_out_and_sockets_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap().success());
        let open = || Context::open(dir.path(), &dir.path().join("Dockerfile"), &dir.path().join(".mlgate")).unwrap();
        let told = open().write(io::sink()).unwrap_err().to_string();
        assert!(told.contains("pipe: it is a pipe or a device") && told.contains(".dockerignore"), "{told}");
        std::fs::write(dir.path().join(".dockerignore"), "pipe").unwrap();
        assert_eq!(names(&open()), [".dockerignore", "Dockerfile"].map(String::from).into());
    }

    #[test]
    fn what_is_ignored_stays_out_but_the_dockerfile_gets_in() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("context");
        for file in
            ["Dockerfile", ".mlgate/image/index.json", "model/a.onnx", "data/big.csv", "data/keep.csv", ".git/HEAD"]
        {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "x").unwrap();
        }
        std::fs::write(root.join(".dockerignore"), "Dockerfile\n.dockerignore\n.git\ndata/*\n!data/keep.csv\n")
            .unwrap();
        let context = Context::open(&root, &root.join("Dockerfile"), &root.join(".mlgate")).unwrap();
        let expected = [".dockerignore", "Dockerfile", "data", "data/keep.csv", "model", "model/a.onnx"];
        assert_eq!(names(&context), expected.map(String::from).into());

        // Of the tracked files those that are not ignored, and what the engine needs in any case.
        let tracked = ["model/a.onnx", "data/big.csv", "gone/deleted.txt"].map(PathBuf::from);
        let context = context.only(&tracked);
        assert_eq!(
            names(&context),
            [".dockerignore", "Dockerfile", "data", "model", "model/a.onnx"].map(String::from).into()
        );

        let whole = Context::open(&root, &root.join("Dockerfile"), &root.join(".mlgate")).unwrap().whole();
        assert_eq!(
            names(&whole),
            ["Dockerfile", "data", "data/keep.csv", "model", "model/a.onnx"].map(String::from).into()
        );

        let other = dir.path().join("Other.Dockerfile");
        std::fs::write(&other, "FROM scratch").unwrap();
        std::fs::write(dir.path().join("Other.Dockerfile.dockerignore"), "*").unwrap();
        let context = Context::open(&root, &other, &root.join(".mlgate")).unwrap();
        assert_eq!(names(&context), [".dockerignore".to_string(), OUTSIDE.to_string()].into());
        let fault = Context::open(&root, &root.join("Nothing"), &root).unwrap_err();
        assert!(fault.contains("Nothing"), "{fault}");
    }
}
