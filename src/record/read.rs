//! Records that come back: from a file or a registry.

use super::wire;
use crate::model::{Fault, Interval, Measurement, Slice, Unit};
use std::collections::HashMap;

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
/// A unit that this version does not know; one measurement with two values; an interval that is none.
pub fn measurements(record: &wire::Record) -> Result<Vec<Measurement>, Fault> {
    sound(record).map_err(|why| {
        Fault::new("read the record's measurements", why, "mlgate wrote no such record: who changed it?")
    })?;
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

/// Whether each measurement says one thing.
fn sound(record: &wire::Record) -> Result<(), String> {
    let mut known: HashMap<_, Option<f64>> = HashMap::new();
    for m in &record.measurements {
        let slice = m.slice.as_ref().map(|slice| (slice.column.as_str(), slice.value.as_str()));
        let name = || m.id.clone() + &slice.map(|(column, value)| format!("[{column}={value}]")).unwrap_or_default();
        if let Some(before) = known.insert((m.id.as_str(), slice), m.value).filter(|before| *before != m.value) {
            let shown = |value: Option<f64>| value.map_or("null".to_string(), |value| value.to_string());
            return Err(format!("`{}` is {} and {}", name(), shown(before), shown(m.value)));
        }
        for wire::Interval { low, high, level } in m.interval.iter().chain(&m.other_intervals) {
            if !(low <= high && *level > 0.0 && *level <= 1.0) {
                return Err(format!("`{}` has an interval from {low} to {high} at the level {level}", name()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(measurements: Value) -> Result<Vec<Measurement>, Fault> {
        let record = json!({
            "schema": 1, "tool": {"name": "mlgate", "version": "1"},
            "run": {"id": "1", "hash": "", "model": "m", "command": "run", "host": "local", "started": "",
                    "finished": "", "dry_run": false},
            "config": {"path": "", "digest": ""}, "inputs": [], "stages": [], "measurements": measurements,
            "checks": [], "verdicts": [], "decision": {"outcome": "cleared", "summary": "", "exit_code": 0},
        });
        super::measurements(&parse(record.to_string().as_bytes(), "it").unwrap())
    }

    fn f1(value: f64, more: Value) -> Value {
        let mut one = json!({"id": "quality.f1", "value": value, "unit": "score", "source": "m.json"});
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    }

    #[test]
    fn measurements_say_one_thing_each() {
        let interval =
            |low: Value, high: f64, level: f64| json!({"interval": {"low": low, "high": high, "level": level}});
        let slice = json!({"slice": {"column": "c", "value": "v"}});
        let sound = json!([f1(0.9, interval(json!(0.8), 0.95, 0.95)), f1(0.9, json!({})), f1(0.5, slice.clone())]);
        assert_eq!(read(sound).unwrap().len(), 3);
        assert_eq!(read(json!([f1(0.9, interval(Value::Null, 0.95, 1.0))])).unwrap().len(), 1, "open below");
        for (wrong, why) in [
            (json!([f1(0.9, slice.clone()), f1(0.99, slice)]), "`quality.f1[c=v]` is 0.9 and 0.99"),
            (json!([f1(0.9, interval(json!(0.95), 0.85, 0.95))]), "an interval from 0.95 to 0.85"),
            (json!([f1(0.9, interval(json!(0.8), 0.95, 0.0))]), "at the level 0"),
            (json!([f1(0.9, interval(json!(0.8), 0.95, 2.0))]), "at the level 2"),
        ] {
            let fault = read(wrong).unwrap_err();
            assert!(fault.why.contains(why), "{fault}");
        }
    }
}
