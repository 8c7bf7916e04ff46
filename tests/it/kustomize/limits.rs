//! What is too deep, too large, circular or hostile has a defined outcome, and soon.

use super::Random;
use mlgate::kustomize::{Error, Options, Output, build};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn tree(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    dir
}

fn render(dir: &TempDir, path: &str) -> Result<Output, Error> {
    let started = Instant::now();
    let result = build(&dir.path().join(path), &Options::default());
    assert!(started.elapsed() < Duration::from_secs(20), "{path} took {:?}", started.elapsed());
    result
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn cycles_are_named() {
    for (b, c) in [("../a", ""), ("../c", "../a"), ("../b", ""), ("..", "")] {
        let dir = tree(&[
            ("a/kustomization.yaml", "resources: [../b]\n"),
            ("b/kustomization.yaml", &format!("resources: [{b}]\n")),
            ("c/kustomization.yaml", &format!("resources: [{c}]\n")),
            ("kustomization.yaml", "resources: [a]\n"),
        ]);
        let error = render(&dir, "a").expect_err("a cycle").to_string();
        assert!(error.contains("makes a cycle") && error.contains("resources[0]"), "{error}");
    }
}

#[test]
fn a_chain_of_ten_is_built_and_one_of_a_hundred_is_refused() {
    let chain = |length: usize| {
        let mut files = vec![("0/a.yaml".to_owned(), CONFIG_MAP.to_owned())];
        files.push(("0/kustomization.yaml".into(), "resources: [a.yaml]\nnamePrefix: x0-\n".into()));
        for i in 1..length {
            let text = format!("resources: [../{}]\nnamePrefix: x{i}-\n", i - 1);
            files.push((format!("{i}/kustomization.yaml"), text));
        }
        let files: Vec<_> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        tree(&files)
    };
    let output = render(&chain(10), "9").expect("it builds");
    assert!(output.to_yaml().contains("name: x9-x8-x7-x6-x5-x4-x3-x2-x1-x0-a\n"));
    let error = render(&chain(100), "99").expect_err("too deep").to_string();
    assert!(error.contains("nest deeper"), "{error}");
}

#[test]
fn a_config_map_of_five_megabytes_is_built() {
    let dir = tree(&[("kustomization.yaml", "configMapGenerator: [{name: big, files: [data.txt]}]\n")]);
    let line = "0123456789 abcdefghij\n";
    std::fs::write(dir.path().join("data.txt"), line.repeat(5 * 1024 * 1024 / line.len())).expect("written");
    let yaml = render(&dir, "").expect("it builds").to_yaml();
    assert!(yaml.len() > 5 * 1024 * 1024 && yaml.contains("name: big-"), "{}", yaml.len());
}

#[test]
fn bombs_and_deep_nesting_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(10)));
    }
    let deep = [format!("a: {}1{}", "[".repeat(50_000), "]".repeat(50_000)), format!("a:\n{}1", "- ".repeat(50_000))];
    for (text, why) in [(&bomb, "aliases"), (&deep[0], "YAML"), (&deep[1], "YAML")] {
        let dir =
            tree(&[("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", &format!("{CONFIG_MAP}{text}\n"))]);
        let error = render(&dir, "").expect_err(why).to_string();
        assert!(error.contains(why) && error.contains("a.yaml"), "{error}");
        let dir = tree(&[("kustomization.yaml", text)]);
        let error = render(&dir, "").expect_err(why).to_string();
        assert!(error.contains(why) && error.contains("kustomization.yaml"), "{error}");
    }
}

