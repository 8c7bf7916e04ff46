//! Data sets on disk, from the lines of `checks:` to evidence.

use crate::support::{config, context};
use mlgate::config::{Config, DataCheck, DataRule, Dataset, Format, data_check};
use mlgate::data::Table;
use mlgate::model::{Evidence, Outcome, Severity, Unit};
use mlgate::stage::data;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600_000_000;

fn dataset(name: &str, source: &str, lines: &[&str]) -> Dataset {
    let checks = lines.iter().map(|line| {
        let (severity, text) = match line.strip_prefix("warn: ") {
            Some(text) => (Severity::Warn, text),
            None => (Severity::Block, *line),
        };
        let rule = match text.starts_with("select ") {
            true => DataRule::Sql { query: text.to_string() },
            false => data_check::parse(text).expect(text),
        };
        DataCheck { severity, ..DataCheck::new(text, rule) }
    });
    Dataset { checks: checks.collect(), ..Dataset::new(name, source) }
}

async fn run(root: &Path, sets: &[Dataset]) -> Evidence {
    let config = Config { data: sets.to_vec(), ..config() };
    let ctx = context(&config, root);
    data::run_at(&ctx, sets, None, NOW).await
}

fn outcomes(evidence: &Evidence) -> Vec<(&str, Outcome)> {
    evidence.checks.iter().map(|check| (check.text.as_str(), check.outcome)).collect()
}

#[tokio::test]
async fn a_data_set_is_checked_and_named_with_its_digest() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/train-1.csv"), "id,age,signup,email\n1,30,2025-12-31,a@x\n2,,2025-12-01,b@x\n")
        .unwrap();
    fs::write(dir.path().join("data/train-2.csv"), "id,age,signup,email\n2,200,2025-12-30,c\n").unwrap();
    fs::write(dir.path().join("data/users.csv"), "id\n1\n2\n3\n").unwrap();
    let lines = [
        "rows >= 3",
        "nulls(age) <= 50%",
        "age between 0 and 120",
        "warn: email matches '^[^@]+@[^@]+$'",
        "unique(id)",
        "freshness(signup) < 2d",
        "id references users.id",
        "select id, age from train where age > 120",
    ];
    let sets = [dataset("train", "data/train-*.csv", &lines), dataset("users", "data/users.csv", &["unique(id)"])];
    let evidence = run(dir.path(), &sets).await;
    use Outcome::{Failed, Passed};
    let expected = [Passed, Passed, Failed, Failed, Failed, Passed, Passed, Failed, Passed];
    assert_eq!(evidence.checks.iter().map(|c| c.outcome).collect::<Vec<_>>(), expected, "{:#?}", evidence.checks);
    assert_eq!(evidence.faults, []);
    let email = &evidence.checks[3];
    assert_eq!((email.id.as_str(), email.severity), ("data.train.email matches '^[^@]+@[^@]+$'", Severity::Warn));
    assert_eq!(email.examples, ["data/train-2.csv row 1: email = \"c\""]);
    assert_eq!((email.value, email.n), (Some(1.0), Some(3)));
    assert_eq!(evidence.checks[7].examples, ["data/train-2.csv row 1: id = 2, age = 200"]);
    let rows = &evidence.measurements[0];
    assert_eq!((rows.id.as_str(), rows.value, rows.unit, rows.n), ("data.train.rows", 3.0, Unit::Count, Some(3)));
    let inputs: Vec<_> = evidence.inputs.iter().map(|i| (i.kind.as_str(), i.name.as_str(), i.bytes)).collect();
    assert_eq!(inputs[0], ("data.train", "data/train-1.csv", 58));
    assert_eq!(inputs.len(), 3);
    assert!(evidence.inputs.iter().all(|i| i.digest.starts_with("sha256:") && i.digest.len() == 71));
    assert_eq!(run(dir.path(), &sets).await, evidence, "the same data give the same evidence");
}

