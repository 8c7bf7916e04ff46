//! A place in the text of a check, and the small pieces that are read from it.

use super::ParseError;
use crate::config::Scalar;
use crate::model::Op;

pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Where the next piece starts.
    pub fn mark(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    pub fn sees(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(token)
    }

    pub fn sees_word(&mut self) -> bool {
        self.skip_space();
        self.rest().starts_with(|c: char| c.is_alphabetic() || c == '_')
    }

    pub fn take(&mut self, token: &str) -> bool {
        let sees = self.sees(token);
        if sees {
            self.at += token.len();
        }
        sees
    }

    pub fn expect(&mut self, token: &str) -> Result<(), ParseError> {
        match self.take(token) {
            true => Ok(()),
            false => Err(self.error(self.at, format!("`{token}`"))),
        }
    }

    pub fn end(&mut self) -> Result<(), ParseError> {
        self.skip_space();
        match self.rest().is_empty() {
            true => Ok(()),
            false => Err(self.error(self.at, "the end of the check".to_string())),
        }
    }

    /// An error about what lies at `start`.
    pub fn error(&self, start: usize, expected: String) -> ParseError {
        let rest = self.text.get(start..).unwrap_or_default();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length = match rest.find(|c| !is_word(c)) {
            Some(0) => rest.chars().next().map_or(0, char::len_utf8),
            Some(end) => end,
            None => rest.len(),
        };
        let found = match rest.get(..length) {
            Some(word) if !word.is_empty() => format!("`{word}`"),
            _ => "the end".to_string(),
        };
        ParseError { at: start, length, expected, found, suggestion: None }
    }

    /// An error about a word that is none of those known.
    pub fn unknown(&self, start: usize, word: &str, expected: &str, known: &[&str]) -> ParseError {
        let lower = word.to_lowercase();
        let near = known.iter().map(|name| (strsim::jaro_winkler(&lower, name), *name));
        let nearest = near.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.75);
        let suggestion = nearest.map(|(_, name)| name.to_string());
        ParseError { suggestion, length: word.len(), found: format!("`{word}`"), ..self.error(start, expected.into()) }
    }

    pub fn word(&mut self, expected: &str) -> Result<String, ParseError> {
        if !self.sees_word() {
            return Err(self.error(self.at, expected.to_string()));
        }
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        Ok(rest[..end].to_string())
    }

    pub fn keyword(&mut self, wanted: &str) -> Result<(), ParseError> {
        let start = self.mark();
        let expected = format!("`{wanted}`");
        let word = self.word(&expected)?;
        match word == wanted {
            true => Ok(()),
            false => Err(self.unknown(start, &word, &expected, &[wanted])),
        }
    }

    /// `user_id`, or in backticks what is no identifier: `` `mean radius` ``.
    pub fn column(&mut self) -> Result<String, ParseError> {
        let start = self.mark();
        if !self.take("`") {
            return self.word("a column; in backticks unless it is a plain identifier");
        }
        let name = self.until('`', start)?;
        match name.is_empty() {
            true => Err(self.error(start, "the name of a column between the backticks".to_string())),
            false => Ok(name),
        }
    }

    pub fn columns(&mut self) -> Result<Vec<String>, ParseError> {
        let mut columns: Vec<String> = Vec::new();
        loop {
            let start = self.mark();
            let column = self.column()?;
            if columns.contains(&column) {
                return Err(self.error(start, "each column once".to_string()));
            }
            columns.push(column);
            if !self.take(",") {
                return Ok(columns);
            }
        }
    }

    /// The name of a data set, which unlike a column may hold hyphens.
    pub fn dataset(&mut self) -> Result<String, ParseError> {
        if self.sees("`") {
            return self.column();
        }
        let mut name = self.word("another data set and its column, such as `users.id`")?;
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        name.push_str(&rest[..end]);
        self.at += end;
        Ok(name)
    }

    pub fn op(&mut self) -> Result<Op, ParseError> {
        self.skip_space();
        let expected = "one of < <= > >= =";
        if let Some((slip, meant)) = Op::slip(self.rest()) {
            let suggestion = Some(meant.symbol().to_string());
            let error = self.error(self.at, expected.to_string());
            return Err(ParseError { length: slip.len(), found: format!("`{slip}`"), suggestion, ..error });
        }
        let Some((op, rest)) = Op::from_symbol(self.rest()) else {
            return Err(self.error(self.at, expected.to_string()));
        };
        self.at = self.text.len() - rest.len();
        Ok(op)
    }

    /// `-1.5`, `10_000`, `1e6`
    pub fn number(&mut self) -> Result<f64, ParseError> {
        let start = self.mark();
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut end = usize::from(rest.starts_with(['-', '+']));
        while let Some(byte) = bytes.get(end) {
            let exponent = matches!(byte, b'e' | b'E')
                && matches!(bytes.get(end + 1..), Some([b'0'..=b'9', ..] | [b'-' | b'+', b'0'..=b'9', ..]));
            match byte {
                b'0'..=b'9' | b'_' | b'.' => end += 1,
                _ if exponent => end += 2,
                _ => break,
            }
        }
        match plain_number(&rest[..end]) {
            Some(_) if !is_told_apart(&rest[..end]) => Err(self.error(start, TOLD_APART.to_string())),
            Some(number) => {
                self.at += end;
                Ok(number)
            }
            None => Err(self.error(start, "a number".to_string())),
        }
    }

    /// A number of rows.
    pub fn count(&mut self) -> Result<f64, ParseError> {
        let start = self.mark();
        match self.number()? {
            count if count >= 0.0 && count.fract() == 0.0 => Ok(count),
            _ => Err(self.error(start, "a whole number of rows".to_string())),
        }
    }

    /// A number, quoted text, or text up to the next space, comma or bracket: `2024-01-01`, `JP`.
    pub fn scalar(&mut self) -> Result<Scalar, ParseError> {
        let start = self.mark();
        for quote in ['\'', '"'] {
            if self.take(quote.encode_utf8(&mut [0; 4])) {
                return Ok(Scalar::Text(self.until(quote, start)?));
            }
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ",[]()'\"`".contains(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error(start, "a value".to_string()));
        }
        self.at += end;
        let bare = &rest[..end];
        if plain_number(bare).is_some() && !is_told_apart(bare) {
            return Err(self.error(start, TOLD_APART.to_string()));
        }
        Ok(plain_number(bare).map_or_else(|| Scalar::Text(bare.to_string()), Scalar::Number))
    }

    /// `[JP, 'United States', 3]`
    pub fn list(&mut self) -> Result<Vec<Scalar>, ParseError> {
        self.expect("[")?;
        let mut values = Vec::new();
        if self.sees("]") {
            return Err(self.error(self.at, "at least one value".to_string()));
        }
        loop {
            values.push(self.scalar()?);
            if self.take("]") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err(self.error(self.at, "`,` or `]`; quote values that contain spaces".to_string()));
            }
        }
    }

    /// A quoted regular expression, which must compile.
    pub fn pattern(&mut self) -> Result<String, ParseError> {
        let start = self.mark();
        let Some(quote) = ['\'', '"'].into_iter().find(|quote| self.take(quote.encode_utf8(&mut [0; 4]))) else {
            return Err(self.error(start, "a regular expression in single quotes".to_string()));
        };
        let pattern = self.until(quote, start)?;
        match regex::Regex::new(&pattern) {
            Ok(_) => Ok(pattern),
            Err(error) => Err(self.bad_pattern(start + 1, &pattern, &error.to_string())),
        }
    }

    /// The `regex` crate draws a caret under the place; its column is the place.
    fn bad_pattern(&self, start: usize, pattern: &str, message: &str) -> ParseError {
        let caret = message.lines().find_map(|line| line.trim_end().ends_with('^').then(|| line.find('^')).flatten());
        let chars = caret.unwrap_or(0).saturating_sub(4);
        let offset = pattern.char_indices().nth(chars).map_or(pattern.len(), |(at, _)| at);
        let reason = message.lines().last().unwrap_or("").trim_start_matches("error: ").to_string();
        let expected = "a regular expression that the regex crate reads".to_string();
        ParseError { at: start + offset, length: 1, expected, found: format!("an error: {reason}"), suggestion: None }
    }

    /// Text up to the closing quote; a doubled quote stands for itself.
    fn until(&mut self, quote: char, start: usize) -> Result<String, ParseError> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                text.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
                text.push(quote);
                chars.next();
            } else {
                self.at += at + quote.len_utf8();
                return Ok(text);
            }
        }
        let opened = self.text.get(start..).unwrap_or_default();
        let error = self.error(self.text.len(), format!("the closing {quote}"));
        Err(ParseError { at: start, length: opened.len(), ..error })
    }
}

/// Digits with underscores between them; not what Rust reads besides (`inf`, `NaN`).
/// What is expected where a number has more digits than a float of 64 bits.
const TOLD_APART: &str = "a whole number below 9007199254740992 (2^53), or at most 17 digits; \
                          `expr:` compares larger ones digit by digit, and 1e19 is about that much";

/// Whether no other number of as many digits is the same float.
fn is_told_apart(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| !matches!(c, '_' | '+' | '-')).collect();
    match digits.parse::<u128>() {
        Ok(whole) => whole < 1 << 53,
        Err(_) if digits.bytes().all(|b| b.is_ascii_digit()) => false,
        Err(_) => {
            let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
            mantissa.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count() <= 17
        }
    }
}

fn plain_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits.ends_with('_') {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite())
}