#[test]
fn remote_bases_come_by_git_when_allowed() {
    let git = |dir: &Path, arguments: &[&str]| {
        let done = std::process::Command::new("git").arg("-C").arg(dir).args(arguments).output().expect("git runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let remote = tree(&[("base/kustomization.yaml", "resources: [a.yaml]\n"), ("base/a.yaml", CONFIG_MAP)]);
    git(remote.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(remote.path(), &["add", "."]);
    git(remote.path(), &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "-m", "first"]);
    git(remote.path(), &["tag", "v1"]);
    let base = format!("file://{}//base", remote.path().display());
    let text = format!("resources: ['{base}?ref=v1']\nnamePrefix: p-\nbuildMetadata: [originAnnotations]\n");
    let dir = tree(&[("kustomization.yaml", &text)]);
    let refused = render(&dir, "").expect_err("not allowed").to_string();
    assert!(refused.contains("--allow-remote") && refused.contains("resources[0]"), "{refused}");
    let allowed = Options { allow_remote: true, ..Options::default() };
    let yaml = build(dir.path(), &allowed).expect("it builds").to_yaml();
    assert!(
        yaml.contains("name: p-a\n") && yaml.contains("path: base/a.yaml\n") && yaml.contains("ref: v1\n"),
        "{yaml}"
    );
    let missing = tree(&[("kustomization.yaml", &format!("resources: ['{base}?ref=nowhere']\n"))]);
    let error = build(missing.path(), &allowed).expect_err("no such reference").to_string();
    assert!(error.contains("git fetch") && error.contains("resources[0]"), "{error}");
}

#[test]
fn files_elsewhere_are_read_when_the_restrictor_is_off() {
    let dir = tree(&[("a.yaml", CONFIG_MAP), ("o/kustomization.yaml", "resources: [../a.yaml]\n")]);
    assert!(render(&dir, "o").expect_err("outside").to_string().contains("outside"));
    let anywhere = Options { load_anywhere: true, ..Options::default() };
    assert!(build(&dir.path().join("o"), &anywhere).is_ok());
}

/// The entry of the fuzz target: any bytes as a kustomization and an object file. Nothing may panic.
fn fuzz(bytes: &[u8]) {
    let dir = tree(&[]);
    mlgate::kustomize::fuzz(dir.path(), bytes);
}

/// Mutations of real inputs, from a fixed seed and for a bounded time: 8 s, or MLGATE_FUZZ_SECONDS.
#[test]
fn mutated_inputs_neither_panic_nor_hang() {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kustomize");
    for entry in walkdir::WalkDir::new(root).sort_by_file_name().into_iter().flatten() {
        if entry.file_name() == "kustomization.yaml" {
            let folder = entry.path().parent().expect("a folder");
            let mut text = std::fs::read(entry.path()).expect("read");
            for other in std::fs::read_dir(folder).expect("listed").flatten() {
                if other.path().extension().is_some_and(|e| e == "yaml") && other.path() != entry.path() {
                    text.push(0);
                    text.extend(std::fs::read(other.path()).unwrap_or_default());
                }
            }
            seeds.push(text);
        }
    }
    assert!(seeds.len() > 10);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let words: &[&str] = &[
        "*a",
        "&a ",
        "\n- ",
        ": ",
        "{",
        "[",
        "\0",
        "$patch: delete\n",
        "'",
        "\"",
        "|",
        "\t",
        "é",
        "~",
        "<<: ",
        "0x",
        "1e999",
        "../",
    ];
    let seconds = std::env::var("MLGATE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut rounds, mut slowest) = (0, Duration::ZERO);
    while Instant::now() < end {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len() + 1);
            match random.below(5) {
                0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
                1 => drop(bytes.splice(at..at, random.pick(words).bytes())),
                2 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
                3 => {
                    let other = &seeds[random.below(seeds.len())];
                    let from = random.below(other.len());
                    let part: Vec<u8> = other[from..].iter().take(random.below(80)).copied().collect();
                    bytes.splice(at..at, part);
                }
                _ => bytes.truncate(at),
            }
        }
        let started = Instant::now();
        fuzz(&bytes);
        // A hang, not a slow machine.
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", String::from_utf8_lossy(&bytes));
        slowest = slowest.max(started.elapsed());
        rounds += 1;
    }
    println!("{rounds} inputs, the slowest took {slowest:?}");
    assert!(rounds > 100, "{rounds}");
}
