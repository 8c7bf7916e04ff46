//! Dates and times of day as data and checks write them.

use chrono::NaiveDate;

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970-01-01T00:00, in UTC if `zoned`.
    pub micros: i64,
    /// A date alone, which stands for its first moment.
    pub date_only: bool,
    /// With an offset from UTC, which has been applied.
    pub zoned: bool,
}

/// Reads `2024-12-31`, `2024-12-31 23:59`, `2024-12-31T23:59:59.123456`, the time of day with or without `Z`,
/// `+09:00`, `+0900` or `+09` behind it. None for anything else, and for what microseconds cannot hold exactly.
pub fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let days = days(date)?;
    let midnight = days.checked_mul(86_400_000_000)?;
    if rest.is_empty() {
        return Some(Moment { micros: midnight, date_only: true, zoned: false });
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (rest[..at].trim_end(), Some(offset(&rest[at..])?)),
        None => (rest, None),
    };
    let micros = midnight.checked_add(time_of_day(time)?)?.checked_sub(offset.unwrap_or(0))?;
    Some(Moment { micros, date_only: false, zoned: offset.is_some() })
}

/// `2024-12-31`, as days since 1970-01-01.
fn days(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let date =
        NaiveDate::from_ymd_opt(digits(text.get(..4)?)? as i32, digits(text.get(5..7)?)?, digits(text.get(8..)?)?)?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days())
}

/// `23:59`, `23:59:59`, `23:59:59.123`, in microseconds.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let mut part = |limit: u32| parts.next().filter(|p| p.len() == 2).and_then(digits).filter(|n| *n < limit);
    let (hours, minutes, seconds) = (part(24)?, part(60)?, part(60));
    let length = if seconds.is_some() { 8 } else { 5 };
    if clock.len() != length || (fraction.is_some() && seconds.is_none()) {
        return None;
    }
    let micros = match fraction {
        Some(fraction) => {
            let shown = fraction.trim_end_matches('0');
            if fraction.is_empty() || shown.len() > 6 {
                return None;
            }
            if shown.is_empty() { 0 } else { digits(shown)? * 10_u32.pow(6 - shown.len() as u32) }
        }
        None => 0,
    };
    let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds.unwrap_or(0));
    Some(seconds * 1_000_000 + i64::from(micros))
}

/// `Z`, `+09:00`, `+0900`, `+09`, in microseconds.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, text) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match text.len() {
        2 => (text, "00"),
        4 => text.split_at_checked(2)?,
        _ => text.split_once(':')?,
    };
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60) * 1_000_000)
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_exactly() {
        let day = 86_400_000_000;
        for (text, micros, date_only, zoned) in [
            ("1970-01-02", day, true, false),
            ("1969-12-31", -day, true, false),
            ("0001-01-01", -719_162 * day, true, false),
            (" 1970-01-01 00:01 ", 60_000_000, false, false),
            ("1970-01-01T00:00:01.000002", 1_000_002, false, false),
            ("1970-01-01 00:00:01.5", 1_500_000, false, false),
            ("1970-01-01 00:00:01.000002000", 1_000_002, false, false),
            ("1970-01-01T09:00:00+09:00", 0, false, true),
            ("1970-01-01T09:00:00.25+0900", 250_000, false, true),
            ("1970-01-01 09:00:00 +09", 0, false, true),
            ("1970-01-01T00:00Z", 0, false, true),
            ("1970-01-01T00:00:00-01:30", 5_400_000_000, false, true),
        ] {
            assert_eq!(moment(text), Some(Moment { micros, date_only, zoned }), "{text}");
        }
        assert_eq!(moment("2024-02-29").map(|m| m.micros / day), Some(19_782));
    }

    #[test]
    fn anything_else_is_no_moment() {
        for text in [
            "",
            "2024",
            "2023-02-29",
            "2024-13-01",
            "2024-1-1",
            "24-01-01",
            "2024/01/01",
            "+024-01-01",
            "2024-01-01T",
            "2024-01-01 1:00",
            "2024-01-01 24:00",
            "2024-01-01 23:60",
            "2024-01-01 23:59:60",
            "2024-01-01 23:59:59.",
            "2024-01-01 23:59.5",
            "2024-01-01 23:59:59.1234567",
            "2024-01-01 23:59:59:01",
            "2024-01-01 10:00+9",
            "2024-01-01 10:00+09:",
            "2024-01-01Z",
            "2024-01-01 10:00 JST",
            "2024-01-01 10:00+25:00",
            "２０２４-01-01",
            "2024-01-0é",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
