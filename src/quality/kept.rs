//! The predictions that were judged, as a small Parquet file that rides with the record: what production predicted is
//! then at hand when the next model is compared with it, row by row, and nothing has to be stored elsewhere.
//!
//! The file has the columns that comparing needs and no others. How they are read stands in the record: production is
//! measured as it was, by its own threshold and names of columns, whatever `mlops.yaml` says today.

use super::outcomes::Predicted;
use super::predictions;
use crate::config::{Detail, Predictions, SliceBy, Task};
use crate::data::Watch;
use crate::data::table::{Reading, Table};
use crate::digest;
use crate::model::{Comparison, Fault, KeptPredictions, Measurement, Slice, Unit};
use crate::record::wire;
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempPath;

/// Predictions of an earlier run, fetched from the registry; the file goes with the last copy of this value.
#[derive(Clone, Debug)]
pub struct Pulled {
    pub path: Arc<TempPath>,
    pub about: wire::Predictions,
}

/// `quality.predictions` on the wire, but for the file. A field that this version does not know tells of rules that it
/// cannot follow, so it is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    task: String,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prediction: Option<String>,
    threshold: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    positive: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strata: Option<String>,
    /// Names of columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    slices: Vec<String>,
    /// What single tasks need beside.
    #[serde(default, skip_serializing_if = "is_plain")]
    detail: Detail,
}

fn is_plain(detail: &Detail) -> bool {
    *detail == Detail::default()
}

/// Bins and conditions are those of the run that compares: in pairs its own slices count.
fn column_slice(slice: SliceBy) -> Option<String> {
    match slice {
        SliceBy::Column(name) => Some(name),
        SliceBy::Bins { .. } | SliceBy::Quantiles { .. } | SliceBy::Where { .. } => None,
    }
}

impl Wire {
    fn of(config: &Predictions) -> Wire {
        // Every key by name: one that is added must come into the record, too.
        let Predictions {
            file: _,
            in_record: _,
            task,
            label,
            score,
            prediction,
            threshold,
            positive,
            id,
            weight,
            group,
            strata,
            slices,
            // A search is for the worst of the model at hand.
            find_slices: _,
            detail,
            // What is compared in pairs of these is today's expressions, which the next run reads anew.
            custom: _,
        } = config.clone();
        let task = task.name().to_string();
        // The history is a file that does not ride along.
        let detail = Detail { history: None, ..detail };
        let slices = slices.into_iter().filter_map(column_slice).collect();
        Wire { task, label, score, prediction, threshold, positive, id, weight, group, strata, slices, detail }
    }

    fn config(self) -> Result<Predictions, String> {
        let Wire { task, label, score, prediction, threshold, positive, id, weight, group, strata, slices, detail } =
            self;
        let task = Task::named(&task)
            .ok_or_else(|| format!("they are of a task `{task}`, which this version does not know"))?;
        Ok(Predictions {
            file: PathBuf::new(),
            in_record: true,
            task,
            label,
            score,
            prediction,
            threshold,
            positive,
            id,
            weight,
            group,
            strata,
            slices: slices.into_iter().map(SliceBy::Column).collect(),
            find_slices: None,
            detail,
            custom: Vec::new(),
        })
    }
}

/// Writes what `config` reads of `table` to the file `to`.
///
/// # Errors
/// The table cannot be read again or the file not be written; more rows or bytes than may ride with a record.
pub fn keep(table: &Table, config: &Predictions, source: &str, to: &Path) -> Result<KeptPredictions, Vec<Fault>> {
    let columns = predictions::columns_of(table, config, source)?;
    write(table, &columns, config, source, to).map_err(|fault| vec![fault])
}

fn write(
    table: &Table,
    columns: &[(String, Reading)],
    config: &Predictions,
    source: &str,
    to: &Path,
) -> Result<KeptPredictions, Fault> {
    let what = format!("keep the predictions of {source} for the record");
    let hint = "keep fewer rows, or take `in_record` away: the next run then compares two samples";
    let batches = table.batches_as(columns)?;
    let unwritten = |error: &dyn std::fmt::Display| Fault::new(&what, error, "is the disk full or read-only?");
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|e| unwritten(&e))?;
    }
    let file = File::create(to).map_err(|e| unwritten(&e))?;
    let schema = batches.schema();
    // Nothing but the rows and this version of mlgate decides on the bytes.
    let properties = WriterProperties::builder()
        .set_created_by(concat!("mlgate ", env!("CARGO_PKG_VERSION")).to_string())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer =
        ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(|e: ParquetError| unwritten(&e))?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&plain(&batch, &schema).map_err(|e| unwritten(&e))?).map_err(|e| unwritten(&e))?;
        if rows > KeptPredictions::MOST_ROWS {
            let most = Unit::Count.show(KeptPredictions::MOST_ROWS as f64);
            return Err(Fault::new(&what, format!("there are more than {most} rows"), hint));
        }
        if writer.bytes_written() as u64 > KeptPredictions::MOST_BYTES {
            return Err(too_long(&what, hint));
        }
    }
    writer.close().map_err(|e| unwritten(&e))?;
    let (digest, bytes) = digest::of_file(to).map_err(|e| unwritten(&e))?;
    if bytes > KeptPredictions::MOST_BYTES {
        return Err(too_long(&what, hint));
    }
    let reading = serde_json::to_value(Wire::of(config)).map_err(|e| unwritten(&e))?;
    Ok(KeptPredictions { path: to.to_path_buf(), digest, bytes, rows, reading })
}

