//! What is hashed once, and what is noticed: by calls, by renames, and by writes to mapped pages.

use super::*;
use crate::stamp::notes_writes;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::SystemTime;

impl Once {
    /// To which files that were written just now are settled, and none is too small.
    pub fn late(scratch: &Path) -> Once {
        let clock = Clock::of(scratch).unwrap().later(10);
        Once { clock: Some(clock), least: 0, known: HashMap::new() }
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

/// The digest that is found the second time: on a disk whose times tell of every write it was not computed anew.
fn second(path: &Path, computed: &[u8]) -> String {
    if notes_writes(&File::open(path).unwrap()) { "kept".into() } else { digest::of(computed) }
}

#[test]
fn a_file_that_nobody_wrote_to_is_hashed_once_by_whatever_name() {
    let (dir, path) = file("old");
    let mut once = Once::late(dir.path());
    assert_eq!(once.digest(&path).unwrap(), (digest::of(b"old"), 3));
    once.spoil();
    assert_eq!(once.digest(&path).unwrap(), (second(&path, b"old"), 3));
    std::os::unix::fs::symlink("weights", dir.path().join("link")).unwrap();
    assert_eq!(once.digest(&dir.path().join("link")).unwrap().0, second(&path, b"old"));
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
    let hurried =
        Once { clock: Some(Clock::of(dir.path()).unwrap().later(REST).earlier(REST)), ..Once::late(dir.path()) };
    let unknown = Once { clock: None, ..Once::late(dir.path()) };
    assert!(Once::begin(&dir.path().join("absent")).clock.is_none());
    for mut once in [Once::begin(dir.path()), hurried, unknown] {
        once.digest(&path).unwrap();
        assert!(once.known.is_empty());
    }
}

#[test]
fn a_small_file_is_not_worth_a_sync() {
    let (dir, path) = file("");
    let rested = || Once { least: LEAST, clock: Some(Clock::of(dir.path()).unwrap().later(10)), known: HashMap::new() };
    for (length, worth) in [(LEAST - 1, false), (LEAST, true)] {
        File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        let mut once = rested();
        assert_eq!(once.digest(&path).unwrap().1, length);
        assert_eq!(!once.known.is_empty(), worth && notes_writes(&File::open(&path).unwrap()), "{length}");
    }
}

/// As `np.memmap(mode="r+")` does: a page that is dirty already, and one that was only read, are written to between
/// the two times.
#[test]
fn a_write_to_a_mapped_page_is_noticed_on_every_disk() {
    const WRITER: &str = r#"
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
    for number in (1, 2):
        seen = pages[4096]
        pages[0] = number
        print(number, flush=True)
        sys.stdin.readline()
    pages[4096] = 3
    print(3, flush=True)
    sys.stdin.readline()
"#;
    let memory = Path::new("/dev/shm");
    let here = std::env::temp_dir();
    for disk in [here.as_path(), memory].iter().filter(|disk| disk.is_dir()) {
        let dir = tempfile::tempdir_in(disk).unwrap();
        let path = dir.path().join("weights");
        std::fs::write(&path, [0; 8192]).unwrap();
        let mut writer = Command::new("python3");
        writer.args(["-c", WRITER]).arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut writer = writer.spawn().expect("python3 writes through a mapping");
        let (mut go, mut told) = (writer.stdin.take().unwrap(), BufReader::new(writer.stdout.take().unwrap()));
        let mut once = Once::late(dir.path());
        for number in ["1", "2", "3"] {
            let mut line = String::new();
            told.read_line(&mut line).unwrap();
            assert_eq!(line.trim(), number);
            let found = once.digest(&path).unwrap().0;
            assert_eq!(found, digest::of(&std::fs::read(&path).unwrap()), "{}: {number}", disk.display());
            once.clock = Some(Clock::of(dir.path()).unwrap().later(10));
            tick(dir.path());
            writeln!(go).unwrap();
        }
        assert!(writer.wait().unwrap().success());
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
