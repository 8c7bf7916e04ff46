//! Spark by Spark Connect: a session for each data set, which reads it where it lies, as the server sees it.

mod address;
mod client;
mod proto;

use self::address::Address;
use self::client::Client;
use self::proto::{DataSource, NamedTable, Read, ReadKind, Relation, RelationKind, Sql};
use super::dialect::Dialect;
use super::figure::figures;
use super::known::{Known, Style, fits};
use super::{Around, Failure, Session, runtime, wait};
use crate::config::{Dataset, Engine, Format};
use crate::data::table::Table;
use crate::digest;
use crate::model::Fault;
use crate::secret::Secret;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the SQL of the checks rests on.
const OPTIONS: [(&str, &str); 6] = [
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.ansi.enabled", "true"),
    ("spark.sql.caseSensitive", "true"),
    ("spark.sql.variable.substitute", "false"),
    ("spark.sql.parser.escapedStringLiterals", "false"),
    // A row with too few fields is found only by who reads all of them.
    ("spark.sql.csv.parser.columnPruning.enabled", "false"),
];
/// The environment variable that Spark's own clients take a token from.
const TOKEN: &str = "SPARK_CONNECT_AUTHENTICATE_TOKEN";
/// Columns of a CSV file whose types are found in one pass.
const COLUMNS_A_PASS: usize = 60;

pub struct Spark<'a> {
    around: &'a Around<'a>,
    runtime: tokio::runtime::Runtime,
    client: Option<Client>,
    address: String,
    place: String,
    patience: Duration,
    tables: Vec<Rc<Known>>,
    /// Whether a query was left without an answer.
    left: bool,
}

pub fn start<'a>(address: &str, set: &Dataset, around: &'a Around<'a>) -> Result<Spark<'a>, Fault> {
    let token = around.watch.sources().variable(TOKEN).and_then(Secret::new);
    let parsed = Address::parse(address, token)?;
    let session = parsed.session.clone().unwrap_or_else(|| session_id(set, around.now));
    let mut spark = Spark {
        around,
        runtime: runtime()?,
        client: None,
        address: address.to_string(),
        place: parsed.place(),
        patience: set.query_timeout,
        tables: Vec::new(),
        left: false,
    };
    let limits = (&*around.watch, set.query_timeout);
    let client = wait(&spark.runtime, limits, async {
        let mut client = Client::connect(parsed, session).await?;
        client.set(&OPTIONS).await?;
        Ok(client)
    });
    match client {
        Ok(client) => spark.client = Some(client),
        Err(Failure::Gone(why) | Failure::Query(why)) => return Err(spark.fault(&why)),
    }
    Ok(spark)
}

/// A UUID that no other session has: version 8 (RFC 9562), made of what is said of this run.
fn session_id(set: &Dataset, now: i64) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let clock = chrono::Utc::now().timestamp_nanos_opt();
    let said = format!("{} {} {now} {clock:?} {} {count}", set.name, set.source, std::process::id());
    let hash = Sha256::digest(said.as_bytes());
    let hex: String = digest::hex(hash.as_slice());
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

impl Session for Spark<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Spark
    }

    fn open(&mut self, name: &str) -> Result<Rc<Known>, Fault> {
        if let Some(known) = self.tables.iter().find(|known| known.name == name) {
            return Ok(known.clone());
        }
        let set = self.around.set(name)?;
        if !matches!(&set.engine, Engine::Spark { address } if *address == self.address) {
            let hint = format!("give {name} the same `engine`");
            return Err(Fault::new(format!("read {name} on Spark"), "it is not on this Spark server", hint));
        }
        let known = Rc::new(self.register(set)?);
        self.tables.push(known.clone());
        Ok(known)
    }

    fn show(&mut self, _: &Known) -> Result<(), Fault> {
        Ok(())
    }

    fn query(&mut self, sql: &[String]) -> Vec<Result<Vec<RecordBatch>, Failure>> {
        let mut gone = None;
        sql.iter()
            .map(|query| {
                if let Some(failure) = &gone {
                    return Err(Clone::clone(failure));
                }
                let answer = self.ask(query);
                if let Err(failure @ Failure::Gone(_)) = &answer {
                    gone = Some(failure.clone());
                }
                answer
            })
            .collect()
    }

    fn fault(&self, why: &str) -> Fault {
        let hint = "is the address right, and the server up and of Spark 4?";
        Fault::new(format!("ask Spark at {}", self.place), why, hint)
    }
}

