//! Quantities, as <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/> defines them.

use crate::kustomize::Value;

/// Suffixes with what they multiply by.
const SUFFIXES: [(&str, f64); 16] = [
    ("", 1.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
];

/// The number that a quantity stands for, in its base unit (cores, bytes); none when it is no quantity.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::String(text) => parse(text),
        _ => None,
    }
}

fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(end);
    if !digits.bytes().any(|b| b.is_ascii_digit()) || digits.matches('.').count() > 1 {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|rest| rest.parse::<i32>().ok());
    let factor = match exponent {
        Some(exponent) => 10f64.powi(exponent),
        None => SUFFIXES.iter().find(|(known, _)| *known == suffix)?.1,
    };
    Some(if text.starts_with('-') { -number * factor } else { number * factor })
}

/// The quantity that was probably meant: `512MB` → `512M`, `1GiB` → `1Gi`.
pub(super) fn meant(text: &str) -> Option<String> {
    let plain = text.replace(' ', "");
    let cut = plain.strip_suffix(['B', 'b']).unwrap_or(&plain);
    [cut.to_string(), cut.replace('K', "k")].into_iter().find(|guess| guess != text && parse(guess).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_slips_are_not() {
        for (text, number) in [
            ("500m", 0.5),
            ("2", 2.0),
            ("1.5Gi", 1_610_612_736.0),
            ("1e3", 1e3),
            ("1E2", 100.0),
            ("1E", 1e18),
            (".5", 0.5),
            ("-1k", -1e3),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["", ".", "1.2.3", "512MB", "1 Gi", "10K", "one", "1ee3", "m"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(meant("512MB").as_deref(), Some("512M"));
        assert_eq!(meant("1 GiB").as_deref(), Some("1Gi"));
        assert_eq!(meant("10K").as_deref(), Some("10k"));
        assert_eq!(meant("one"), None);
    }
}
