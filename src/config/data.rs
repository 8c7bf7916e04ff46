//! `data:` as checked types.

use super::data_check::filter::Expr;
use crate::model::{Op, Severity};
use std::path::PathBuf;
use std::time::Duration;

/// One data set of `data:` with its checks.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub name: String,
    /// A file, a glob or an address (`s3://`, `gs://`, `az://`, `http(s)://`) of files of one format and schema.
    pub source: String,
    /// None: by the ending.
    pub format: Option<Format>,
    pub csv: CsvDialect,
    pub tracked_by: Option<Tracker>,
    pub engine: Engine,
    /// How long one query of an engine may take.
    pub query_timeout: Duration,
    /// Bytes that the checks of this data set may hold; what exactness needs beyond them goes to disk.
    pub memory: u64,
    /// Columns whose values are never shown, recorded or profiled.
    pub private: Vec<String>,
    pub checks: Vec<DataCheck>,
    pub drift: Option<Drift>,
    /// Result files of other tools.
    pub imports: Vec<Import>,
}

impl Dataset {
    /// 256 MiB.
    pub const MEMORY: u64 = 256 << 20;
    /// 1 h.
    pub const QUERY_TIMEOUT: Duration = Duration::from_secs(3600);

    /// A data set of which nothing but its name and source is said.
    pub fn new(name: &str, source: &str) -> Dataset {
        Dataset {
            name: name.to_string(),
            source: source.to_string(),
            format: None,
            csv: CsvDialect::default(),
            tracked_by: None,
            engine: Engine::Embedded,
            query_timeout: Dataset::QUERY_TIMEOUT,
            memory: Dataset::MEMORY,
            private: Vec::new(),
            checks: Vec::new(),
            drift: None,
            imports: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Parquet,
    /// A JSON object a line.
    Ndjson,
    /// Arrow IPC: the file format (Feather 2) or the stream format.
    Arrow,
}

/// How a CSV file is written. The default is RFC 4180 with a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvDialect {
    pub delimiter: u8,
    /// None: quotes have no meaning.
    pub quote: Option<u8>,
    /// Lines that begin with it are skipped.
    pub comment: Option<u8>,
    /// Names of the columns; then the first line is data.
    pub header: Option<Vec<String>>,
    /// Texts that stand for null; `""` is always one.
    pub nulls: Vec<String>,
}

impl Default for CsvDialect {
    fn default() -> CsvDialect {
        CsvDialect { delimiter: b',', quote: Some(b'"'), comment: None, header: None, nulls: Vec::new() }
    }
}

/// Who knows which content the data set must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracker {
    /// `NAME.dvc` beside the file, or `dvc.lock`.
    Dvc,
    /// `s3://REPOSITORY/REF/PATH` through the S3 gateway; the commit id of REF goes into the record.
    LakeFs,
}

/// What executes the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    Embedded,
    /// The DuckDB command line.
    DuckDb,
    /// A Spark Connect server: `sc://HOST:PORT`, with the parameters that its clients know.
    Spark {
        address: String,
    },
}

/// A result file of another tool, whose findings become checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub kind: ImportKind,
    pub file: PathBuf,
    /// How old the result may be. None: not older than the data set's files.
    pub max_age: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    Evidently,
    GreatExpectations,
    Soda,
}

/// `drift:`
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    pub against: Against,
    /// At most this share of the columns may have drifted, 0 to 1.
    pub max_share: f64,
    /// The columns compared; empty: all that both sides have, but those in `except`.
    pub columns: Vec<String>,
    pub except: Vec<String>,
    /// How every column is compared that `methods` does not name.
    pub method: DriftMethod,
    pub methods: Vec<(String, DriftMethod)>,
    pub correction: Correction,
    /// Columns of free text, compared by their words.
    pub text: Vec<String>,
    /// Embeddings by name, each made of the columns that fit its patterns (`e_*`).
    pub embeddings: Vec<(String, Vec<String>)>,
    /// These must not have drifted, whatever the share: label and prediction.
    pub label: Option<String>,
    pub prediction: Option<String>,
    pub severity: Severity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// Another data set of `data:`.
    Dataset(String),
    /// The profile of that data set (of the same name unless said) which rides in the record of the image in production.
    Production { dataset: Option<String> },
    /// A profile that `mlgate profile` wrote.
    Profile(PathBuf),
}

/// The name of a method (one of [`DRIFT_METHODS`]) and the bound on its statistic or p-value; None: as Evidently chooses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriftMethod {
    pub name: Option<String>,
    pub threshold: Option<f64>,
}

/// Evidently's names; the last two are for embeddings.
pub const DRIFT_METHODS: &[&str] = &[
    "ks",
    "chisquare",
    "z",
    "wasserstein",
    "jensenshannon",
    "psi",
    "hellinger",
    "kl_div",
    "TVD",
    "anderson",
    "g_test",
    "domain_classifier",
    "mmd",
];

