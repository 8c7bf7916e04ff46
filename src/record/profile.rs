//! Profiles on the wire and back.

use super::wire;
use crate::model::{ColumnKind, ColumnProfile, Distribution, Fault, Numbers, Profile};
use crate::secret::strike_out;

pub const MEDIA_TYPE: &str = "application/vnd.mlgate.profile.v1+json";
const SCHEMA: u32 = 1;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A profile's bytes: JSON, one column a line, ending in a line break.
pub fn to_json(profile: &Profile) -> Vec<u8> {
    let wire = to_wire(profile);
    let columns: Vec<String> =
        wire.columns.iter().map(|column| serde_json::to_string(column).unwrap_or_default()).collect();
    let head = serde_json::json!({"schema": wire.schema, "dataset": wire.dataset, "rows": wire.rows}).to_string();
    let head = head.trim_end_matches('}');
    format!("{head},\"columns\":[\n{}\n]}}\n", columns.join(",\n")).into_bytes()
}

/// Reads a profile that `mlgate profile` wrote.
///
/// # Errors
/// Not JSON, no profile, or of a schema that this version does not know.
pub fn parse(bytes: &[u8], source: &str) -> Result<Profile, Fault> {
    let what = || format!("read the profile {source}");
    let hint = "a profile is written by `mlgate profile`";
    let wire: wire::Profile = serde_json::from_slice(bytes).map_err(|e| Fault::new(what(), e, hint))?;
    of_wire(&wire).map_err(|why| Fault::new(what(), why, hint))
}

pub(super) fn to_wire(profile: &Profile) -> wire::Profile {
    let column = |column: &ColumnProfile| wire::ColumnProfile {
        name: column.name.clone(),
        kind: column.kind.name().into(),
        count: column.count,
        nulls: column.nulls,
        not_finite: column.not_finite,
        numbers: column.numbers.as_ref().map(|n| wire::Numbers {
            min: n.min,
            max: n.max,
            mean: n.mean,
            squares: n.squares,
            quantiles: rounded(n),
        }),
        values: column.values.iter().map(|(value, count)| (strike_out(value), *count)).collect(),
        others: column.others,
        // All values are there: who merges can make the registers again.
        registers: match column.others == 0 && !column.values.is_empty() {
            true => String::new(),
            false => column.registers.iter().map(|r| char::from(ALPHABET[usize::from(*r & 63)])).collect(),
        },
    };
    let columns = profile.columns.iter().map(column).collect();
    wire::Profile { schema: SCHEMA, dataset: profile.dataset.clone(), rows: profile.rows, columns }
}

/// Each to a thousandth of the way to the next other quantile or finer: enough for a rank, and half the length.
fn rounded(numbers: &Numbers) -> Vec<f64> {
    let runs: Vec<&[f64]> = numbers.quantiles.chunk_by(|a, b| a == b).collect();
    let firsts: Vec<f64> = runs.iter().filter_map(|run| run.first().copied()).collect();
    let mut rounded = Vec::with_capacity(numbers.quantiles.len());
    for (place, (run, value)) in runs.iter().zip(&firsts).enumerate() {
        let before = place.checked_sub(1).and_then(|before| firsts.get(before)).map(|other| value - other);
        let gap =
            before.into_iter().chain(firsts.get(place + 1).map(|other| other - value)).fold(f64::INFINITY, f64::min);
        let value = to_gap(*value, gap).clamp(numbers.min, numbers.max);
        rounded.extend(std::iter::repeat_n(value, run.len()));
    }
    rounded
}

fn to_gap(value: f64, gap: f64) -> f64 {
    if !(gap > 0.0 && gap.is_finite()) {
        return value;
    }
    match 3 - gap.log10().floor() as i32 {
        places @ 0..=300 => format!("{value:.*}", places as usize).parse().unwrap_or(value),
        places if places < 0 => (value / 10_f64.powi(-places)).round() * 10_f64.powi(-places),
        _ => value,
    }
}