fn too_long(what: &str, hint: &str) -> Fault {
    Fault::new(what, "they take more than 256 MiB", hint)
}

/// Columns that came as codes of a dictionary, as the values that they stand for.
fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let pairs = batch.columns().iter().zip(schema.fields());
    let columns = pairs.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema.clone(), columns)
}

/// What came of predictions that rode with a record.
pub enum Read {
    Rows(Box<Predicted>),
    /// They are sound, and cannot be compared with today's; the reason as a sentence.
    Foreign(String),
}

/// Reads predictions of the task that today's are of. Messages call them `source`.
///
/// # Errors
/// They are not what the record says of them: damaged, or another number of rows.
pub fn read(pulled: &Pulled, task: Task, source: &str, watch: &Arc<Watch>) -> Result<Read, Vec<Fault>> {
    let what = format!("read the predictions of {source}");
    let hint = "what rides with a record was not written by mlgate: who can push to this repository?";
    let fault = |why: String| vec![Fault::new(&what, why, hint)];
    let renamed = |found: Fault| vec![Fault { what: what.clone(), ..found }];
    let reading = serde_json::from_value::<Wire>(pulled.about.reading.clone());
    let config = match reading.map_err(|e| e.to_string()).and_then(Wire::config) {
        Ok(config) if config.task == task => config,
        Ok(_) => return Ok(Read::Foreign("its predictions are of another task".into())),
        Err(why) => return Ok(Read::Foreign(format!("its predictions cannot be read by this version: {why}"))),
    };
    let (root, name) = (pulled.path.parent().unwrap_or(Path::new("")), pulled.path.file_name().unwrap_or_default());
    let table = Table::open_watched(root, &name.to_string_lossy(), None, watch.clone()).map_err(renamed)?;
    // Without a column only the footer is read, which no page may contradict later: a bound before anything is held.
    let mut rows = 0;
    for batch in table.batches(Some(&[])).map_err(renamed)? {
        rows += batch.map_err(renamed)?.num_rows() as u64;
    }
    if rows != pulled.about.rows || rows > KeptPredictions::MOST_ROWS {
        return Err(fault(format!("{rows} rows are there, and the record tells of {}", pulled.about.rows)));
    }
    let rows = predictions::read(&table, &config, source, false)?;
    Ok(Read::Rows(Box::new(rows)))
}

/// What to say of a record that has none.
pub fn without(source: &str) -> String {
    format!(
        "compared with {source} as two samples: its record carries no predictions; with `in_record: true` under \
         `quality.predictions` that of the next image will"
    )
}

/// Keeps of `comparisons` those whose values are the measured ones; tells of the others. Numbers of a record that
/// was written by another version of mlgate may differ from what this one makes of the same rows.
pub fn agreeing(
    comparisons: Vec<Comparison>,
    candidate: &[Measurement],
    baseline: &[Measurement],
) -> (Vec<Comparison>, Vec<String>) {
    let known = |measured: &[Measurement]| -> HashMap<(String, Option<Slice>), f64> {
        measured.iter().map(|m| ((m.id.clone(), m.slice.clone()), m.value)).collect()
    };
    let (candidate, baseline) = (known(candidate), known(baseline));
    let mut notes = Vec::new();
    let mut agrees = |comparison: &Comparison| {
        let own = comparison.baseline + comparison.difference.value;
        let key = (comparison.id.clone(), comparison.slice.clone());
        [(&candidate, own), (&baseline, comparison.baseline)].into_iter().all(|(measured, value)| {
            let Some(recorded) = measured.get(&key).filter(|recorded| !same(**recorded, value)) else { return true };
            let shown = key.1.as_ref().map_or(key.0.clone(), |slice| format!("{}[{slice}]", key.0));
            notes.push(format!("{shown} is {recorded} by the record and {value} by its predictions: two samples"));
            false
        })
    };
    let kept = comparisons.into_iter().filter(|comparison| agrees(comparison)).collect();
    (kept, notes)
}