impl Spark<'_> {
    fn ask(&mut self, query: &str) -> Result<Vec<RecordBatch>, Failure> {
        let Some(client) = self.client.as_mut() else { return Err(Failure::gone("there is no session")) };
        self.left = true;
        let answer = wait(&self.runtime, (&self.around.watch, self.patience), client.query(query));
        self.left = matches!(answer, Err(Failure::Gone(_)));
        answer
    }

    fn view(&mut self, name: &str, relation: RelationKind) -> Result<(), Failure> {
        let Some(client) = self.client.as_mut() else { return Err(Failure::gone("there is no session")) };
        let view = client.create_view(Dialect::Spark.ident(name), Relation { kind: Some(relation) });
        wait(&self.runtime, (&self.around.watch, self.patience), view)
    }

    fn register(&mut self, set: &Dataset) -> Result<Known, Fault> {
        let d = Dialect::Spark;
        let format = format_of(set)?;
        let raw = if format == Some(Format::Csv) { format!("mlgate raw {}", set.name) } else { set.name.clone() };
        let unreadable = |spark: &Self, failure: Failure| match failure {
            Failure::Query(why) => {
                let hint = "the source is a path or address as the server sees it, or a table of its catalog";
                let why = why.lines().next().unwrap_or_default().chars().take(500).collect::<String>();
                Fault::new(format!("read {} on Spark", set.source), why, hint)
            }
            Failure::Gone(why) => spark.fault(&why),
        };
        self.view(&raw, relation(set, format)).map_err(|e| unreadable(self, e))?;
        let relation = d.ident(&raw);
        let schema = self.columns(&relation).map_err(|e| unreadable(self, e))?;
        let known = |schema: SchemaRef, style: Style, order: Option<String>| Known {
            name: set.name.clone(),
            relation: relation.clone(),
            table: Table::of_schema(schema, format.unwrap_or(Format::Parquet)),
            style,
            nulls: set.csv.nulls.clone(),
            order,
            used: RefCell::default(),
        };
        if format != Some(Format::Csv) {
            let plain = known(schema, Style::Named, None);
            return Ok(if format == Some(Format::Parquet) { self.ordered(set, plain) } else { plain });
        }
        let texts = known(schema, Style::Text, None);
        let schema = self.types(&texts).map_err(|e| unreadable(self, e))?;
        let typed = known(schema.clone(), Style::Text, None);
        let columns = schema.fields().iter().map(|field| {
            let native = typed.native(d, field.name())?;
            Ok(format!("{native} AS {}", d.ident(field.name())))
        });
        let columns = columns.collect::<Result<Vec<_>, String>>().map_err(|e| unreadable(self, Failure::Query(e)))?;
        let query = format!("SELECT {} FROM {relation}", columns.join(", "));
        self.view(&set.name, RelationKind::Sql(Sql { query })).map_err(|e| unreadable(self, e))?;
        Ok(typed)
    }

    /// With the order of the rows, which Spark tells of Parquet files that a query names itself; where the server
    /// forbids such queries, without.
    fn ordered(&mut self, set: &Dataset, known: Known) -> Known {
        let d = Dialect::Spark;
        let (order, name) = (d.ident("mlgate order"), format!("mlgate rows {}", set.name));
        let place = "struct(_metadata.file_path AS f, _metadata.row_index AS r)";
        let query = format!("SELECT *, {place} AS {order} FROM parquet.{}", d.ident(&set.source));
        let relation = d.ident(&name);
        let there = self.view(&name, RelationKind::Sql(Sql { query })).is_ok()
            && self.ask(&format!("SELECT {order} FROM {relation} LIMIT 0")).is_ok();
        match there {
            true => Known { relation, order: Some(order), ..known },
            false => known,
        }
    }

    fn columns(&mut self, relation: &str) -> Result<SchemaRef, Failure> {
        let answer = self.ask(&format!("SELECT * FROM {relation} LIMIT 0"))?;
        answer.first().map(RecordBatch::schema).ok_or_else(|| Failure::gone("the answer has no columns"))
    }

    /// The narrowest type that fits every value of each column of text, as the embedded engine finds it.
    fn types(&mut self, texts: &Known) -> Result<SchemaRef, Failure> {
        let d = Dialect::Spark;
        let schema = texts.table.schema();
        let mut fields = Vec::new();
        for columns in schema.fields().chunks(COLUMNS_A_PASS) {
            let mut counts = Vec::new();
            for field in columns {
                let text = texts.text(d, field.name()).map_err(Failure::Query)?;
                counts.push(format!("count({text})"));
                counts.extend(fits(d, &text).map(|fits| format!("count(CASE WHEN {fits} THEN 1 END)")));
            }
            let named: Vec<String> = counts.iter().enumerate().map(|(i, count)| format!("{count} AS a{i}")).collect();
            let answer = self.ask(&format!("SELECT {} FROM {}", named.join(", "), texts.relation))?;
            let counts = figures(&answer, counts.len())?;
            for (field, counts) in columns.iter().zip(counts.chunks(7)) {
                let all = counts.first().map_or(0, |count| count.count());
                let fit = counts.iter().skip(1).position(|count| count.count() == all);
                let data_type = match fit {
                    _ if all == 0 => DataType::Null,
                    Some(0) => DataType::Int64,
                    Some(1) => DataType::Float64,
                    Some(2) => DataType::Boolean,
                    Some(3) => DataType::Date32,
                    Some(4) => DataType::Timestamp(TimeUnit::Microsecond, None),
                    Some(5) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                    _ => DataType::Utf8,
                };
                fields.push(Field::new(field.name(), data_type, true));
            }
        }
        Ok(Arc::new(Schema::new(fields)))
    }
}