pub(super) fn of_wire(profile: &wire::Profile) -> Result<Profile, String> {
    if profile.schema != SCHEMA {
        return Err(format!("it has schema {}; this version reads {SCHEMA}", profile.schema));
    }
    let column = |column: &wire::ColumnProfile| {
        let name = &column.name;
        let kind =
            ColumnKind::parse(&column.kind).ok_or_else(|| format!("column {name:?}: no kind {:?}", column.kind))?;
        let place = |c: u8| ALPHABET.iter().position(|known| *known == c).map(|place| place as u8);
        let registers: Option<Vec<u8>> = column.registers.bytes().map(place).collect();
        let numbers = column.numbers.as_ref().map(|n| Numbers {
            min: n.min,
            max: n.max,
            mean: n.mean,
            squares: n.squares,
            quantiles: n.quantiles.clone(),
        });
        if numbers.as_ref().is_some_and(|n| n.quantiles.is_empty() || !n.quantiles.is_sorted()) {
            return Err(format!("column {name:?}: its quantiles are no ascending numbers"));
        }
        Ok(ColumnProfile {
            name: name.clone(),
            kind,
            count: column.count,
            nulls: column.nulls,
            not_finite: column.not_finite,
            numbers,
            values: column.values.clone(),
            others: column.others,
            registers: registers
                .ok_or_else(|| format!("column {name:?}: its registers are not of base64's alphabet"))?,
        })
    };
    let columns = profile.columns.iter().map(column).collect::<Result<_, String>>()?;
    Ok(Profile { dataset: profile.dataset.clone(), rows: profile.rows, columns })
}

pub(super) fn distribution(found: &Distribution) -> wire::Distribution {
    wire::Distribution {
        id: found.id.clone(),
        labels: found.labels.iter().map(|label| strike_out(label)).collect(),
        reference: found.reference.clone(),
        current: found.current.clone(),
    }
}

/// The profiles that ride in a record.
///
/// # Errors
/// When one of them cannot be read.
pub fn of_record(record: &wire::Record) -> Result<Vec<Profile>, Fault> {
    let read = |profile: &wire::Profile| {
        let what = || format!("read the record's profile of {}", profile.dataset);
        of_wire(profile)
            .map_err(|why| Fault::new(what(), why, "use the version of mlgate that wrote it, or a newer one"))
    };
    record.profiles.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_survives_the_wire() {
        let numbers = Numbers { min: -0.5, max: 3.0, mean: 1.0, squares: 9.25, quantiles: vec![-0.5, 0.1235, 3.0] };
        let column = ColumnProfile {
            name: "a \"b\"".into(),
            kind: ColumnKind::Number,
            count: 3,
            nulls: 1,
            not_finite: 0,
            numbers: Some(numbers),
            values: vec![("x".into(), 2)],
            others: 1,
            registers: (0..64).collect(),
        };
        let profile = Profile { dataset: "train".into(), rows: 4, columns: vec![column] };
        assert_eq!(parse(&to_json(&profile), "p.json"), Ok(profile.clone()));
        for (from, to) in
            [("\"schema\":1", "\"schema\":2"), ("number", "nmuber"), ("ABC", "A?C"), ("-0.5,0.1", "9,0.1")]
        {
            let broken = String::from_utf8(to_json(&profile)).unwrap().replacen(from, to, 1);
            assert!(parse(broken.as_bytes(), "p.json").is_err(), "{to}");
        }
        assert!(parse(b"{}", "p.json").is_err());
    }

    #[test]
    fn a_value_far_out_leaves_the_others_their_ranks() {
        let mut quantiles: Vec<f64> = (0..200).map(|i| 1e6 + f64::from(i) / 199.0).collect();
        quantiles.extend([1e6 + 1.0, 1e12]);
        let (min, max) = (1e6, 1e12);
        let found = rounded(&Numbers { min, max, mean: 1e7, squares: 1.0, quantiles: quantiles.clone() });
        assert!(found.is_sorted() && found[199] == found[200]);
        let off = found.iter().zip(&quantiles).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-3 / 199.0, "{off}");
    }
}
