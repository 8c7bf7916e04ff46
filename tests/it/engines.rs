//! The same checks on the embedded engine, on DuckDB and on Spark: the same counts, the same verdicts.

use crate::support::{config, context, free_port, has, mlgate, skipped};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int64Array,
    LargeStringArray, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, new_null_array,
};
use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::ipc::writer::FileWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mlgate::config::{ColumnType, Config, DataCheck, DataRule, Dataset, Engine, data_check};
use mlgate::data::checks::Findings;
use mlgate::data::engine::{self, Around};
use mlgate::data::{Table, Watch};
use mlgate::model::{Baseline, Check, Evidence, Outcome};
use mlgate::stage::data;
use parquet::arrow::ArrowWriter;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600_000_000;

/// The twelve checks of the benchmark, and every other rule there is.
const LINES: &[&str] = &[
    "rows >= 4",
    "nulls(age) = 0",
    "unique(id)",
    "age between 0 and 120",
    "email matches '^[^@ ]+@[^@ ]+$'",
    "country in [JP, US, DE]",
    "freshness(signup) < 2d",
    "mean(score) between 0.4 and 0.6",
    "quantile(score, 0.95) <= 0.9",
    "duplicates(country, day) = 0",
    "country references countries.code",
    "sql select * from DATASET where age < 18 and score > 0.5",
    "nulls(score) <= 10%",
    "nulls(none) = 0",
    "unique(country, day)",
    "duplicates(id) = 0",
    "duplicates(score) <= 1",
    "unique(score)",
    "id between 2 and 3.5",
    "score between 0 and 1",
    "country between A and Z",
    "day between 2025-01-01 and 2025-12-31",
    "signup between 2025-12-30T12:00:00Z and 2026-01-02",
    "id in [1, 2.5, 3]",
    "score in [0.5, 0]",
    "day in [2025-12-30]",
    "active in ['true']",
    "none in [a]",
    "none between 0 and 1",
    "length(country) = 2",
    "length(email) between 3 and 5",
    "mean(age) between 20 and 40",
    "stddev(age) < 10",
    "min(age) >= 0",
    "max(age) <= 120",
    "sum(id) = 10",
    "sum(score) < 2",
    "median(age) <= 30",
    "quantile(age, 0.3) <= 30",
    "quantile(id, 1) <= 30",
    "mean(active) > 0.4",
    "mean(none) > 0",
    "mean(country) > 0",
    "distinct(country) >= 3",
    "distinct(score) >= 3",
    "balance(country) >= 25%",
    "balance(active) >= 10%",
    "increasing(id)",
    "strictly_increasing(id)",
    "decreasing(signup)",
    "freshness(day) < 1d",
    "freshness(country) < 1d",
    "freshness(none) < 1d",
    "id references countries.n",
    "score references countries.n",
    "country references countries.n",
    "none references countries.code",
    "country references countries.none",
    "country references countries.nope",
    "country references nobody.code",
    "shared(country) with countries = 0",
    "shared(id, country) with other <= 10%",
    "rows within 20% of baseline",
    "email matches '(?i)^É'",
    "email matches '(?m)^b$'",
    "country matches '^\\p{Lu}{2}$'",
    "id matches '^[0-9]$'",
    "ages between 0 and 1",
    "Country in [JP]",
    "sql select * from DATASET where score > 0.5 or score is null",
    "sql select * from DATASET where not (age > 30)",
    "sql select * from DATASET where age / (id - 2) > 1",
    "sql select * from DATASET where id <> 2 and age / (id - 2) > 1",
    "sql select * from DATASET where age % 7 = 2",
    "sql select * from DATASET where -age % 7 = -2",
    "sql select * from DATASET where id * 9223372036854775807 > 0",
    "sql select * from DATASET where email like '%@x' and country not in ('JP', null)",
    "sql select * from DATASET where email ilike 'É%'",
    "sql select * from DATASET where signup > now() - interval '2 days'",
    "sql select * from DATASET where day < '2025-12-30' or country = 'it''s \\'",
    "sql select * from DATASET where active or score = 0",
    "sql select * from DATASET where none is null",
    "sql select * from DATASET where country > 3",
    "expr score <= 1 or age > 18",
    "expr id > 1",
    "where age > 18 | unique(id)",
    "where age > 18 | rows > 0",
    "where score is not null | mean(score) < 0.2",
    "where country = 'JP' | age between 0 and 120",
    "where age > 1000 | unique(id)",
    "where country = 'JP' | country references countries.code",
    "where id > 1 | duplicates(country, day) = 0",
    "where id > 1 and 6 / (id - 1) > 0 | expr 6 / (id - 1) > 1",
    "mostly 50% | age between 0 and 120",
    "mostly 99% | country in [JP, US, DE]",
    "mostly 50% | country references countries.code",
];

