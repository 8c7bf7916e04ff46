//! Every example in the README and in docs/ is run: configurations are checked, commands are executed, links followed.

use crate::support::{self, mlgate};
use std::path::{Path, PathBuf};

struct Block {
    place: String,
    language: String,
    text: String,
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = std::fs::read_dir(root.join("examples")).unwrap().map(|e| e.unwrap().path().join("README.md"));
    let mut pages: Vec<PathBuf> = examples.filter(|page| page.exists()).chain([root.join("README.md")]).collect();
    pages.extend(
        std::fs::read_dir(root.join("docs"))
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "md")),
    );
    pages.sort();
    pages
}

/// The lines of a page outside of its code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// The anchors of a page's headings, as GitHub makes them: lower case, letters, digits, `_` and `-` kept, spaces as
/// `-`, and `-1`, `-2` … where a heading repeats.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in prose(text) {
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        if !(1..=6).contains(&level) || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().to_lowercase().replace(' ', "-");
        let base: String = kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        let mut anchor = base.clone();
        for i in 1.. {
            if !anchors.contains(&anchor) {
                break;
            }
            anchor = format!("{base}-{i}");
        }
        anchors.push(anchor);
    }
    anchors
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    assert_eq!(anchors("# A b\n```\n# no\n```\n## `x.y` & z, w!\n# A b\n"), ["a-b", "xy--z-w", "a-b-1"]);
    let link =
        regex::Regex::new(r#"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:src|href)="([^"]+)""#).unwrap();
    let (mut seen, mut broken) = (0, Vec::new());
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in prose(&text).flat_map(|line| link.captures_iter(line)).map(|c| {
            let target = c.iter().skip(1).flatten().next();
            target.map_or("", |target| target.as_str())
        }) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let to = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let leads = match anchor {
                None => to.exists(),
                Some(anchor) => {
                    std::fs::read_to_string(&to).is_ok_and(|text| anchors(&text).iter().any(|a| a == anchor))
                }
            };
            if !leads {
                broken.push(format!("{}: {target}", page.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display()));
            }
        }
    }
    assert!(seen >= 20, "only {seen} links found");
    assert!(broken.is_empty(), "these lead nowhere:\n{}", broken.join("\n"));
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let mut open: Option<Block> = None;
        for (i, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some(Block {
                        place: format!("{name}:{}", i + 1),
                        language: language.trim().to_string(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a block is not closed");
    }
    blocks
}

/// The first keys of `mlops.yaml`; YAML that begins with another is of another program.
const KEYS: [&str; 12] = [
    "version",
    "model",
    "data",
    "tests",
    "quality",
    "image",
    "latency",
    "overlay",
    "environments",
    "inconclusive",
    "confidence",
    "slice_correction",
];

fn python_has_the_examples_packages() -> bool {
    let mut python = std::process::Command::new("python");
    python.args(["-c", "import pytest, fastapi, uvicorn, pandas, sklearn"]).stderr(std::process::Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

#[test]
fn configurations_in_the_docs_are_valid() {
    let mut seen = 0;
    for block in blocks().iter().filter(|b| b.language == "yaml") {
        let first = block.text.lines().find(|l| !l.trim().is_empty() && !l.starts_with('#')).unwrap_or_default();
        if !KEYS.iter().any(|key| first.starts_with(&format!("{key}:"))) {
            continue;
        }
        let mut text = block.text.clone();
        if !text.contains("\nversion:") && !text.starts_with("version:") {
            text.insert_str(0, "version: 1\n");
        }
        if !text.contains("\nmodel:") && !text.starts_with("model:") {
            text.push_str("model: {name: docs}\n");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mlops.yaml"), &text).unwrap();
        let output = mlgate(folder.path()).arg("check").output().unwrap();
        assert!(output.status.success(), "{}: {}\n{text}", block.place, String::from_utf8_lossy(&output.stderr));
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} configurations found");
}

/// `mlgate …` lines of `sh` blocks run in a copy of the examples; `# … exit code N` says which code is expected.
#[test]
fn commands_in_the_docs_run() {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in walkdir::WalkDir::new(&examples) {
        let entry = entry.unwrap();
        let to = folder.path().join("examples").join(entry.path().strip_prefix(&examples).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    let mut seen = 0;
    for block in blocks().iter().filter(|b| b.language == "sh") {
        if block.text.contains("requirements.txt") && !python_has_the_examples_packages() {
            support::skipped("python with the packages of examples/breast-cancer/requirements.txt");
            continue;
        }
        for line in block.text.lines() {
            // From a checkout, `cargo run` builds the very binary under test.
            let line = line.replacen("cargo run --quiet -- ", "mlgate ", 1);
            if !line.starts_with("mlgate ") {
                continue;
            }
            let (command, comment) = line.split_once(" #").unwrap_or((&line, ""));
            let expected: i32 = comment.split_once("exit code ").map_or(0, |(_, code)| code.trim().parse().unwrap());
            let words = command.split_whitespace().skip(1);
            let inside = command.contains("-C ");
            let root = if inside { folder.path().to_path_buf() } else { folder.path().join("examples/breast-cancer") };
            let output = mlgate(&root).args(words).output().unwrap();
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(expected), "{}: {line}\n{said}", block.place);
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} commands found");
}

#[test]
fn mlops_md_lists_every_key_with_its_description() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mlops.md")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&mlgate::config::json_schema()).unwrap();
    let mut keys = Vec::new();
    collect(&schema, "", &mut keys);
    assert!(keys.len() > 60, "{}", keys.len());
    for (key, description) in keys {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        assert!(row.is_some_and(|row| row.contains(&description)), "docs/mlops.md lacks | `{key}` | … {description}");
    }
}

fn collect(schema: &serde_json::Value, path: &str, keys: &mut Vec<(String, String)>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, value) in properties {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        keys.push((key.clone(), value["description"].as_str().unwrap_or_default().to_string()));
        collect(value, &key, keys);
        collect(&value["additionalProperties"], &format!("{key}.NAME"), keys);
        collect(&value["items"], &format!("{key}[]"), keys);
    }
}
