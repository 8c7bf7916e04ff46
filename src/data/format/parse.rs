//! Values written as text, read exactly: a short path for the common ways of writing them, and the full one of the
//! standard library or of [`moment`] for all others. Both give the same.

use crate::config::data_check::time::moment;

const DAY: i64 = 86_400_000_000;
/// 10^0 to 10^22, all exact in 64 bits.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().map(str::trim)
}

/// Digits alone, at most 18 of them.
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 {
        return None;
    }
    let mut number = 0;
    for byte in value {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

pub(in super::super) fn int(value: &[u8]) -> Option<i64> {
    let short = match value {
        [b'-', rest @ ..] => digits(rest).map(|number| -(number as i64)),
        _ => digits(value).map(|number| number as i64),
    };
    short.or_else(|| text(value)?.parse().ok())
}

/// Correctly rounded. Whole numbers beyond 64 bits are no floats: rounding would make different ids equal.
pub(in super::super) fn float(value: &[u8]) -> Option<f64> {
    short_float(value).or_else(|| {
        let value = text(value)?;
        let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
        if unsigned.bytes().all(|b| b.is_ascii_digit()) && value.parse::<i64>().is_err() {
            return None;
        }
        value.parse().ok()
    })
}

/// Digits with or without a point. Both the digits as a whole number and the power of ten are exact in 64 bits, so
/// that one division rounds once (Clinger 1990).
fn short_float(value: &[u8]) -> Option<f64> {
    let (negative, unsigned) = match value {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, value),
    };
    if unsigned.len() > 18 {
        return None;
    }
    let (mut number, mut point) = (0_u64, None);
    for (at, byte) in unsigned.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let places = point.map_or(0, |at| unsigned.len() - at - 1);
    if unsigned.len() == usize::from(point.is_some()) || number > 1 << 53 {
        return None;
    }
    let float = number as f64 / POWERS.get(places)?;
    Some(if negative { -float } else { float })
}

pub(in super::super) fn boolean(value: &[u8]) -> Option<bool> {
    let value = value.trim_ascii();
    let is = |word: &[u8]| value.eq_ignore_ascii_case(word);
    (is(b"true") || is(b"false")).then(|| is(b"true"))
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// `2024-12-31` and nothing else, as days since 1970-01-01.
fn short_date(value: &[u8]) -> Option<i32> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = value else { return None };
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > last {
        return None;
    }
    // Days before the year's March 1st, the year counted from March; 719,468 days lie between 0000-03-01 and 1970.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    Some((before + (153 * month + 2) / 5 + day - 1) as i32 - 719_468)
}

/// `2024-12-31 23:59:59` or with `T`, with or without up to six digits of a second: in microseconds, and what is
/// left of the text, which is a zone or nothing.
fn short_time(value: &[u8]) -> Option<(i64, &[u8])> {
    let (date, rest) = value.split_at_checked(10)?;
    let &[b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, ref rest @ ..] = rest else { return None };
    let (hours, minutes, seconds) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let (mut micros, mut rest) = (0, rest);
    if let [b'.', fraction @ ..] = rest {
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 || length > 6 {
            return None;
        }
        micros = digits(&fraction[..length])? * 10_u64.pow(6 - length as u32);
        rest = &fraction[length..];
    }
    let time = i64::from(hours * 3600 + minutes * 60 + seconds) * 1_000_000 + micros as i64;
    Some((i64::from(short_date(date)?) * DAY + time, rest))
}

/// As days since 1970-01-01.
pub(in super::super) fn date(value: &[u8]) -> Option<i32> {
    short_date(value).or_else(|| {
        let moment = moment(text(value)?).filter(|moment| moment.date_only)?;
        i32::try_from(moment.micros / DAY).ok()
    })
}

/// Without a zone, a date too; as microseconds since 1970-01-01T00:00.
pub(in super::super) fn timestamp(value: &[u8]) -> Option<i64> {
    match short_time(value) {
        Some((micros, [])) => Some(micros),
        _ => moment(text(value)?).filter(|moment| !moment.zoned).map(|moment| moment.micros),
    }
}

/// With a zone; as microseconds since 1970-01-01T00:00Z.
pub(in super::super) fn zoned(value: &[u8]) -> Option<i64> {
    match short_time(value) {
        Some((micros, b"Z" | b"z" | b"+00:00")) => Some(micros),
        _ => moment(text(value)?).filter(|moment| moment.zoned).map(|moment| moment.micros),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_paths_read_as_the_full_ones() {
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..200_000 {
            let alphabet = b"0123456789012345678901234567890123456789.-+e ";
            let length = next(20);
            let text: Vec<u8> = (0..length).map(|_| alphabet[next(alphabet.len() as u64) as usize]).collect();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(int(text.as_bytes()), text.trim().parse().ok(), "{text:?}");
            if let Some(found) = float(text.as_bytes()) {
                assert_eq!(found.to_bits(), text.trim().parse::<f64>().unwrap().to_bits(), "{text:?}");
            }
            let scaled = format!("{}.{}", next(1 << 31), next(1 << 31));
            let expected: f64 = scaled.parse().unwrap();
            assert_eq!(float(scaled.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{scaled}");
        }
        for text in ["-0.0", "-0", ".5", "5.", "-.5", "9007199254740993", "0.1", "123456789012345678", "1e400"] {
            assert_eq!(
                float(text.as_bytes()).map(f64::to_bits),
                Some(text.parse::<f64>().unwrap().to_bits()),
                "{text}"
            );
        }
        for text in ["", ".", "-", "-.", "1.2.3", "0x1", "1_000", "99999999999999999999", "-99999999999999999999"] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_the_calendars() {
        for days in -719_162..200_000 {
            let date = chrono::NaiveDate::default() + chrono::TimeDelta::days(days);
            let text = date.format("%Y-%m-%d").to_string();
            assert_eq!(short_date(text.as_bytes()), Some(days as i32), "{text}");
        }
        for text in ["2023-02-29", "1900-02-29", "2024-00-01", "2024-13-01", "2024-01-00", "2024-04-31", "2024-1-01x"] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_zone() {
        for text in [
            "2024-03-01 10:00:00",
            "1969-12-31T23:59:59.5",
            "2024-03-01t10:00:00.123456",
            "2024-03-01 10:00",
            "2024-03-01",
        ] {
            assert_eq!(timestamp(text.as_bytes()), moment(text).map(|m| m.micros), "{text}");
            assert_eq!(zoned(text.as_bytes()), None, "{text}");
        }
        for text in ["2024-03-01 10:00:00Z", "2024-03-01T10:00:00.25+09:00", "2024-03-01T10:00:00+00:00"] {
            assert_eq!(zoned(text.as_bytes()), moment(text).map(|m| m.micros), "{text}");
            assert_eq!(timestamp(text.as_bytes()), None, "{text}");
        }
        for text in
            ["2024-03-01 24:00:00", "2024-03-01 10:60:00", "2024-03-01 10:00:00.", "2024-03-01 10:00:00.1234567"]
        {
            assert_eq!((timestamp(text.as_bytes()), zoned(text.as_bytes())), (None, None), "{text}");
        }
    }
}