fn check(line: &str, dataset: &str) -> DataCheck {
    let line = line.replace("DATASET", dataset);
    let line = line.as_str();
    if let Some((head, rest)) = line.split_once(" | ") {
        let inner = check(rest, dataset);
        let text = line.to_string();
        return match head.split_once(' ') {
            Some(("where", only)) => DataCheck { text, only: data_check::parse_condition(only).ok(), ..inner },
            Some(("mostly", share)) => {
                let share: f64 = share.trim_end_matches('%').parse().unwrap();
                DataCheck { text, mostly: Some(share / 100.0), ..inner }
            }
            _ => panic!("{line}"),
        };
    }
    let rule = match line.split_once(' ') {
        Some(("sql", query)) => DataRule::Sql { query: query.to_string() },
        Some(("expr", condition)) => DataRule::Expr { condition: data_check::parse_condition(condition).unwrap() },
        _ => data_check::parse(line).expect(line),
    };
    DataCheck::new(line, rule)
}

fn columns(wanted: &[(&str, ColumnType)]) -> DataCheck {
    let wanted = wanted.iter().map(|(name, kind)| (name.to_string(), *kind)).collect();
    DataCheck::new("columns", DataRule::Columns { wanted, exact: false, ordered: false })
}

const HEADER: &str = "id,age,country,score,day,signup,email,active,none\n";
const CLEAN: &str = "1,30,JP,0.5,2025-12-30,2025-12-31T10:00:00Z,a@x,true,\n\
                     2,41,US,0.25,2025-12-31,2025-12-31T11:00:00Z,b@y,false,\n\
                     3,19,DE,0.75,2025-12-30,2025-12-31T12:30:00Z,c@z,true,\n\
                     4,20,JP,0.5,2025-12-29,2025-12-31T23:00:00+09:00,d@x,false,\n";
const BROKEN: &str = "1,-3,FR,7.5,2024-01-01,2020-12-31T10:00:00Z,ax,true,\n\
                      1,,FR,0.75,2024-01-01,2020-12-31T10:00:00Z,,true,\n\
                      ,300,XX,,2024-01-01,,@,true,\n\
                      3,10,FR,99,,2020-12-31T10:00:00Z,a b@c,,\n";
