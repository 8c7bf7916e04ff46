//! What a plain YAML scalar means, by go-yaml's rules: YAML 1.2 with the octal and binary numbers of 1.1.

use super::value::Value;

/// The meaning of a plain scalar. Only `true` and `false` are booleans; `yes`, `on` and `y` are strings.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" => return Value::Blank,
        "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'0'..=b'9' | b'+' | b'-' => {
            if let Some(time) = timestamp(text) {
                return Value::String(time);
            }
            number(text).unwrap_or_else(|| infinite(text).unwrap_or_else(|| Value::string(text)))
        }
        b'.' => infinite(text).or_else(|| decimal(text).map(whole_or_float)).unwrap_or_else(|| Value::string(text)),
        _ => Value::string(text),
    }
}

/// The booleans of YAML 1.1 that YAML 1.2 reads as strings.
pub(crate) fn old_boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether a string must be quoted because unquoted it would read as something else to a YAML 1.1 reader.
pub(crate) fn needs_quotes(text: &str) -> bool {
    if old_boolean(text).is_some() || base60(text) {
        return true;
    }
    match text.as_bytes().first() {
        None | Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') => !matches!(resolve(text), Value::String(_)),
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            timestamp(text).is_some() || !matches!(resolve(text), Value::String(_))
        }
        Some(_) => false,
    }
}

fn infinite(text: &str) -> Option<Value> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    match rest {
        ".inf" | ".Inf" | ".INF" => Some(Value::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
        ".nan" | ".NaN" | ".NAN" if rest.len() == text.len() => Some(Value::Float(f64::NAN)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    integer(&plain).map(Value::Int).or_else(|| decimal(&plain).map(whole_or_float))
}

/// An integer that fits 64 bits, signed or unsigned: decimal, `0x`, `0b`, `0o` or a leading zero for octal.
fn integer(plain: &str) -> Option<i128> {
    let (sign, digits) = match plain.as_bytes().first()? {
        b'-' => (-1, &plain[1..]),
        b'+' => (1, &plain[1..]),
        _ => (1, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if body.is_empty() || !body.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = i128::from_str_radix(body, radix).ok()? * sign;
    (value >= i128::from(i64::MIN) && value <= i128::from(u64::MAX)).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn decimal(plain: &str) -> Option<f64> {
    let body = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if power.is_empty() || !digits(power) {
            return None;
        }
    }
    let value: f64 = plain.strip_prefix('+').unwrap_or(plain).parse().ok()?;
    value.is_finite().then_some(value)
}

/// A float that JSON prints without a fraction comes back as an integer where 64 bits hold it.
fn whole_or_float(f: f64) -> Value {
    // Display prints the shortest digits and pads with zeros, as Go does.
    match f.to_string().parse::<i128>() {
        Ok(whole) if f.abs() < 1e21 && whole >= i128::from(i64::MIN) && whole <= i128::from(u64::MAX) => {
            Value::Int(whole)
        }
        _ => Value::Float(f),
    }
}

/// `190:20:30`: a base-60 number to YAML 1.1 readers.
fn base60(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = body.split(':');
    let Some(first) = parts.next() else { return false };
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !first.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixty = |s: &str| match s.as_bytes() {
        [d] => d.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    middle.iter().all(|s| sixty(s)) && sixty(last) && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// A YAML timestamp in RFC 3339, which is what it becomes in JSON; nothing when the text is none.
fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((bytes[at], &text[at + 1..]))),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = parts.next()?;
    let (month, day) = (short(parts.next()?)?, short(parts.next()?)?);
    let leap = year.parse::<u32>().is_ok_and(|y| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if parts.next().is_some() || year.len() != 4 || !(1..=12).contains(&month) || !(1..=days).contains(&day) {
        return None;
    }
    let Some((separator, time)) = time else { return Some(format!("{year}-{month:02}-{day:02}T00:00:00Z")) };
    let (clock, zone) = if separator == b' ' {
        (time, "Z".to_owned())
    } else if let Some(clock) = time.strip_suffix('Z') {
        (clock, "Z".to_owned())
    } else {
        let at = time.rfind(['+', '-'])?;
        let (hours, minutes) = time[at + 1..].split_once(':')?;
        if hours.len() != 2 || minutes.len() != 2 || short(hours)? > 24 || short(minutes)? > 60 {
            return None;
        }
        let zone = &time[at..];
        (&time[..at], if zone == "+00:00" || zone == "-00:00" { "Z".to_owned() } else { zone.to_owned() })
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let (h, m, s) = (short(parts.next()?)?, short(parts.next()?)?, short(parts.next()?)?);
    if parts.next().is_some() || h > 23 || m > 59 || s > 59 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    Some(format!("{year}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}{dot}{fraction}{zone}"))
}

/// One or two digits.
fn short(text: &str) -> Option<u32> {
    (matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_yaml_says() {
        let int = |i: i128| Value::Int(i);
        let text = |t: &str| Value::string(t);
        let table = [
            ("1.0", int(1)),
            ("1e3", int(1000)),
            ("0777", int(511)),
            ("0o14", int(12)),
            ("-0x1F", int(-31)),
            ("0b11", int(3)),
            ("1_000", int(1000)),
            ("18446744073709551615", int(u64::MAX.into())),
            ("089", int(89)),
            (".5", Value::Float(0.5)),
            ("1e21", Value::Float(1e21)),
            ("yes", text("yes")),
            ("1.2.3", text("1.2.3")),
            ("-", text("-")),
            ("0x", text("0x")),
            ("True", Value::Bool(true)),
            ("~", Value::Null),
            ("", Value::Blank),
            ("2024-02-29", text("2024-02-29T00:00:00Z")),
            ("2023-02-29", text("2023-02-29")),
            ("2024-1-2 3:04:05.60", text("2024-01-02T03:04:05.6Z")),
        ];
        for (written, value) in table {
            assert_eq!(resolve(written), value, "{written}");
        }
    }

    #[test]
    fn strings_that_look_like_something_else_are_quoted() {
        for text in ["", "yes", "Off", "null", "1", "1.5", "0o7", "1:20", "2024-01-01", "~", ".inf", "true", "+1"] {
            assert!(needs_quotes(text), "{text}");
        }
        for text in ["yess", "1.2.3", "v1", "a:b", "=", ".", "2024-13-01", "sha256:0", "1:70"] {
            assert!(!needs_quotes(text), "{text}");
        }
    }
}