impl Drop for Spark<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.runtime.block_on(client.release(self.left));
        }
    }
}

/// The format of files; None for a table of the catalog: a name without `/` that ends like no file.
fn format_of(set: &Dataset) -> Result<Option<Format>, Fault> {
    let lower = set.source.to_ascii_lowercase();
    let plain = [".gz", ".zst", ".bz2"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
    let ends = |endings: &[&str]| endings.iter().any(|ending| plain.ends_with(ending));
    let format = match set.format {
        Some(format) => format,
        None if ends(&[".csv", ".tsv"]) => Format::Csv,
        None if ends(&[".parquet", ".pq"]) => Format::Parquet,
        None if ends(&[".ndjson", ".jsonl", ".json"]) => Format::Ndjson,
        None if ends(&[".arrow", ".feather", ".ipc"]) => Format::Arrow,
        None if !set.source.contains('/') => return Ok(None),
        None => {
            let hint = "add format: csv or format: parquet";
            return Err(Fault::new(format!("read {} on Spark", set.source), "its ending tells no format", hint));
        }
    };
    match format {
        Format::Arrow => {
            let why = "Spark reads no Arrow files";
            Err(Fault::new(format!("read {} on Spark", set.source), why, "use Parquet, or another engine"))
        }
        format => Ok(Some(format)),
    }
}

fn relation(set: &Dataset, format: Option<Format>) -> RelationKind {
    let (name, options) = match format {
        None => {
            let table = NamedTable { unparsed_identifier: set.source.clone() };
            return RelationKind::Read(Read { kind: Some(ReadKind::NamedTable(table)) });
        }
        Some(Format::Csv) => ("csv", csv_options(set)),
        Some(Format::Ndjson) => ("json", HashMap::from([("mode".into(), "FAILFAST".into())])),
        Some(_) => ("parquet", HashMap::new()),
    };
    let schema = match (&set.csv.header, format) {
        (Some(names), Some(Format::Csv)) => {
            let columns = names.iter().map(|name| format!("{} STRING", Dialect::Spark.ident(name)));
            Some(columns.collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    let source = DataSource { format: Some(name.into()), schema, options, paths: vec![set.source.clone()] };
    RelationKind::Read(Read { kind: Some(ReadKind::DataSource(source)) })
}

fn csv_options(set: &Dataset) -> HashMap<String, String> {
    let text = |byte: u8| char::from(byte).to_string();
    let tabs = [".tsv", ".tsv.gz", ".tsv.zst"].iter().any(|end| set.source.to_ascii_lowercase().ends_with(end));
    let delimiter = if tabs && set.csv.delimiter == b',' { b'\t' } else { set.csv.delimiter };
    // Spark knows no "no quotes"; NUL is what no text holds.
    let quote = set.csv.quote.map_or("\0".to_string(), text);
    let mut options = HashMap::from([
        ("header".to_string(), set.csv.header.is_none().to_string()),
        ("inferSchema".into(), "false".into()),
        ("mode".into(), "FAILFAST".into()),
        ("multiLine".into(), "true".into()),
        ("encoding".into(), "UTF-8".into()),
        ("sep".into(), text(delimiter)),
        ("quote".into(), quote.clone()),
        ("escape".into(), quote),
        ("enforceSchema".into(), set.csv.header.is_some().to_string()),
        ("unescapedQuoteHandling".into(), "RAISE_ERROR".into()),
        ("columnPruning".into(), "false".into()),
    ]);
    if let Some(comment) = set.csv.comment {
        options.insert("comment".into(), text(comment));
    }
    options
}