const ODD: &str = "1, 30,\"it's \\\",-0.0,2025-12-30,2025-12-31 10:00:00.5 +09,\"line\nbreak\",TRUE,\n\
                   2,+41,日本,0,2025-12-31,2025-12-31t11:00Z,É@x,False,\n\
                   3,19,\"\",NaN,2025-12-31,2025-12-31 12:30:00.000001+0900,\"b\nb\",true,\n\
                   \n\
                   4,19,JP,inf,,,\"q\"\"q\",,\n\
                   5,,🤦🏼‍♂️,1e-3,2025-12-31,2025-12-31T12:30:00+00:00, a@x ,false,\n\
                   3,19,${x},.5,2025-12-31,2025-12-31T12:30:00Z,${y},false,\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.csv("countries", "code,n,none\nJP,1,\nUS,2.0,\nDE,3.5,\n,,\n");
        folder.csv("other", "country,id\nJP,1\nUS,7\n");
        for (name, rows) in [("clean", CLEAN), ("broken", BROKEN), ("odd", ODD), ("empty", "")] {
            folder.csv(name, &format!("{HEADER}{rows}"));
        }
        folder.types();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A CSV file, and a Parquet, an Arrow and an NDJSON file of the same content.
    fn csv(&self, name: &str, text: &str) {
        fs::write(self.path(&format!("{name}.csv")), text).unwrap();
        let table = Table::open(self.0.path(), &format!("{name}.csv"), None).unwrap();
        let schema = table.schema();
        // A column without any value has no type in CSV, but one in Parquet.
        let typed = |field: &FieldRef| match field.data_type() {
            DataType::Null => field.as_ref().clone().with_data_type(DataType::Utf8),
            _ => field.as_ref().clone(),
        };
        let schema = Arc::new(Schema::new(schema.fields().iter().map(typed).collect::<Vec<_>>()));
        let mut batches = Vec::new();
        for batch in table.batches(None).unwrap() {
            let columns = batch.unwrap().columns().to_vec();
            let cast =
                columns.iter().zip(schema.fields()).map(|(c, f)| arrow::compute::cast(c, f.data_type()).unwrap());
            batches.push(RecordBatch::try_new(schema.clone(), cast.collect()).unwrap());
        }
        self.write(name, &schema, &batches);
        let lines: Vec<String> = batches.iter().flat_map(json_lines).collect();
        fs::write(self.path(&format!("{name}.ndjson")), lines.join("\n")).unwrap();
    }

    /// A Parquet and an Arrow file.
    fn write(&self, name: &str, schema: &Arc<Schema>, batches: &[RecordBatch]) {
        let file = |ending: &str| fs::File::create(self.path(&format!("{name}.{ending}"))).unwrap();
        let mut parquet = ArrowWriter::try_new(file("parquet"), schema.clone(), None).unwrap();
        let mut arrow = FileWriter::try_new(file("arrow"), schema).unwrap();
        for batch in batches {
            parquet.write(batch).unwrap();
            arrow.write(batch).unwrap();
        }
        parquet.close().unwrap();
        arrow.finish().unwrap();
    }

    /// Types that only Parquet and Arrow have.
    fn types(&self) {
        let strings = |values: [Option<&str>; 4]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let decimal = Decimal128Array::from(vec![Some(150), Some(200), Some(150), None]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![i64::MAX, i64::MAX - 1, i64::MIN, 0]))),
            ("age", Arc::new(Int8Array::from(vec![Some(1), None, Some(-3), Some(4)]))),
            ("country", Arc::new(LargeStringArray::from(vec!["JP", "US", "DE", "JP"]))),
            ("score", Arc::new(Float32Array::from(vec![0.1, -0.0, 0.0, f32::NAN]))),
            ("day", Arc::new(Date32Array::from(vec![Some(20_452), Some(-1), None, Some(20_452)]))),
            (
                "signup",
                Arc::new(TimestampMillisecondArray::from(vec![NOW / 1000 - 5, -1, 0, 7]).with_timezone("+09:00")),
            ),
            ("email", strings([Some("a@x"), None, Some(""), Some("\u{0}")])),
            ("active", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None]))),
            ("none", new_null_array(&DataType::Utf8, 4)),
            ("price", Arc::new(decimal.with_precision_and_scale(10, 2).unwrap())),
            ("naive", Arc::new(TimestampMicrosecondArray::from(vec![NOW - 5, -1, 0, 7]))),
            ("x", Arc::new(Float64Array::from(vec![f64::NAN, -f64::NAN, f64::INFINITY, 1e300]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        self.write("types", &batch.schema(), &[batch]);
    }

    /// The data set `name` and those that its checks refer to, all on one engine.
    fn sets(&self, name: &str, ending: &str, engine: &Engine, lines: &[&str]) -> Vec<Dataset> {
        let source = |name: &str, ending: &str| match engine {
            Engine::Spark { .. } => self.path(&format!("{name}.{ending}")).to_string_lossy().into_owned(),
            _ => format!("{name}.{ending}"),
        };
        let set = |name: &str| Dataset { engine: engine.clone(), ..Dataset::new(name, &source(name, ending)) };
        let csv = |name: &str| Dataset { engine: engine.clone(), ..Dataset::new(name, &source(name, "csv")) };
        let mut checks: Vec<DataCheck> = lines.iter().map(|line| check(line, name)).collect();
        use ColumnType::{Bool, Date, Float, Int, Number, String, Timestamp};
        let wanted = [("id", Int), ("age", Float), ("country", String), ("score", Number), ("signup", Timestamp)];
        checks.push(columns(&wanted));
        checks.push(columns(&[("id", Bool), ("day", Date), ("nope", Int), ("active", Bool), ("none", String)]));
        vec![Dataset { checks, ..set(name) }, csv("countries"), csv("other")]
    }

    async fn run(&self, sets: &[Dataset]) -> Evidence {
        let only = Dataset { checks: Vec::new(), ..sets[0].clone() };
        let config = Config { data: vec![only], ..config() };
        data::run_at(&context(&config, self.0.path()), sets, None, NOW).await
    }
}

/// The rows as JSON: numbers and booleans bare, all else as text. NaN and infinities, which JSON lacks, are text, too.
fn json_lines(batch: &RecordBatch) -> Vec<String> {
    use serde_json::{Map, Value};
    let options = FormatOptions::default();
    let row = |row: usize| {
        let cell = |(column, field): (&ArrayRef, &FieldRef)| {
            let column = match field.data_type() {
                // Arrow writes time zones by their offset alone.
                DataType::Timestamp(unit, Some(_)) => {
                    arrow::compute::cast(column, &DataType::Timestamp(*unit, Some("+00:00".into()))).unwrap()
                }
                _ => column.clone(),
            };
            let text = ArrayFormatter::try_new(&column, &options).unwrap().value(row).to_string();
            let value = match field.data_type() {
                _ if column.is_null(row) => Value::Null,
                DataType::Int64 | DataType::Float64 | DataType::Boolean => {
                    serde_json::from_str(&text).unwrap_or(Value::String(text))
                }
                _ => Value::String(text),
            };
            (field.name().clone(), value)
        };
        let cells = batch.columns().iter().zip(batch.schema_ref().fields()).map(cell);
        Value::Object(cells.collect::<Map<_, _>>()).to_string()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// A check without what may differ: which of the failing rows are shown, and what only the embedded engine can say.
fn gist(check: &Check) -> (String, Outcome, String, Option<String>, Option<u64>) {
    let plain = |text: &str| {
        text.split("; \"").next().unwrap_or_default().split(", by \"").next().unwrap_or_default().to_string()
    };
    let message = match check.message.split_once("a number is too large") {
        Some(_) => "a number is too large".to_string(),
        None => plain(&check.message),
    };
    (check.id.clone(), check.outcome, message, check.value.map(|value| format!("{value:.12e}")), check.n)
}

/// What differs from the embedded engine's answers.
async fn differences(folder: &Folder, name: &str, ending: &str, engine: &Engine) -> Vec<String> {
    let embedded = folder.run(&folder.sets(name, ending, &Engine::Embedded, LINES)).await;
    let other = folder.run(&folder.sets(name, ending, engine, LINES)).await;
    let mut wrong = Vec::new();
    if embedded.faults != other.faults {
        wrong.push(format!("{name}.{ending}: {:?} instead of {:?}", other.faults, embedded.faults));
    }
    assert_eq!(embedded.checks.len(), other.checks.len());
    for (one, two) in embedded.checks.iter().zip(&other.checks) {
        let refused = two.message.starts_with("Spark keeps no order");
        if refused && ending == "csv" && one.text.contains("creasing(") {
            assert_eq!(two.outcome, Outcome::Errored);
            continue;
        }
        if gist(one) != gist(two) {
            wrong.push(format!("{name}.{ending}: {}\n  {:?}\n  {:?}", one.text, gist(one), gist(two)));
        }
        let shown = |check: &Check| check.examples.is_empty();
        if shown(one) != shown(two) && !one.text.contains("creasing") {
            wrong.push(format!("{name}.{ending}: {}: examples {:?} and {:?}", one.text, one.examples, two.examples));
        }
    }
    let figures = |evidence: &Evidence| -> Vec<String> {
        let figure = |m: &mlgate::model::Measurement| format!("{} {:.12e} {:?} {:?}", m.id, m.value, m.unit, m.n);
        evidence.measurements.iter().map(figure).collect()
    };
    let (one, two) = (figures(&embedded), figures(&other));
    wrong.extend(
        one.iter().filter(|figure| !two.contains(figure)).map(|figure| format!("{name}.{ending}: no {figure}")),
    );
    wrong
}

const TABLES: [(&str, &str); 9] = [
    ("clean", "csv"),
    ("clean", "parquet"),
    ("broken", "csv"),
    ("broken", "parquet"),
    ("odd", "csv"),
    ("odd", "parquet"),
    ("empty", "csv"),
    ("empty", "parquet"),
    ("types", "parquet"),
];

/// Formats that mlgate reads for DuckDB; Spark reads JSON in its own way, and no Arrow.
const HANDED_OVER: [(&str, &str); 7] = [
    ("clean", "ndjson"),
    ("broken", "ndjson"),
    ("odd", "ndjson"),
    ("clean", "arrow"),
    ("odd", "arrow"),
    ("empty", "arrow"),
    ("types", "arrow"),
];

#[tokio::test]
async fn duckdb_says_what_the_embedded_engine_says() {
    if !has("duckdb") {
        return skipped("no duckdb on the PATH: pip install duckdb-cli");
    }
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for (name, ending) in TABLES.into_iter().chain(HANDED_OVER) {
        wrong.extend(differences(&folder, name, ending, &Engine::DuckDb).await);
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

/// Queries with all that SQL has, which only these engines take.
async fn own_sql(folder: &Folder, engine: &Engine) {
    let lines = [
        "sql select country, count(*) as n from DATASET group by country having count(*) > 1",
        "sql select t.id from DATASET t left join countries c on t.country = c.code where c.code is null",
        "sql with x as (select max(id) as m from DATASET) select m from x where m > 3 -- and no more",
        "sql select nothing from nowhere at all",
        "sql select id from DATASET; select id from DATASET",
    ];
    for ending in ["csv", "parquet"] {
        let found = folder.run(&folder.sets("clean", ending, engine, &lines)).await;
        assert_eq!(found.faults, []);
        let got: Vec<_> = found.checks.iter().take(5).map(|c| (c.outcome, c.value)).collect();
        use Outcome::{Errored, Failed, Passed};
        let expected =
            [(Failed, Some(1.0)), (Passed, Some(0.0)), (Failed, Some(1.0)), (Errored, None), (Errored, None)];
        assert_eq!(got, expected, "{:#?}", found.checks);
        assert_eq!(found.checks[0].examples, ["country = \"JP\", n = 2"]);
        assert_eq!(found.checks[1].message, "no row is returned");
        let empty = folder.run(&folder.sets("empty", ending, engine, &lines[..3])).await;
        assert!(empty.checks.iter().take(3).all(|c| c.outcome == Errored), "{:#?}", empty.checks);
    }
    let mut sets = folder.sets("broken", "csv", engine, &["email matches '@'", "age between 0 and 9", lines[0]]);
    sets[0].private = vec!["email".into()];
    let found = folder.run(&sets).await;
    assert_eq!(found.checks[0].outcome, Outcome::Failed);
    assert_eq!(found.checks[1].examples.len(), 3);
    assert!(!format!("{:?}", found.checks).contains("ax"), "{:#?}", found.checks);
    assert!(found.checks[2].outcome == Outcome::Failed && found.checks[2].examples.is_empty());
    sets[0].private = vec!["e_mail".into()];
    assert!(folder.run(&sets).await.faults[0].why.contains("e_mail"));
}

/// Runs one check of `clean` with little patience.
async fn hurried(folder: &Folder, engine: &Engine, line: &str, patience: Duration) -> Findings {
    let mut sets = folder.sets("clean", "parquet", engine, &[line]);
    sets[0].query_timeout = patience;
    let root = folder.0.path().to_path_buf();
    let run = move || {
        let open = |name: &str| Table::open(&root, &format!("{name}.parquet"), None);
        let (watch, baseline) = (Arc::new(Watch::default()), &Baseline::NotConfigured);
        engine::run(&sets[0], &Around { now: NOW, sets: &sets, open: &open, baseline, watch })
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn duckdb_takes_its_own_sql_and_reads_nothing_else() {
    if !has("duckdb") {
        return skipped("no duckdb on the PATH: pip install duckdb-cli");
    }
    let folder = Folder::new();
    own_sql(&folder, &Engine::DuckDb).await;
    let outside = format!("sql select * from read_csv('{}')", folder.path("other.csv").display());
    let found = folder.run(&folder.sets("clean", "csv", &Engine::DuckDb, &[&outside])).await;
    assert_eq!(found.checks[0].outcome, Outcome::Errored, "{:#?}", found.checks[0]);
    // By a path relative to where mlgate was started, which is not where DuckDB runs.
    let yaml =
        "version: 1\nmodel: {name: m}\ndata:\n  clean: {source: clean.parquet, engine: duckdb, checks: [rows = 4]}\n";
    fs::write(folder.path("mlops.yaml"), yaml).unwrap();
    let (parent, name) = (folder.0.path().parent().unwrap(), folder.0.path().file_name().unwrap());
    let output = mlgate(parent).arg("-C").arg(name).args(["run", "data"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let slow = "sql select a.range from range(10000000) a, range(100000000) b where a.range * b.range < 0";
    let found = hurried(&folder, &Engine::DuckDb, slow, Duration::from_secs(5)).await;
    assert!(found.fault.unwrap().why.starts_with("no answer within 5"));
    assert!(found.checks.iter().all(|check| check.outcome == Outcome::Errored));
}

/// What is not there is a fault that tells what to do, and exit code 4: never a pass.
#[test]
fn an_engine_that_is_down_passes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), "a\n1\n").unwrap();
    let spark = format!("sc://127.0.0.1:{}/;token=a-secret-token", free_port());
    for (engine, said) in [("duckdb", "pip install duckdb-cli"), (&spark, "ask Spark at 127.0.0.1:")] {
        let yaml = format!(
            "version: 1\nmodel: {{name: m}}\ndata:\n  t: {{source: t.csv, engine: \"{engine}\", checks: [rows > 0]}}\n"
        );
        fs::write(dir.path().join("mlops.yaml"), yaml).unwrap();
        let output = mlgate(dir.path()).args(["run", "data"]).env("PATH", "/nowhere").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains(said) && !text.contains("a-secret-token"), "{text}");
    }
}

/// What the server wants of its clients.
const TOKEN: &str = "a-secret-token";

/// A Spark Connect server in a process group of its own, which ends with it.
struct Server {
    group: Option<Child>,
    address: String,
}

impl Server {
    /// One that is there already, by `MLGATE_TEST_SPARK`, or one of its own.
    fn start(folder: &Path) -> Option<Server> {
        if let Ok(address) = std::env::var("MLGATE_TEST_SPARK") {
            return Some(Server { group: None, address });
        }
        if !has("spark-submit") || !has("java") {
            skipped(
                "no spark-submit or no java on the PATH: apt-get install openjdk-17-jre-headless; pip install pyspark==4.*",
            );
            return None;
        }
        let port = free_port();
        let settings = [
            format!("spark.connect.grpc.binding.port={port}"),
            "spark.connect.grpc.binding.address=127.0.0.1".into(),
            "spark.driver.bindAddress=127.0.0.1".into(),
            "spark.driver.host=127.0.0.1".into(),
            "spark.ui.enabled=false".into(),
            format!("spark.connect.authenticate.token={TOKEN}"),
            // For a handful of rows, what Spark does for millions takes longer than the query.
            "spark.sql.shuffle.partitions=1".into(),
            "spark.sql.adaptive.enabled=false".into(),
            "spark.sql.codegen.wholeStage=false".into(),
            format!("spark.sql.warehouse.dir={}", folder.join("warehouse").display()),
        ];
        let class = "org.apache.spark.sql.connect.service.SparkConnectServer";
        let mut command = Command::new("spark-submit");
        command.args(["--class", class, "--master", "local[2]"]);
        for setting in &settings {
            command.args(["--conf", setting]);
        }
        // Its scripts look for PySpark in the python beside them, not in the first on the PATH.
        let beside = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .find(|folder| folder.join("spark-submit").exists())
            .map(|folder| folder.join("python3"));
        if let Some(python) = beside.filter(|python| python.exists()) {
            command.env("PYSPARK_DRIVER_PYTHON", &python).env("PYSPARK_PYTHON", &python);
        }
        let log = fs::File::create(folder.join("spark.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let group = command.current_dir(folder).spawn().unwrap();
        let mut server = Server { group: Some(group), address: format!("sc://127.0.0.1:{port}/;token={TOKEN}") };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.group.as_mut().and_then(|group| group.try_wait().unwrap());
            let log = || fs::read_to_string(folder.join("spark.log")).unwrap_or_default();
            assert!(ended.is_none() && start.elapsed() < Duration::from_secs(240), "{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(server)
    }

    fn engine(&self) -> Engine {
        Engine::Spark { address: self.address.clone() }
    }

    fn end(&mut self) {
        let Some(mut group) = self.group.take() else { return };
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", group.id())]).status();
        let _ = group.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The token may come from the environment, as Spark's own clients take it; without it nothing is answered.
fn token_of_the_environment(folder: &Folder, address: &str) {
    let (address, _) = address.split_once("/;token=").unwrap();
    let source = folder.path("clean.parquet");
    let yaml = format!(
        "version: 1\nmodel: {{name: m}}\ndata:\n  t: {{source: {}, engine: \"{address}\", query_timeout: 2m, checks: [rows = 4]}}\n",
        source.display()
    );
    fs::write(folder.path("mlops.yaml"), yaml).unwrap();
    for (token, code) in [(Some(TOKEN), 0), (Some("another-token"), 4), (None, 4)] {
        let mut command = mlgate(folder.0.path());
        command.args(["run", "data"]).envs(token.map(|token| ("SPARK_CONNECT_AUTHENTICATE_TOKEN", token)));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{token:?}: {text}");
        assert!(!text.contains("-token"), "{text}");
    }
}

/// One server for all that is asked of Spark, as it takes a while to start.
#[tokio::test]
async fn spark_says_what_the_embedded_engine_says() {
    let folder = Folder::new();
    let Some(mut server) = Server::start(folder.0.path()) else { return };
    if server.group.is_some() {
        token_of_the_environment(&folder, &server.address);
    }
    own_sql(&folder, &server.engine()).await;
    let mut wrong = Vec::new();
    for (name, ending) in TABLES {
        wrong.extend(differences(&folder, name, ending, &server.engine()).await);
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));

    let slow =
        "sql select a.id from range(10000000) a join range(100000000) b on a.id % 7 = b.id % 11 where a.id < -b.id";
    let found = hurried(&folder, &server.engine(), slow, Duration::from_secs(20)).await;
    assert!(found.fault.as_ref().unwrap().why.starts_with("no answer within 20"), "{:?}", found.fault);
    let engine = server.engine();
    if server.group.is_some() {
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(10));
            server.end();
        });
        let found = hurried(&folder, &engine, slow, Duration::from_secs(300)).await;
        killer.join().unwrap();
        let fault = found.fault.unwrap();
        assert!(fault.what.starts_with("ask Spark at 127.0.0.1:") && !fault.why.starts_with("no answer"), "{fault}");
        assert!(found.checks.iter().all(|check| check.outcome == Outcome::Errored));
    }
}
