//! The DuckDB command line: a process for each round of queries, which come by standard input and answer with
//! Parquet files in a folder of ours.
//!
//! Parquet is read by DuckDB itself. Formats whose types lie in their values alone are read by us, and handed over as
//! Parquet: so that a value is the same, and of the same type, whoever counts it.

use super::dialect::Dialect;
use super::known::{Known, Style};
use super::{Around, Failure, Session, runtime, wait};
use crate::config::{Dataset, Format};
use crate::data::table::{Reading, Table};
use crate::data::values::cast;
use crate::model::Fault;
use crate::process;
use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const PROGRAM: &str = "duckdb";

pub struct DuckDb<'a> {
    around: &'a Around<'a>,
    runtime: tokio::runtime::Runtime,
    memory: u64,
    /// For one run of the program.
    patience: Duration,
    scratch: TempDir,
    tables: Vec<Opened>,
    round: usize,
}

struct Opened {
    known: Rc<Known>,
    /// Read by DuckDB itself.
    direct: bool,
    /// Those that it reads itself, on this machine's disk.
    files: Vec<PathBuf>,
    /// The columns that have been handed over.
    spooled: Option<BTreeSet<(usize, bool)>>,
    /// Visible under its name.
    shown: bool,
}

pub fn start<'a>(set: &Dataset, around: &'a Around<'a>) -> Result<DuckDb<'a>, Fault> {
    let scratch = TempDir::with_prefix("mlgate-duckdb-").map_err(|e| Fault::new("start DuckDB", e, ""))?;
    let (memory, patience) = (set.memory, set.query_timeout);
    Ok(DuckDb { around, runtime: runtime()?, memory, patience, scratch, tables: Vec::new(), round: 0 })
}

impl Session for DuckDb<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }

    fn open(&mut self, name: &str) -> Result<Rc<Known>, Fault> {
        if let Some(opened) = self.tables.iter().find(|opened| opened.known.name == name) {
            return Ok(opened.known.clone());
        }
        let table = (self.around.open)(name)?;
        // Columns that come from the names of folders are no columns of the files.
        let partitioned = table.files().iter().any(|file| file.iter().any(|part| part.to_string_lossy().contains('=')));
        let direct = table.format() == Format::Parquet && !partitioned && !look_alike(&table);
        let files = if direct { local_files(&table)? } else { Vec::new() };
        let relation = Dialect::DuckDb.ident(&format!("mlgate {}", self.tables.len()));
        let known = Rc::new(Known {
            name: name.to_string(),
            relation,
            table,
            style: if direct { Style::Named } else { Style::Numbered },
            nulls: Vec::new(),
            order: Some("row_number() OVER ()".to_string()),
            used: RefCell::default(),
        });
        self.tables.push(Opened { known: known.clone(), direct, files, spooled: None, shown: false });
        Ok(known)
    }

    fn show(&mut self, known: &Known) -> Result<(), Fault> {
        if look_alike(&known.table) {
            let why = "it has columns whose names differ in nothing but case, which are one name to DuckDB";
            return Err(Fault::new(format!("show {} to DuckDB", known.name), why, "rename them"));
        }
        for field in known.table.schema().fields() {
            let _ = known.native(Dialect::DuckDb, field.name());
        }
        if let Some(opened) = self.tables.iter_mut().find(|opened| opened.known.name == known.name) {
            opened.shown = true;
        }
        Ok(())
    }

    fn query(&mut self, sql: &[String]) -> Vec<Result<Vec<RecordBatch>, Failure>> {
        let mut answers = Vec::new();
        if let Err(fault) = self.hand_over() {
            return sql.iter().map(|_| Err(Failure::gone(fault.to_string()))).collect();
        }
        while let Some(rest) = sql.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            match self.round(rest) {
                Ok(some) => answers.extend(some),
                Err(failure) => answers.extend(rest.iter().map(|_| Err(failure.clone()))),
            }
        }
        answers
    }

    fn fault(&self, why: &str) -> Fault {
        Fault::new(
            "run DuckDB",
            why,
            "the duckdb command must be on the PATH, version 1.2 or later: pip install duckdb-cli",
        )
    }
}

/// Whether two columns have names that differ in nothing but case.
fn look_alike(table: &Table) -> bool {
    let mut seen = HashSet::new();
    table.schema().fields().iter().any(|field| !seen.insert(field.name().to_lowercase()))
}

/// DuckDB runs in a folder of its own, so that paths are whole.
fn local_files(table: &Table) -> Result<Vec<PathBuf>, Fault> {
    let whole = |file: PathBuf| std::path::absolute(&file).map_err(|e| Fault::new("find the files for DuckDB", e, ""));
    table.fetched()?.into_iter().map(whole).collect()
}

