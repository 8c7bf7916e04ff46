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

/// To a millionth of the range or finer: enough for a rank, and half the length. The ends stay as they are.
fn rounded(numbers: &Numbers) -> Vec<f64> {
    let range = numbers.max - numbers.min;
    if !(range > 0.0 && range.is_finite()) {
        return numbers.quantiles.clone();
    }
    let places = 6 - range.log10().floor() as i32;
    let round = |value: f64| match usize::try_from(places) {
        Ok(places) => format!("{value:.*}", places.min(300)).parse().unwrap_or(value),
        Err(_) => (value / 10_f64.powi(-places)).round() * 10_f64.powi(-places),
    };
    numbers.quantiles.iter().map(|value| round(*value).clamp(numbers.min, numbers.max)).collect()
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
        let numbers = Numbers { min: -0.5, max: 3.0, mean: 1.0, squares: 9.25, quantiles: vec![-0.5, 0.123_457, 3.0] };
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
}