#[tokio::test]
async fn a_file_that_is_written_to_meanwhile_leaves_no_digest_and_passes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.csv");
    fs::write(&file, "x\n".to_string() + &"1\n".repeat(500_000)).unwrap();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (done, mut file) = (done.clone(), fs::File::options().append(true).open(&file).unwrap());
        move || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(b"1\n").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    });
    let evidence = run(dir.path(), &[dataset("t", "t.csv", &["x between 0 and 1"])]).await;
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    assert!(evidence.faults[0].why.contains("it changed while it was read"), "{:?}", evidence.faults);
    assert_eq!(outcomes(&evidence), [("x between 0 and 1", Outcome::Errored)]);
    assert_eq!(evidence.inputs, []);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_fault_and_passes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    fs::write(dir.path().join("ragged.csv"), "a,b\n1,2\n1,2,3\n").unwrap();
    fs::write(dir.path().join("torn.parquet"), b"PAR1 and nothing more").unwrap();
    fs::write(dir.path().join("empty.csv"), "").unwrap();
    fs::write(dir.path().join("odd.txt"), "a\n1\n").unwrap();
    let no_permission = unreadable(dir.path(), "secret.csv");
    let sources = ["missing.csv", "no/*.csv", "*.pq", "folder", "ragged.csv", "torn.parquet", "empty.csv", "odd.txt"];
    for source in sources.into_iter().chain(no_permission) {
        let set = dataset("t", source, &["rows >= 0", "warn: unique(a)", "unique(a)", "unique(a)"]);
        let evidence = run(dir.path(), &[set]).await;
        assert_eq!(evidence.faults.len(), 1, "{source}");
        assert!(evidence.faults[0].what.starts_with("read "), "{}", evidence.faults[0]);
        assert_eq!(evidence.checks.len(), 4);
        assert!(evidence.checks.iter().all(|c| c.outcome == Outcome::Errored && !c.message.is_empty()), "{source}");
        let mut ids: Vec<_> = evidence.checks.iter().map(|c| c.id.clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 4, "ids are unique");
        assert_eq!(evidence.measurements, []);
    }
}

/// A file that this user cannot read; none for root, who can read everything.
fn unreadable(dir: &Path, name: &'static str) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    fs::write(&path, "a\n1\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    fs::File::open(&path).is_err().then_some(name)
}

#[tokio::test]
async fn a_fault_in_one_data_set_leaves_the_others_judged() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("good.csv"), "a\n1\n").unwrap();
    let sets =
        [dataset("bad", "bad.csv", &["rows > 0"]), dataset("good", "good.csv", &["rows > 0", "a references bad.a"])];
    let evidence = run(dir.path(), &sets).await;
    let expected =
        [("rows > 0", Outcome::Errored), ("rows > 0", Outcome::Passed), ("a references bad.a", Outcome::Errored)];
    assert_eq!(outcomes(&evidence), expected);
    assert_eq!(
        evidence.checks[2].message,
        "bad: read bad.csv: no such file (paths are relative to the folder of mlops.yaml)"
    );
}

#[tokio::test]
async fn no_rows_and_no_checks_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), "a\n").unwrap();
    let evidence = run(dir.path(), &[dataset("t", "t.csv", &[])]).await;
    assert_eq!(evidence.faults[0].why, "it has no rows");
    assert_eq!(evidence.measurements[0].value, 0.0);
}

/// Two million rows, 46 MB, with checks of every kind but those that hold keys: the peak of resident memory must
/// not grow by more than a fraction of the file. Measured in a process of its own, away from the other tests.
#[test]
fn two_million_rows_stream_in_bounded_memory() {
    const ALONE: &str = "MLGATE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(two_million_rows());
    }
    let name = "data::two_million_rows_stream_in_bounded_memory";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

async fn two_million_rows() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = BufWriter::new(fs::File::create(dir.path().join("t.csv")).unwrap());
    writeln!(file, "id,age,country,signup").unwrap();
    let mut line = String::new();
    for id in 0..2_000_000 {
        line.clear();
        writeln!(line, "{id},{},{},2025-12-{:02}", id % 100, ["JP", "US"][id % 2], 1 + id % 28).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    file.into_inner().unwrap();
    let before = peak_kilobytes();
    let lines = [
        "rows = 2000000",
        "age between 0 and 99",
        "country in [JP, US]",
        "mean(age) between 49 and 50",
        "nulls(age) = 0",
        "freshness(signup) < 10d",
        "select * from t where id < 0",
    ];
    let evidence = run(dir.path(), &[dataset("t", "t.csv", &lines)]).await;
    assert!(evidence.checks.iter().all(|c| c.outcome == Outcome::Passed), "{:#?}", evidence.checks);
    if let (Some(before), Some(after)) = (before, peak_kilobytes()) {
        // Each worker holds a block of 4 MiB and what it makes of it.
        let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8)) as u64;
        assert!(after - before < 20_000 + 12_000 * workers, "grew by {} kB", after - before);
    }
}