impl DuckDb<'_> {
    fn spool_path(&self, index: usize) -> PathBuf {
        self.scratch.path().join(format!("t{index}.parquet"))
    }

    /// Writes the columns that queries ask for of tables which DuckDB does not read itself.
    fn hand_over(&mut self) -> Result<(), Fault> {
        for index in 0..self.tables.len() {
            let path = self.spool_path(index);
            let Some(opened) = self.tables.get_mut(index) else { continue };
            let used = opened.known.used.borrow().clone();
            let done = opened.direct || opened.spooled.as_ref().is_some_and(|spooled| used.is_subset(spooled));
            if !done {
                spool(&opened.known.table, &used, &path)?;
                opened.spooled = Some(used);
            }
        }
        Ok(())
    }

    /// Runs as many of the queries as go well, in one process, and the first that does not.
    fn round(&mut self, sql: &[String]) -> Result<Vec<Result<Vec<RecordBatch>, Failure>>, Failure> {
        self.round += 1;
        let folder = self.scratch.path().join(format!("r{}", self.round));
        std::fs::create_dir(&folder).map_err(|e| Failure::gone(e.to_string()))?;
        let mark = format!("-- mlgate {} ", self.scratch.path().display());
        let script = self.script(sql, &folder, &mark);
        let mut reached = Vec::new();
        let mut said = Vec::new();
        let note = |line: &str| match line.strip_prefix(&mark) {
            Some(place) => reached.push(place.to_string()),
            None => said.push(process::plain(line)),
        };
        let arguments = ["-init", "/dev/null", "-batch", "-bail"];
        let group = {
            let _guard = self.runtime.enter();
            process::program(PROGRAM, &arguments, self.scratch.path(), script.into_bytes())
        };
        let group = group.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Failure::gone("there is no program `duckdb`"),
            _ => Failure::gone(e.to_string()),
        })?;
        let limit = self.patience + Duration::from_secs(1);
        let finish = async { group.finish(limit, note).await.map_err(|e| Failure::gone(e.to_string())) };
        let finished = wait(&self.runtime, (&self.around.watch, self.patience), finish)?;
        let why = reason(&said, finished.ended.in_words());
        if reached.first().is_none_or(|first| first != "ready") {
            return Err(Failure::gone(why));
        }
        let done = reached.len() - 1;
        let mut answers: Vec<_> =
            (0..done.min(sql.len())).map(|i| read(&folder.join(format!("{i}.parquet")))).collect();
        if done < sql.len() {
            // A process that was killed says nothing of the query.
            answers.push(Err(match finished.ended {
                process::Ended::Exited(_) => Failure::Query(why),
                _ => Failure::gone(why),
            }));
        }
        let _ = std::fs::remove_dir_all(&folder);
        Ok(answers)
    }

    fn script(&self, sql: &[String], folder: &Path, mark: &str) -> String {
        let d = Dialect::DuckDb;
        let path = |path: &Path| d.text(&path.to_string_lossy());
        let scratch = self.scratch.path();
        let files: Vec<String> = self.tables.iter().flat_map(|o| o.files.iter().map(|file| path(file))).collect();
        let mut script = vec![
            "SET TimeZone='UTC';".to_string(),
            format!("SET memory_limit='{}KiB';", (self.memory >> 10).max(1)),
            format!("SET temp_directory={};", path(&scratch.join("spill"))),
            "SET enable_progress_bar=false;".into(),
            "SET autoinstall_known_extensions=false;".into(),
            "SET autoload_known_extensions=false;".into(),
            // What a check reads is what the record names: the files of the data sets, and nothing else.
            format!("SET allowed_paths=[{}];", files.join(", ")),
            format!("SET allowed_directories=[{}];", d.text(&format!("{}/", scratch.display()))),
            "SET enable_external_access=false;".into(),
            "SET lock_configuration=true;".into(),
        ];
        for (index, opened) in self.tables.iter().enumerate() {
            let known = &opened.known;
            let from = match opened.direct {
                true => {
                    let files: Vec<String> = opened.files.iter().map(|file| path(file)).collect();
                    format!("read_parquet([{}], union_by_name=true, hive_partitioning=false)", files.join(", "))
                }
                false => format!("read_parquet([{}], hive_partitioning=false)", path(&self.spool_path(index))),
            };
            script.push(format!("CREATE TEMP VIEW {} AS SELECT * FROM {from};", known.relation));
            if opened.shown {
                let schema = known.table.schema();
                let names = schema.fields().iter().map(|field| field.name());
                let columns = names.filter_map(|n| Some(format!("{} AS {}", known.native(d, n).ok()?, d.ident(n))));
                let columns = columns.collect::<Vec<_>>().join(", ");
                let (name, relation) = (d.ident(&known.name), &known.relation);
                script.push(format!("CREATE TEMP VIEW {name} AS SELECT {columns} FROM {relation};"));
            }
        }
        script.push(format!(".print '{mark}ready'"));
        for (index, query) in sql.iter().enumerate() {
            let answer = path(&folder.join(format!("{index}.parquet")));
            script.push(format!("COPY ({query}) TO {answer} (FORMAT parquet);"));
            script.push(format!(".print '{mark}{index}'"));
        }
        script.join("\n") + "\n"
    }
}

