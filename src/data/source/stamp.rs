//! Whether a file on this disk is still the one that was hashed: what is recorded must be what was read.

pub(super) use crate::stamp::{HINT, Stamp, changed};

#[cfg(test)]
mod tests {
    use crate::config::Tracker;
    use crate::data::{Options, Table, Watch};
    use crate::model::Fault;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    const FIRST: &str = "x\n1\n2\n";

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".dvc")).unwrap();
        fs::write(dir.path().join("t.csv"), FIRST).unwrap();
        let by =
            format!("outs:\n- {{md5: {}, hash: md5, path: t.csv}}\n", crate::data::source::hash::md5(FIRST.as_bytes()));
        fs::write(dir.path().join("t.csv.dvc"), by).unwrap();
        dir
    }

    /// Hashed, then changed, then read to its end.
    fn read(change: impl Fn(&Path), tracked_by: Option<Tracker>) -> Result<usize, Fault> {
        let dir = folder();
        let options = Options { tracked_by, ..Options::default() };
        let table = Table::open_with(dir.path(), "t.csv", options).unwrap();
        table.verify("data.t").unwrap();
        change(&dir.path().join("t.csv"));
        let batches: Vec<_> = table.batches(None)?.collect::<Result<_, _>>()?;
        Ok(batches.iter().map(|batch| batch.num_rows()).sum())
    }

    #[test]
    fn a_file_that_is_not_the_one_hashed_is_a_fault() {
        let moved = |path: &Path| {
            fs::write(path.with_extension("new"), FIRST).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        };
        let cut = |path: &Path| fs::write(path, "x\n1\n").unwrap();
        let gone = |path: &Path| fs::remove_file(path).unwrap();
        for tracked_by in [None, Some(Tracker::Dvc)] {
            assert_eq!(read(|_| (), tracked_by.clone()), Ok(2));
            let why = |change: &dyn Fn(&Path)| read(change, tracked_by.clone()).unwrap_err().why;
            assert!(why(&moved).starts_with("it changed while it was read: another file has its name now"));
            assert!(why(&cut).starts_with("it changed while it was read: first 6 bytes, now 4"));
            assert!(why(&gone).contains("No such file"));
        }
    }

    #[test]
    fn a_change_behind_the_back_of_a_scan_is_found_at_its_end() {
        let dir = folder();
        let path = dir.path().join("t.csv");
        let table = Table::open(dir.path(), "t.csv", None).unwrap();
        table.verify("data.t").unwrap();
        let mut batches = table.batches(None).unwrap();
        assert_eq!(batches.next().unwrap().unwrap().num_rows(), 2);
        fs::write(&path, "x\n1\n3\n").unwrap();
        let later = fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_secs(1);
        fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        let fault = batches.next().unwrap().unwrap_err();
        assert!(fault.why.starts_with("it changed while it was read: it was written to"), "{fault}");
        assert_eq!(fault.hint, super::HINT);
    }

    #[test]
    fn data_sets_of_one_run_see_the_same_version_of_a_file() {
        let dir = folder();
        let sources = Arc::default();
        let open = || {
            let watch = Arc::new(Watch::reaching(&sources));
            Table::open_watched(dir.path(), "t.csv", None, watch)
        };
        assert!(open().is_ok());
        fs::write(dir.path().join("t.csv"), "x\n1\n").unwrap();
        assert!(open().unwrap_err().why.contains("it changed while it was read"));
    }
}