/// The highest resident memory this process has had.
fn peak_kilobytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

#[tokio::test]
async fn a_dropped_stage_stops_its_scan() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("t.csv");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if !made.is_ok_and(|status| status.success()) {
        return crate::support::skipped("mkfifo");
    }
    // A pipe is no data set: it would be read twice, and might never end.
    let evidence = run(dir.path(), &[dataset("t", "t.csv", &["rows > 0"])]).await;
    assert_eq!(evidence.faults[0].why, "it is no regular file");
    let mut text = String::from("a\n");
    for row in 0..1_000_000 {
        writeln!(text, "{row}").unwrap();
    }
    fs::create_dir(dir.path().join("many")).unwrap();
    let first = dir.path().join("many/0.csv");
    fs::write(&first, text).unwrap();
    for link in 1..1000 {
        fs::hard_link(&first, dir.path().join(format!("many/{link}.csv"))).unwrap();
    }
    let sets = [dataset("t", "many/*.csv", &["rows > 0"])];
    // A thousand million rows. The runtime waits for blocking work when it ends, so that a scan that went on
    // after its future was dropped would keep this test running for many minutes.
    let stage = run(dir.path(), &sets);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), stage).await.is_err());
}

#[test]
fn the_format_can_be_said_where_the_ending_does_not_tell() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t.txt"), "a\n1\n").unwrap();
    assert!(Table::open(dir.path(), "t.txt", None).unwrap_err().hint.contains("format: csv"));
    let table = Table::open(dir.path(), "t.txt", Some(Format::Csv)).unwrap();
    assert_eq!(table.batches(None).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
    assert!(Table::open(dir.path(), "t.txt", Some(Format::Parquet)).is_err());
}

/// Files written by pandas and pyarrow: categories, zones, decimals, INT96, second-version pages.
#[tokio::test]
async fn parquet_of_other_writers_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let lines = [
        "rows = 100",
        "unique(user_id)",
        "nulls(age) = 2%",
        "age between 1 and 90",
        "country in [JP, US]",
        "signup between 2024-01-01 and 2024-01-01T01:39",
        "tokyo between 2024-01-01T00:00+09:00 and 2024-01-01T01:39+09:00",
        "email matches '@example[.]org$'",
        "nulls(active) = 50%",
        "price between 1.5 and 1.5",
        "day in [2024-01-01]",
        "unique(hash)",
        "max(score) = 99",
        "level between 0 and 6",
        "unique(email, signup)",
        "freshness(signup) < 900d",
        "user_id references v2.user_id",
    ];
    let sets = [
        dataset("pandas", "pandas.parquet", &lines),
        dataset("int96", "int96.parquet", &lines),
        dataset("v2", "pages-v2.parquet", &lines),
    ];
    let evidence = run(&root, &sets).await;
    assert_eq!(evidence.checks.len(), 3 * lines.len());
    for check in &evidence.checks {
        assert_eq!(check.outcome, Outcome::Passed, "{}: {}", check.id, check.message);
    }
    let brotli = run(&root, &[dataset("t", "brotli.parquet", &[])]).await;
    let why = "column \"user_id\" is compressed by brotli, which mlgate does not read";
    assert_eq!(brotli.faults[0].why, why);
}

/// Every check that the page shows in its table is one that the parser reads.
#[test]
fn the_page_on_data_checks_speaks_the_language() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/data.md")).unwrap();
    let (_, table) = page.split_once("| check | holds when |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| `"));
    let checks: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert!(checks.len() >= 14, "{checks:?}");
    for check in checks {
        assert!(data_check::parse(check).is_ok(), "{check}: {}", data_check::parse(check).unwrap_err());
    }
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = format!("version: 1\nmodel: {{name: m, files: [model.bin]}}\n{example}");
    fs::write(dir.path().join("mlops.yaml"), config).unwrap();
    let output = crate::support::mlgate(dir.path()).arg("check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