/// The first paragraph of what DuckDB said, without its drawing of the place in the query.
fn reason(said: &[String], ended: String) -> String {
    let lines: Vec<&str> = said.iter().map(|line| line.trim()).skip_while(|line| line.is_empty()).collect();
    let text: Vec<&str> =
        lines.into_iter().take_while(|line| !line.starts_with("LINE ")).filter(|l| !l.is_empty()).collect();
    match text.is_empty() {
        true => ended,
        false => text.join(" ").chars().take(500).collect(),
    }
}

fn read(path: &Path) -> Result<Vec<RecordBatch>, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::gone(format!("its answer cannot be read: {e}"));
    let file = File::open(path).map_err(|e| failed(&e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
    let schema = builder.schema().clone();
    let reader = builder.build().map_err(|e| failed(&e))?;
    let mut batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| failed(&e))?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// Parquet has no date in milliseconds, and would hold a whole number. Such a date may have a time of the day.
fn handed_over_as(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => other.clone(),
    }
}

/// Writes columns of a table as one Parquet file: `t3` is the fourth column, `s3` the text it was written as.
fn spool(table: &Table, used: &BTreeSet<(usize, bool)>, path: &Path) -> Result<(), Fault> {
    let fault = |e: &dyn std::fmt::Display| Fault::new("hand the data over to DuckDB", e.to_string(), "");
    let schema = table.schema();
    let used: Vec<(usize, bool)> =
        used.iter().filter(|(index, _)| schema.field(*index).data_type() != &DataType::Null).copied().collect();
    let reading = |(index, text): &(usize, bool)| {
        let reading = if *text { Reading::Text } else { Reading::Typed };
        (schema.field(*index).name().clone(), reading)
    };
    let mut columns: Vec<_> = used.iter().map(reading).collect();
    if columns.is_empty() {
        // Rows are counted by something.
        columns.extend(schema.fields().first().map(|field| (field.name().clone(), Reading::Text)));
    }
    let batches = table.batches_as(&columns)?;
    let read = batches.schema();
    let names = used.iter().map(|(index, text)| format!("{}{index}", if *text { 's' } else { 't' }));
    let named =
        |(field, name): (&FieldRef, String)| Field::new(name, handed_over_as(field.data_type()), field.is_nullable());
    let mut fields: Vec<Field> = read.fields().iter().zip(names).map(named).collect();
    fields.push(Field::new("row", DataType::Boolean, false));
    let target = Arc::new(Schema::new(fields));
    let file = File::create(path).map_err(|e| fault(&e))?;
    let mut writer = ArrowWriter::try_new(file, target.clone(), None).map_err(|e| fault(&e))?;
    for batch in batches {
        let batch = batch?;
        let column = |column: &ArrayRef| cast(column, &handed_over_as(column.data_type())).map_err(|e| fault(&e));
        let mut arrays: Vec<ArrayRef> =
            batch.columns().iter().take(used.len()).map(column).collect::<Result<_, _>>()?;
        arrays.push(Arc::new(BooleanArray::from(vec![true; batch.num_rows()])));
        let batch = RecordBatch::try_new(target.clone(), arrays).map_err(|e| fault(&e))?;
        writer.write(&batch).map_err(|e| fault(&e))?;
        if writer.in_progress_size() > 64 << 20 {
            writer.flush().map_err(|e| fault(&e))?;
        }
    }
    writer.close().map(drop).map_err(|e| fault(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Date64Array};
    use arrow::datatypes::TimestampMicrosecondType;

    #[test]
    fn dates_in_milliseconds_are_handed_over_as_times() {
        let dir = tempfile::tempdir().unwrap();
        let dates: ArrayRef = Arc::new(Date64Array::from(vec![Some(86_400_001), None]));
        let batch = RecordBatch::try_from_iter([("d", dates)]).unwrap();
        let file = File::create(dir.path().join("t.arrow")).unwrap();
        let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let table = Table::open(dir.path(), "t.arrow", None).unwrap();
        spool(&table, &BTreeSet::from([(0, false)]), &dir.path().join("t.parquet")).unwrap();
        let handed = read(&dir.path().join("t.parquet")).unwrap();
        let times: Vec<_> = handed[0].column(0).as_primitive::<TimestampMicrosecondType>().iter().collect();
        assert_eq!(times, [Some(86_400_001_000), None]);
    }
}
