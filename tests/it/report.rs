//! A record as every format shows it: hand-made records against committed texts, and records of strangers, which
//! must come out as text whatever they hold. `MLGATE_BLESS=1` writes the texts anew, to be read before a commit.

use mlgate::record::wire::{Decision, Record, Slice, Verdict};
use mlgate::report::{Format, Options, markdown, render, text};
use std::fs;
use std::path::PathBuf;

pub const HOSTILE: [&str; 12] = [
    "</details><script>alert(1)</script>",
    "@everyone see https://evil.example and www.evil.example",
    "| a | b |",
    "::error::injected",
    "a%0A::error::injected",
    "x\r\n::set-output name=decision::cleared\n##[error]y",
    "``` \n# heading\n- [x] task\n![i](https://evil.example/i.png)",
    "\u{202e}gnihton\u{2066} zero\u{200b}width\u{feff}",
    "--> <!-- mlgate:report churn -->",
    "]]> & <![CDATA[",
    "\u{1b}[2J\u{7}\u{0}\u{fffe}",
    "fixes #1 GH-2 $x$ \\| &lt; {{ 7*7 }} {% raw %}",
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(name)
}

pub fn record(name: &str) -> Record {
    serde_json::from_str(&fs::read_to_string(fixture(name)).unwrap()).unwrap()
}

fn config() -> String {
    fs::read_to_string(fixture("mlops.yaml")).unwrap()
}

fn show(record: &Record, format: Format) -> String {
    render(record, format, &Options { config: Some(config()), ..Options::default() })
}

/// A record in which every text is `text`, and every verdict one of the six outcomes.
pub fn hostile(text: &str) -> Record {
    let mut record = record("blocked.json");
    let t = || text.to_string();
    record.run.model = t();
    record.run.hash = t();
    record.run.environment = Some(t());
    record.run.started = t();
    record.config.path = t();
    record.tool.version = t();
    record.decision = Decision { outcome: "blocked".into(), because: Some(t()), summary: t(), exit_code: 1 };
    if let Some(commit) = &mut record.run.commit {
        commit.sha = t();
    }
    for stage in &mut record.stages {
        stage.notes = vec![t(), t()];
    }
    record.stages[0].name = t();
    for check in &mut record.checks {
        (check.id, check.text, check.message, check.source) = (t(), t(), t(), t());
    }
    for m in &mut record.measurements {
        (m.id, m.unit, m.source) = (t(), t(), t());
    }
    for v in &mut record.verdicts {
        (v.gate, v.reason, v.source, v.bound, v.method) = (t(), t(), t(), Some(t()), Some(t()));
        v.examples = vec![t(); 8];
        v.slice = Some(Slice { column: t(), value: t() });
    }
    record.verdicts[0].id = t();
    record.verdicts[1].stage = t();
    record.verdicts[2].outcome = t();
    record.image = Some(mlgate::record::wire::Image {
        repository: t(),
        tags: vec![t()],
        digest: t(),
        bytes: u64::MAX,
        pushed: false,
        replaces: None,
    });
    record
}

#[test]
fn records_are_shown_as_committed() {
    let mut differ = vec![];
    for name in ["cleared", "blocked", "promotion"] {
        let record = record(&format!("{name}.json"));
        let narrow = Options { config: Some(config()), ..Options::default() };
        let wide = Options { width: 132, color: true, ..narrow.clone() };
        let texts = [
            ("80.txt", render(&record, Format::Terminal, &narrow)),
            ("132.ansi", render(&record, Format::Terminal, &wide)),
            ("md", render(&record, Format::Markdown, &narrow)),
            ("annotations", render(&record, Format::Annotations, &narrow)),
            ("junit.xml", render(&record, Format::Junit, &narrow)),
        ];
        for (ending, text) in texts {
            let path = fixture(&format!("{name}.{ending}"));
            if std::env::var_os("MLGATE_BLESS").is_some() {
                fs::write(&path, &text).unwrap();
            }
            if fs::read_to_string(&path).unwrap_or_default() != text {
                differ.push(format!("{}:\n{text}", path.display()));
            }
        }
    }
    assert!(differ.is_empty(), "these differ; MLGATE_BLESS=1 writes them:\n{}", differ.join("\n"));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let record = record("blocked.json");
    for format in Format::ALL {
        assert_eq!(show(&record, format), show(&record, format));
    }
}

#[test]
fn json_is_the_record_itself() {
    for name in ["cleared.json", "blocked.json"] {
        let text = show(&record(name), Format::Json);
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record(name));
        assert_eq!(text, fs::read_to_string(fixture(name)).unwrap(), "keys keep their order");
    }
}