/// Whether two values are one but for rounding.
pub fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(task: Task) -> Predictions {
        Predictions {
            file: "p.csv".into(),
            task,
            label: "y".into(),
            score: (task == Task::Binary).then(|| "p".into()),
            prediction: (task != Task::Binary).then(|| "p".into()),
            threshold: 0.3,
            positive: None,
            id: Some("id".into()),
            weight: None,
            group: None,
            strata: None,
            slices: vec![SliceBy::Column("s".into())],
            find_slices: None,
            detail: Detail::default(),
            custom: Vec::new(),
            in_record: true,
        }
    }

    const BINARY: &str = "id,y,p,s,other\na,1,0.9,x,secret\nb,0,0.31,y,secret\nc,1,0.2,,secret\n";

    fn kept(text: &str, config: &Predictions) -> (tempfile::TempDir, KeptPredictions, Predicted) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("p.csv"), text).unwrap();
        let table = Table::open(dir.path(), "p.csv", None).unwrap();
        let kept = keep(&table, config, "p.csv", &dir.path().join("work/kept.parquet")).unwrap();
        let predicted = predictions::read(&table, config, "p.csv", false).unwrap();
        (dir, kept, predicted)
    }

    fn pulled(bytes: &[u8], rows: u64, reading: serde_json::Value) -> Pulled {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let about = wire::Predictions { digest: digest::of(bytes), bytes: bytes.len() as u64, rows, reading };
        Pulled { path: Arc::new(file.into_temp_path()), about }
    }

    #[test]
    fn what_comes_back_is_what_was_judged_whatever_the_task() {
        for (task, text) in [
            (Task::Binary, BINARY),
            (Task::Multiclass, "id,y,p,s\n1,cat,dog,x\n2,dog,dog,x\n"),
            (Task::Regression, "id,y,p,s\n1,0.1,0.25,x\n2,1e-9,-3,y\n"),
            (Task::Text, "id,y,p,s\n1,1.50,1.5,x\n2,\"a, b\",a b,y\n"),
        ] {
            let config = config(task);
            let (_dir, kept, before) = kept(text, &config);
            let bytes = std::fs::read(&kept.path).unwrap();
            assert_eq!((digest::of(&bytes), bytes.len() as u64), (kept.digest.clone(), kept.bytes));
            assert!(!bytes.windows(6).any(|word| word == b"secret"));
            let pulled = pulled(&bytes, kept.rows, kept.reading);
            let Read::Rows(after) = read(&pulled, task, "production", &Arc::default()).unwrap() else { panic!() };
            assert_eq!((after.outcomes, after.ids), (before.outcomes, before.ids));
            let slices = |p: &[super::super::outcomes::SliceColumn]| -> Vec<_> {
                p.iter().map(|s| (s.column.clone(), s.values.clone(), s.codes.clone())).collect()
            };
            assert_eq!(slices(&after.slices), slices(&before.slices));
        }
    }

    #[test]
    fn what_is_not_as_the_record_says_is_a_fault() {
        let (_dir, kept, _) = kept(BINARY, &config(Task::Binary));
        let bytes = std::fs::read(&kept.path).unwrap();
        let why = |bytes: &[u8], rows: u64, reading: serde_json::Value| match read(
            &pulled(bytes, rows, reading),
            Task::Binary,
            "production",
            &Arc::default(),
        ) {
            Err(faults) => faults[0].to_string(),
            Ok(Read::Foreign(why)) => format!("foreign: {why}"),
            Ok(Read::Rows(_)) => "read".to_string(),
        };
        assert_eq!(why(&bytes, 3, kept.reading.clone()), "read");
        assert!(why(&bytes, 4, kept.reading.clone()).contains("3 rows are there, and the record tells of 4"));
        for damaged in [&bytes[..bytes.len() - 9], &bytes[..40], b"PAR1 and nothing else", b"<html>", b""] {
            let why = why(damaged, 3, kept.reading.clone());
            assert!(why.starts_with("read the predictions of production: "), "{why}");
        }
        let mut other = kept.reading.clone();
        other["label"] = json!("truth");
        assert!(why(&bytes, 3, other).contains("no column \"truth\""));
        // A rule that this version does not know, and another task: sound, and no rows to compare with.
        let mut newer = kept.reading.clone();
        newer["calibration"] = json!("isotonic");
        assert!(why(&bytes, 3, newer).contains("foreign: its predictions cannot be read by this version"));
        let mut multiclass = kept.reading;
        multiclass["task"] = json!("multiclass");
        assert!(why(&bytes, 3, multiclass).contains("foreign: its predictions are of another task"));
    }

    #[test]
    fn a_record_whose_numbers_are_others_is_not_contradicted_by_its_rows() {
        let difference = crate::model::Difference { value: 0.1, interval: None };
        let of = |id: &str, baseline| Comparison {
            id: id.into(),
            slice: None,
            baseline,
            difference,
            relative: None,
            n: 3,
            method: String::new(),
        };
        let measured = |id: &str, value| Measurement::new(id, value, Unit::Score, "record");
        let (kept, notes) = agreeing(
            vec![of("quality.f1", 0.5), of("quality.recall", 0.5)],
            &[measured("quality.f1", 0.6), measured("quality.recall", 0.6)],
            &[measured("quality.f1", 0.5), measured("quality.recall", 0.51)],
        );
        assert_eq!((kept.len(), kept[0].id.as_str(), notes.len()), (1, "quality.f1", 1));
        assert!(notes[0].contains("quality.recall is 0.51 by the record and 0.5"), "{notes:?}");
    }
}