/// What is done about many columns being tested at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    None,
    BenjaminiHochberg,
    Bonferroni,
}

/// One line of `checks:`.
#[derive(Clone, Debug, PartialEq)]
pub struct DataCheck {
    /// As the user wrote it, without `warn:`; for `columns` and `sql` a rendering of it, or its `name`.
    pub text: String,
    pub severity: Severity,
    pub rule: DataRule,
    /// `where:`: only rows for which this is true are looked at.
    pub only: Option<Expr>,
    /// `mostly: 99%`: the share of values, or rows, that must pass; all of them unless said.
    pub mostly: Option<f64>,
}

impl DataCheck {
    /// A check of all rows that every one must pass, and that blocks.
    pub fn new(text: impl Into<String>, rule: DataRule) -> DataCheck {
        DataCheck { text: text.into(), severity: Severity::Block, rule, only: None, mostly: None }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum DataRule {
    /// `rows >= 10_000`
    Rows { op: Op, bound: f64 },
    /// `columns: {age: int, …}`: each must be there with a type of that family.
    Columns {
        wanted: Vec<(String, ColumnType)>,
        /// No others may be there.
        exact: bool,
        /// They must come in this order.
        ordered: bool,
    },
    /// `nulls(age) = 0`, `nulls(age) <= 1%`
    Nulls { column: String, op: Op, bound: Amount },
    /// `age between 0 and 120`, inclusive; nulls are left to `nulls()`.
    Between { column: String, low: Scalar, high: Scalar },
    /// `country in [JP, US, DE]`; nulls are left to `nulls()`.
    In { column: String, values: Vec<Scalar> },
    /// `email matches '^…$'`; the pattern has been compiled once as a check, syntax of the `regex` crate.
    Matches { column: String, pattern: String },
    /// `length(zip) = 5`, `length(name) between 1 and 80`: of each value, in characters (Unicode scalar values).
    Length { column: String, range: NumberRange },
    /// `unique(user_id)`, `unique(user_id, day)`: no value (combination) more than once; nulls are no values.
    Unique { columns: Vec<String> },
    /// `duplicates(user_id, day) = 0`: rows whose combination occurred before (rows − distinct).
    Duplicates { columns: Vec<String>, op: Op, bound: Amount },
    /// `mean(age) between 30 and 50`, `stddev(x) < 3`, `quantile(x, 0.95) <= 9`, `distinct(country) >= 3`
    Aggregate { function: Aggregate, column: String, range: NumberRange },
    /// `balance(label) >= 10%`: the share of the rarest value among those that are not null.
    Balance { column: String, op: Op, bound: f64 },
    /// `increasing(ts)` and its kin: each value against the one before it in the order of the rows; nulls left out.
    Ordered { column: String, order: Order },
    /// `freshness(signup) < 2d`: age of the newest value, in seconds.
    Freshness { column: String, op: Op, bound: Duration },
    /// `user_id references users.id`: every value that is not null is in the other data set's column.
    References { column: String, dataset: String, other: String },
    /// `shared(user_id, day) with test = 0`: rows whose combination is also in the other data set, in the columns
    /// of the same names; rows with a null in it are left out.
    Shared { columns: Vec<String>, dataset: String, op: Op, bound: Amount },
    /// `rows within 20% of baseline`: against the same measurement of the data set in production's record.
    Baseline { of: Measured, tolerance: f64 },
    /// `{expr: total = price * quantity}`: must not be false for a row; where it is null, the row is left out.
    Expr { condition: Expr },
    /// `{sql: "select * from train where …", name: …}`: rows returned are failures. The embedded engine does
    /// filters of one data set; other engines take any query.
    Sql { query: String },
}

/// What a check compares with the baseline.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    Rows,
    Aggregate { function: Aggregate, column: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Int,
    Float,
    /// Int, float or decimal.
    Number,
    String,
    Bool,
    Timestamp,
    Date,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    Mean,
    /// Of a sample: divided by n − 1.
    Stddev,
    Min,
    Max,
    Sum,
    /// `quantile(x, 0.95)`, and `median(x)`: linear between order statistics (NumPy's default).
    Quantile(f64),
    /// The number of different values that are not null.
    Distinct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Increasing,
    StrictlyIncreasing,
    Decreasing,
    StrictlyDecreasing,
}

/// A count, or a share of the rows (0 to 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    Count(f64),
    Share(f64),
}

/// A literal of a check. Text is compared with text columns and, parsed, with dates and timestamps.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Number(f64),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberRange {
    Compare { op: Op, bound: f64 },
    Between { low: f64, high: f64 },
}

impl NumberRange {
    pub fn holds(self, value: f64) -> bool {
        match self {
            NumberRange::Compare { op, bound } => op.holds(value, bound),
            NumberRange::Between { low, high } => low <= value && value <= high,
        }
    }
}
