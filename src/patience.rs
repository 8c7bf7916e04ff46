//! How often a request is tried, and how long a server wants to be left alone in between.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// The pauses between attempts at one request: doubled each time, or as the server asks.
#[derive(Clone, Debug)]
pub struct Pauses {
    /// Begun, the first one among them.
    attempts: u32,
    most: u32,
    pause: Duration,
    longest: Duration,
}

impl Pauses {
    /// Between `most` attempts; a server that asks for more than `longest` is given up on.
    pub fn new(most: u32, first: Duration, longest: Duration) -> Pauses {
        Pauses { attempts: 1, most, pause: first, longest }
    }

    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause before the next attempt; None when it was the last one.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let pause = asked.unwrap_or(self.pause);
        if self.attempts >= self.most || pause > self.longest {
            return None;
        }
        self.attempts += 1;
        self.pause *= 2;
        Some(pause)
    }

    /// As [`Pauses::next`], after an answer; None also when the next one would be no other.
    pub fn after(&mut self, status: u16, headers: &HeaderMap) -> Option<Duration> {
        match status {
            408 | 429 | 500 | 502 | 503 | 504 => self.next(asked(headers)),
            _ => None,
        }
    }
}

/// What the header Retry-After of an answer asks for.
pub fn asked(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// The value of Retry-After, in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    let text = value.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - chrono::Utc::now()).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seconds_or_a_date() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn pauses_double_until_the_last_attempt_or_the_servers_wish() {
        let second = Duration::from_secs(1);
        let mut pauses = Pauses::new(3, second, 60 * second);
        let headers = |value: &str| HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        assert_eq!(pauses.after(503, &HeaderMap::new()), Some(second));
        assert_eq!(pauses.after(429, &headers("7")), Some(7 * second));
        assert_eq!((pauses.attempts(), pauses.next(None)), (3, None), "that was the third");
        assert_eq!(Pauses::new(3, second, 60 * second).after(429, &headers("61")), None);
        assert_eq!(Pauses::new(3, second, 60 * second).after(404, &headers("7")), None);
    }
}