#[test]
fn the_terminal_report_fits_its_terminal() {
    for name in ["cleared.json", "blocked.json", "promotion.json"] {
        for width in [40, 60, 80, 100, 132] {
            let text = render(&record(name), Format::Terminal, &Options { width, ..Options::default() });
            for line in text.lines() {
                assert!(text::width(line) <= width, "{} columns, not {width}: {line}", text::width(line));
            }
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let record = record("blocked.json");
    let plain = render(&record, Format::Terminal, &Options { width: 100, ..Options::default() });
    let colored = render(&record, Format::Terminal, &Options { width: 100, color: true, ..Options::default() });
    assert_ne!(colored, plain);
    let stripped = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(stripped, plain);
}

#[test]
fn hostile_text_is_no_markup() {
    for text in HOSTILE {
        let markdown = show(&hostile(text), Format::Markdown);
        let first = markdown.lines().next().unwrap();
        assert!(first.starts_with("<!-- mlgate:report ") && first.ends_with(" -->"), "{first}");
        assert_eq!(markdown.matches("<!--").count(), 1, "{text}");
        assert_eq!(markdown.matches("-->").count(), 1, "{text}");
        for bad in [
            "<script",
            "@everyone",
            "https://evil",
            "www.evil",
            "\n# ",
            "![",
            "```",
            "- [x]",
            "fixes #1",
            "GH-2",
            " 49 ",
        ] {
            assert!(!markdown[first.len()..].contains(bad), "{bad:?} came through from {text:?}");
        }
        let opened = markdown.matches("<details").count();
        assert_eq!(opened, markdown.matches("</details>").count());
        for line in markdown.lines().filter(|line| line.starts_with("| ")) {
            let columns = line.matches('|').count();
            assert!([5, 6, 7, 9].contains(&columns), "{columns} bars: {line}");
        }
        assert!(!markdown.chars().any(|c| matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{feff}' | '\u{1b}')));
    }
}

#[test]
fn hostile_text_is_no_command() {
    for text in HOSTILE {
        let annotations = show(&hostile(text), Format::Annotations);
        for line in annotations.lines() {
            assert!(line.starts_with("::error file=") || line.starts_with("::warning file="), "{line}");
            assert!(!line.contains('\r') && !line.contains("%0A::error"), "{line}");
        }
        for width in [40, 80, 132] {
            let report = render(&hostile(text), Format::Terminal, &Options { width, ..Options::default() });
            for line in report.lines() {
                assert!(!line.trim_start().starts_with("::"), "{line}");
                assert!(!line.contains("##[") && !line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line:?}");
            }
        }
    }
}

#[test]
fn hostile_text_is_well_formed_junit() {
    for text in HOSTILE {
        let record = hostile(text);
        let xml = show(&record, Format::Junit);
        let mut reader = quick_xml::Reader::from_str(&xml);
        let (mut cases, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
        loop {
            match reader.read_event().unwrap_or_else(|why| panic!("{text:?}: {why}")) {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                    for attribute in tag.attributes() {
                        attribute.unwrap();
                    }
                    match tag.name().as_ref() {
                        b"testcase" => cases += 1,
                        b"failure" => failures += 1,
                        b"error" => errors += 1,
                        b"skipped" => skipped += 1,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        let is = |word: &'static str| move |v: &&Verdict| v.outcome == word;
        assert_eq!(cases, record.verdicts.len());
        assert_eq!(skipped, record.verdicts.iter().filter(is("skipped")).count());
        // Verdict 2 has an outcome that nobody knows, which is no pass.
        assert_eq!(errors, record.verdicts.iter().filter(is("errored")).count() + 1);
        let blocking = record.verdicts.iter().filter(|v| v.blocking && v.outcome != "errored").count();
        assert_eq!(failures, blocking);
    }
}

#[test]
fn a_comment_is_never_too_long_and_keeps_its_decision() {
    let long = "x".repeat(70_000);
    let mut many = record("blocked.json");
    for at in 0..3000 {
        let mut verdict = many.verdicts[at % 14].clone();
        verdict.reason = format!("@🦀| {at} {}", "very long ".repeat(90));
        many.verdicts.push(verdict);
        many.measurements.push(many.measurements[0].clone());
        many.checks.push(many.checks[1].clone());
    }
    let astral = hostile(&"🦀@#|".repeat(20_000));
    for record in [hostile(&long), many, astral] {
        let text = show(&record, Format::Markdown);
        assert!(text.encode_utf16().count() <= markdown::LONGEST, "{}", text.len());
        assert!(text.lines().nth(1).unwrap().starts_with("### ⛔ "), "{}", &text[..300]);
        assert!(text.trim_end().ends_with("</sub>"), "the foot is there");
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }
}

#[test]
fn what_is_left_out_is_said() {
    let mut record = record("blocked.json");
    for _ in 0..3000 {
        record.measurements.push(record.measurements[0].clone());
    }
    let text = show(&record, Format::Markdown);
    assert!(text.contains("Measurements: 3002"));
    assert!(text.contains(" more in the record."), "{text}");
    let text = show(&hostile(&"*".repeat(70_000)), Format::Markdown);
    assert!(text.contains("Too long for a comment, and so only in the record: "), "{text}");
}

#[test]
fn annotations_beyond_githubs_ten_are_counted() {
    let mut record = record("blocked.json");
    let failed = record.verdicts.iter().find(|v| v.outcome == "failed").unwrap().clone();
    record.verdicts = vec![failed; 25];
    let text = show(&record, Format::Annotations);
    assert_eq!(text.lines().count(), 10);
    assert!(text.lines().last().unwrap().contains("16 more verdicts did not pass"), "{text}");
}

#[test]
fn any_word_but_cleared_is_a_block() {
    for word in ["", "Cleared", "cleared ", "passed"] {
        let mut record = record("cleared.json");
        record.decision.outcome = word.into();
        assert!(show(&record, Format::Terminal).starts_with("✗ breast-cancer is blocked"), "{word}");
        assert!(show(&record, Format::Markdown).contains("### ⛔ breast-cancer is blocked"), "{word}");
    }
}

#[test]
fn numbers_that_are_none_are_no_figures() {
    let mut record = record("cleared.json");
    for verdict in &mut record.verdicts {
        (verdict.value, verdict.baseline, verdict.difference, verdict.interval) = (None, None, None, None);
    }
    for stage in &mut record.stages {
        stage.seconds = 1e300;
    }
    record.measurements[0].value = Some(1.7e308);
    for format in [Format::Terminal, Format::Markdown, Format::Junit] {
        let text = show(&record, format);
        assert!(!text.contains("NaN") && !text.contains("| null"), "{text}");
        assert!(text.lines().all(|line| line.len() < 2000 || format == Format::Junit));
    }
}

#[test]
fn an_empty_record_is_shown_too() {
    let mut record = record("cleared.json");
    record.stages.clear();
    record.verdicts.clear();
    record.checks.clear();
    record.measurements.clear();
    record.inputs.clear();
    record.image = None;
    record.decision = Decision {
        outcome: "blocked".into(),
        because: Some("errored".into()),
        summary: "There is no verdict, and an empty list never passes.".into(),
        exit_code: 4,
    };
    for format in Format::ALL {
        let text = show(&record, format);
        assert!(format == Format::Annotations || !text.is_empty());
    }
}

/// What `mlgate init` writes is filled in with these.
fn filled(template: &str) -> String {
    let mut engine = minijinja::Environment::new();
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let values = minijinja::context! {
        model => "churn", repository => "acme/mlgate", version => "0.1.0",
        commit => "0123456789abcdef0123456789abcdef01234567",
    };
    engine.render_str(template, values).unwrap()
}

#[test]
fn init_templates_fill_into_valid_yaml() {
    let github = filled(include_str!("../../templates/init/github-workflow.yml"));
    let gitlab = filled(include_str!("../../templates/init/gitlab-ci.yml"));
    let mlops = filled(include_str!("../../templates/init/mlops.yaml"));
    for text in [&github, &gitlab, &mlops] {
        assert!(serde_saphyr::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object()), "{text}");
        assert!(!text.contains("{%") && text.contains("churn"), "{text}");
    }
    assert!(github.contains("uses: acme/mlgate@0123456789abcdef0123456789abcdef01234567 # v0.1.0\n"));
    assert!(github.contains("group: mlgate-${{ github.ref }}\n"));
    // Their own checkers, where they are installed.
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let github = write(".github/workflows/mlgate.yml", &github);
    let gitlab = write(".gitlab-ci.yml", &gitlab);
    let action = format!("{}/action.yml", env!("CARGO_MANIFEST_DIR"));
    for (program, arguments) in [
        ("check-jsonschema", ["--builtin-schema", "vendor.github-workflows", &github]),
        ("check-jsonschema", ["--builtin-schema", "vendor.github-actions", &action]),
        ("check-jsonschema", ["--builtin-schema", "vendor.gitlab-ci", &gitlab]),
        ("zizmor", ["--offline", "--pedantic", &github]),
        ("zizmor", ["--offline", "--pedantic", &action]),
    ] {
        if !super::support::has(program) {
            super::support::skipped(&format!("no {program}"));
            continue;
        }
        let done = std::process::Command::new(program).args(arguments).output().unwrap();
        let text = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{program} {arguments:?}:\n{}", String::from_utf8_lossy(&text));
    }
}
