use super::super::hash::md5;
use super::listing::rendered;
use super::*;

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".dvc")).unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// What does not match, or why it cannot be read.
fn wrong(root: &Path, source: &str) -> Result<Vec<String>, Fault> {
    let watch = Arc::default();
    let (_, verified) = find(root, source, &watch)?.verify("data.t", &watch)?;
    Ok(verified.unwrap().wrong)
}

#[test]
fn a_list_is_written_as_python_writes_it() {
    // `hashlib.md5(json.dumps([…]).encode())` of Python 3.11.
    let files = [("a".to_string(), "0".to_string()), ("é\"\\😀".to_string(), "1".to_string())];
    let expected = r#"[{"md5": "0", "relpath": "a"}, {"md5": "1", "relpath": "\u00e9\"\\\ud83d\ude00"}]"#;
    assert_eq!(rendered(&files), expected);
}

#[test]
fn hashes_of_dvc_2_take_crlf_for_lf_and_those_of_dvc_3_do_not() {
    let text = "id\r\n1\r\n";
    let (plain, unix) = (md5(text.as_bytes()), md5(b"id\n1\n"));
    let dir = repository(&[
        ("old.csv", text),
        ("old.csv.dvc", &format!("outs:\n- md5: {unix}\n  path: old.csv\n")),
        ("new.csv", text),
        ("new.csv.dvc", &format!("outs:\n- md5: {plain}\n  hash: md5\n  path: new.csv\n")),
        ("bad.csv", text),
        ("bad.csv.dvc", &format!("outs:\n- md5: {unix}\n  hash: md5\n  path: bad.csv\n")),
    ]);
    assert_eq!(wrong(dir.path(), "old.csv").unwrap(), [""; 0]);
    assert_eq!(wrong(dir.path(), "new.csv").unwrap(), [""; 0]);
    assert_eq!(wrong(dir.path(), "bad.csv").unwrap(), [format!("bad.csv: md5 {plain}, and bad.csv.dvc says {unix}")]);
    assert_eq!(wrong(dir.path(), "*.csv").unwrap().len(), 1);
}

#[test]
fn outs_of_stages_are_found_in_the_lock_below_their_folder() {
    let hash = md5(b"id\n1\n");
    let dir = repository(&[
        ("sub/out/a.csv", "id\n1\n"),
        ("dvc.yaml", "stages:\n  make@x:\n    cmd: x\n    wdir: sub\n    outs: [out/a.csv]\n"),
        (
            "dvc.lock",
            &format!(
                "schema: '2.0'\nstages:\n  make@x:\n    cmd: x\n    outs:\n    - path: out/a.csv\n      hash: md5\n      md5: {hash}\n      size: 5\n"
            ),
        ),
        ("none.csv", "id\n"),
        ("none.csv.dvc", "outs:\n- path: none.csv\n"),
        ("torn.csv", "id\n"),
        ("torn/x.dvc", "<<<<<<< HEAD\n"),
    ]);
    assert_eq!(wrong(dir.path(), "sub/out/a.csv").unwrap(), [""; 0]);
    std::fs::write(dir.path().join("sub/out/a.csv"), "id\n2\n").unwrap();
    assert_eq!(wrong(dir.path(), "sub/out/a.csv").unwrap().len(), 1);
    assert!(wrong(dir.path(), "none.csv").unwrap_err().why.contains("has no md5"));
    assert!(wrong(dir.path(), "torn.csv").unwrap_err().hint.contains("dvc add torn.csv"));
    assert!(wrong(dir.path(), "torn/*.csv").unwrap_err().what.contains("torn/x.dvc"));
    assert!(wrong(dir.path(), "s3://b/a.csv").unwrap_err().why.contains("not an address"));
    let plain = tempfile::tempdir().unwrap();
    assert!(wrong(plain.path(), "a.csv").unwrap_err().why.contains("DVC repository"));
}

#[test]
fn two_hashes_of_one_file_and_hashes_of_another_kind_are_faults() {
    let (one, two) = (md5(b"id\n1\n"), md5(b"id\n2\n"));
    let out = |hash: &str| format!("- {{path: a.csv, hash: md5, md5: {hash}}}\n");
    let lock = |hash: &str| format!("stages:\n  make:\n    outs:\n    {}", out(hash));
    for (other, text) in [("dvc.lock", lock(&two)), ("b.dvc", format!("outs:\n{}", out(&two)))] {
        let first = format!("outs:\n{}", out(&one));
        let dir = repository(&[("a.csv", "id\n1\n"), ("a.csv.dvc", &first), (other, &text)]);
        let why = wrong(dir.path(), "a.csv").unwrap_err().why;
        assert!(why.contains("there are two md5") && why.contains(&one) && why.contains(&two), "{why}");
        std::fs::write(dir.path().join(other), text.replace(&two, &one)).unwrap();
        assert_eq!(wrong(dir.path(), "a.csv").unwrap(), [""; 0], "{other} says the same");
    }
    let twice = format!("outs:\n{}{}", out(&one), out(&two));
    let dir = repository(&[("a.csv", "id\n1\n"), ("a.csv.dvc", &twice)]);
    assert!(wrong(dir.path(), "a.csv").unwrap_err().why.contains("there are two md5"));

    let sha1 = format!("outs:\n{}", out(&one).replace("hash: md5", "hash: sha1"));
    let dir = repository(&[("a.csv", "id\n1\n"), ("a.csv.dvc", &sha1)]);
    assert!(wrong(dir.path(), "a.csv").unwrap_err().why.contains("a.csv.dvc says hash: sha1 of"));
}

#[test]
fn a_file_in_a_tracked_folder_that_is_tracked_by_itself_too_has_one_hash() {
    let (one, two) = (md5(b"id\n1\n"), md5(b"id\n2\n"));
    let list = md5(rendered(&[("a.csv".to_string(), one.clone())]).as_bytes());
    let folder = format!("outs:\n- {{path: d, hash: md5, md5: {list}.dir}}\n");
    let file = format!("outs:\n- {{path: d/a.csv, hash: md5, md5: {two}}}\n");
    let dir = repository(&[("d/a.csv", "id\n1\n"), ("d.dvc", &folder), ("x.dvc", &file)]);
    assert!(wrong(dir.path(), "d/a.csv").unwrap_err().why.contains("there are two md5 of d/a.csv"));
}
