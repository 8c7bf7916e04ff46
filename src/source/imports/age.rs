//! Whether a result is about the data at hand. No tool writes down what content it looked at, so that only times can
//! tell: when the tool ran, against when the data were written, or against a bound that the user sets.

use super::json::text;
use crate::config::{Import, ImportKind};
use crate::model::Unit;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;
use std::time::Duration;

/// How much older than the data a result may be: files of one checkout are written in any order.
const SLACK: Duration = Duration::from_secs(60);
/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::from_secs(300);

/// When a result was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Made {
    pub at: DateTime<Utc>,
    /// By what the file says, not by its time on disk, which whoever unpacks an archive may set anew.
    pub by_itself: bool,
}

/// When the tool ran, as its file tells: the start of Soda's scan; when Great Expectations loaded the batch, or else
/// validated it, the earliest of all validations; the time of Evidently's test suites where it names its zone.
pub fn told(kind: ImportKind, file: &Value) -> Option<DateTime<Utc>> {
    match kind {
        ImportKind::Soda => time(text(file, "scanStartTimestamp")?),
        ImportKind::Evidently => time(text(file, "timestamp")?),
        ImportKind::GreatExpectations => {
            let runs = file.get("run_results").and_then(Value::as_object).into_iter().flat_map(|runs| runs.values());
            let validations = runs.map(|run| run.get("validation_result").unwrap_or(run)).chain([file]);
            validations.filter_map(|validation| validated(validation.get("meta")?)).min()
        }
    }
}

fn validated(meta: &Value) -> Option<DateTime<Utc>> {
    let of = |key: &str, inner: &str| time(text(meta.get(key)?, inner)?);
    of("batch_markers", "ge_load_time")
        .or_else(|| of("run_id", "run_time"))
        .or_else(|| time(text(meta, "validation_time")?))
}

/// A time that says its zone: RFC 3339, or as Great Expectations writes UTC, `20260131T235959.123456Z`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let basic = || NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S%.fZ").ok().map(|time| time.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(basic)
}

/// That a result speaks of the data at hand: it is no older than `max_age`, or else not older than the newest of the
/// data set's files, which is given with its time.
///
/// # Errors
/// Why it may speak of other data, and what to do.
pub fn judge(
    import: &Import,
    made: Made,
    newest: Option<(DateTime<Utc>, &str)>,
    now: DateTime<Utc>,
) -> Result<(), (String, String)> {
    let show = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let by = if made.by_itself { "as it says itself" } else { "by its time on disk, as it tells none" };
    let was_made = format!("it was made at {}, {by}", show(made.at));
    let age = (now - made.at).to_std();
    if age.is_err() && (made.at - now).to_std().is_ok_and(|ahead| ahead > SKEW) {
        return Err((format!("{was_made}, which is yet to come"), "set the clock of the machine that made it".into()));
    }
    if let Some(most) = import.max_age {
        let seconds = |time: Duration| Unit::Seconds.show(time.as_secs_f64());
        return match age.unwrap_or_default() {
            age if age > most => {
                let why = format!("{was_made}: {} ago, and `max_age` is {}", seconds(age), seconds(most));
                Err((why, "run the tool again".into()))
            }
            _ => Ok(()),
        };
    }
    match newest {
        None => {
            let why = "the data set has no file here whose time could tell whether it is older than the data";
            Err((why.into(), "say how old it may be: `max_age: 1h` beside the file".into()))
        }
        Some((newest, name)) if (newest - made.at).to_std().is_ok_and(|by| by > SLACK) => {
            let why = format!("{was_made}, before {name} was written ({}): it may speak of other data", show(newest));
            let hint = "run the tool again on this data; where the times of files say nothing, as after a checkout, say \
                        how old it may be: `max_age: 1h` beside the file";
            Err((why, hint.into()))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn files_tell_when_the_tool_ran() {
        let told = |kind, text: &str| told(kind, &serde_json::from_str(text).unwrap());
        let soda =
            r#"{"scanStartTimestamp": "2026-11-27T10:00:00+02:00", "scanEndTimestamp": "2026-11-27T11:00:00+02:00"}"#;
        assert_eq!(told(ImportKind::Soda, soda), Some(at("2026-11-27T08:00:00Z")));
        let gx = r#"{"results": [], "meta": {"batch_markers": {"ge_load_time": "20261127T080000.500000Z"},
                     "validation_time": "20261127T090000.000000Z"}}"#;
        assert_eq!(told(ImportKind::GreatExpectations, gx), Some(at("2026-11-27T08:00:00.5Z")));
        let runs = r#"{"run_results": {
            "a": {"validation_result": {"meta": {"run_id": {"run_time": "2026-11-27T09:00:00.000001+00:00"}}}},
            "b": {"meta": {"batch_markers": {"ge_load_time": null}, "validation_time": "20261127T080000.0Z"}}}}"#;
        assert_eq!(told(ImportKind::GreatExpectations, runs), Some(at("2026-11-27T08:00:00Z")));
        // Without a zone it could be any time of two days.
        assert_eq!(told(ImportKind::Evidently, r#"{"timestamp": "2026-11-27 08:00:00.123456"}"#), None);
        assert_eq!(told(ImportKind::Evidently, r#"{"metrics": []}"#), None);
        assert_eq!(told(ImportKind::GreatExpectations, r#"{"meta": 7}"#), None);
    }

    #[test]
    fn a_result_is_newer_than_the_data_or_within_its_age() {
        let now = at("2026-11-27T12:00:00Z");
        let judged = |max_age: Option<u64>, made: &str, newest: Option<&str>| {
            let max_age = max_age.map(Duration::from_secs);
            let import = Import { kind: ImportKind::Soda, file: "scan.json".into(), max_age };
            let made = Made { at: at(made), by_itself: true };
            judge(&import, made, newest.map(|newest| (at(newest), "t.csv")), now).map_err(|(why, hint)| why + &hint)
        };
        assert_eq!(judged(None, "2026-11-27T11:00:00Z", Some("2026-11-27T11:01:00Z")), Ok(()));
        assert!(judged(None, "2026-11-27T11:00:00Z", Some("2026-11-27T11:01:01Z")).unwrap_err().contains("max_age"));
        assert!(judged(None, "2026-11-27T11:00:00Z", None).unwrap_err().contains("max_age"));
        assert_eq!(judged(Some(3600), "2026-11-27T11:00:00Z", Some("2026-11-27T11:59:59Z")), Ok(()));
        assert_eq!(judged(Some(3600), "2026-11-27T11:00:00Z", None), Ok(()));
        let old = judged(Some(3600), "2026-11-27T10:59:59Z", None).unwrap_err();
        assert!(old.contains("2026-11-27 10:59:59 UTC, as it says itself"), "{old}");
        assert_eq!(judged(Some(3600), "2026-11-27T12:04:00Z", None), Ok(()));
        assert!(judged(Some(3600), "2026-11-27T12:06:00Z", None).unwrap_err().contains("yet to come"));
        assert!(judged(None, "2026-11-28T12:00:00Z", Some("2026-11-27T11:00:00Z")).is_err());
    }
}
