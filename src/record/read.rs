//! Records that come back: from a file or a registry.

use super::wire;
use crate::model::{Fault, Interval, Measurement, Slice, Unit};

/// Reads a record.
///
/// # Errors
/// Not JSON, not a record, or of a schema that this version does not know.
pub fn parse(bytes: &[u8], source: &str) -> Result<wire::Record, Fault> {
    let what = || format!("read the record {source}");
    let hint = "a record is written by `mlgate run`";
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| Fault::new(what(), e, hint))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(wire::SCHEMA) => {}
        Some(schema) => {
            let why = format!("it has schema {schema}; this version reads {}", wire::SCHEMA);
            return Err(Fault::new(what(), why, "use the version of mlgate that wrote it, or a newer one"));
        }
        None => return Err(Fault::new(what(), "there is no `schema` in it", hint)),
    }
    serde_json::from_value(value).map_err(|e| Fault::new(what(), e, hint))
}

fn interval(of: &wire::Interval) -> Interval {
    Interval { low: of.low, high: of.high, level: of.level }
}

/// The record's measurements as the gates take them. A value that is null comes back as NaN, on which every gate
/// is errored.
///
/// # Errors
/// A unit that this version does not know.
pub fn measurements(record: &wire::Record) -> Result<Vec<Measurement>, Fault> {
    let of_wire = |m: &wire::Measurement| {
        let unit = Unit::parse(&m.unit).ok_or_else(|| {
            let why = format!("`{}` is measured in `{}`, a unit that this version does not know", m.id, m.unit);
            Fault::new("read the record's measurements", why, "use the version of mlgate that wrote it, or a newer one")
        })?;
        Ok(Measurement {
            id: m.id.clone(),
            slice: m.slice.as_ref().map(|s| Slice { column: s.column.clone(), value: s.value.clone() }),
            value: m.value.unwrap_or(f64::NAN),
            unit,
            n: m.n,
            interval: m.interval.as_ref().map(interval),
            others: m.other_intervals.iter().map(interval).collect(),
            source: m.source.clone(),
        })
    };
    record.measurements.iter().map(of_wire).collect()
}
