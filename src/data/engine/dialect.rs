//! What differs between the SQL of engines: how names and values are quoted, and what a few functions are called.
//!
//! Values are always written as a cast of quoted text, so that no engine's idea of a literal's type comes in.

use arrow::datatypes::{DataType, TimeUnit};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    DuckDb,
    Spark,
}

/// What Rust's `str::trim` takes away: the characters with Unicode's property White_Space.
const SPACES: &str = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\
                      \u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

impl Dialect {
    /// As messages call the engine.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::DuckDb => "DuckDB",
            Dialect::Spark => "Spark",
        }
    }

    pub fn ident(self, name: &str) -> String {
        match self {
            Dialect::DuckDb => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::Spark => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// A text literal. The NUL character, which DuckDB cannot write, is put in by a function.
    pub fn text(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => {
                let parts: Vec<String> =
                    value.split('\0').map(|part| format!("'{}'", part.replace('\'', "''"))).collect();
                match &parts[..] {
                    [one] => one.clone(),
                    _ => format!("({})", parts.join(" || chr(0) || ")),
                }
            }
            Dialect::Spark => {
                let mut quoted = String::with_capacity(value.len() + 2);
                quoted.push('\'');
                for c in value.chars() {
                    match c {
                        '\\' | '\'' => quoted.extend(['\\', c]),
                        '\0' => quoted.push_str("\\u0000"),
                        c => quoted.push(c),
                    }
                }
                quoted.push('\'');
                quoted
            }
        }
    }

    pub fn int(self, value: i64) -> String {
        format!("CAST('{value}' AS BIGINT)")
    }

    pub fn float(self, value: f64) -> String {
        let text = match value {
            v if v.is_nan() => "NaN".to_string(),
            v if v.is_infinite() => format!("{}Infinity", if v < 0.0 { "-" } else { "" }),
            // The shortest digits that give the same number again.
            v => format!("{v:e}"),
        };
        format!("CAST('{text}' AS DOUBLE)")
    }

    pub fn boolean(self, value: bool) -> &'static str {
        if value { "TRUE" } else { "FALSE" }
    }

    pub fn string_type(self) -> &'static str {
        match self {
            Dialect::DuckDb => "VARCHAR",
            Dialect::Spark => "STRING",
        }
    }

    /// The type's name for a cast; None for types that no file of text has.
    pub fn type_name(self, data_type: &DataType) -> Option<&'static str> {
        Some(match (data_type, self) {
            (DataType::Int64, _) => "BIGINT",
            (DataType::Float64, _) => "DOUBLE",
            (DataType::Boolean, _) => "BOOLEAN",
            (DataType::Date32, _) => "DATE",
            (DataType::Utf8, _) => self.string_type(),
            (DataType::Timestamp(TimeUnit::Microsecond, None), Dialect::DuckDb) => "TIMESTAMP",
            (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), Dialect::DuckDb) => "TIMESTAMPTZ",
            (DataType::Timestamp(TimeUnit::Microsecond, None), Dialect::Spark) => "TIMESTAMP_NTZ",
            (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), Dialect::Spark) => "TIMESTAMP",
            _ => return None,
        })
    }

    /// A whole number of a type in which sums, differences and products of two BIGINT cannot overflow.
    pub fn wide(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("CAST({value} AS HUGEINT)"),
            Dialect::Spark => format!("CAST({value} AS DECIMAL(20, 0))"),
        }
    }

    /// Of a date or timestamp: microseconds since 1970-01-01 UTC. Sessions are in UTC, so that a time without a
    /// zone is taken for one there.
    pub fn micros(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("epoch_us({value})"),
            Dialect::Spark => format!("unix_micros(CAST({value} AS TIMESTAMP))"),
        }
    }

    /// In characters: Unicode scalar values.
    pub fn length(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("length({value})"),
            Dialect::Spark => format!("char_length({value})"),
        }
    }

    pub fn trim(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("trim({value}, {})", self.text(SPACES)),
            Dialect::Spark => format!("trim(BOTH {} FROM {value})", self.text(SPACES)),
        }
    }

    /// Whether the pattern, one of [`super::pattern`], is found anywhere.
    pub fn matches(self, value: &str, pattern: &str) -> String {
        match self {
            Dialect::DuckDb => format!("regexp_matches({value}, {})", self.text(pattern)),
            Dialect::Spark => format!("regexp_like({value}, {})", self.text(pattern)),
        }
    }

    /// Replaces the first match; `with` names groups as `\1`.
    pub fn replace(self, value: &str, pattern: &str, with: &str) -> String {
        let with = match self {
            Dialect::DuckDb => with.to_string(),
            Dialect::Spark => with.replace('\\', "$"),
        };
        format!("regexp_replace({value}, {}, {})", self.text(pattern), self.text(&with))
    }

    /// The `index`-th smallest of `n` values, from 0.
    pub fn nth(self, value: &str, index: u64, n: u64) -> String {
        // The rank's middle, so that no rounding of the quotient leads to its neighbour.
        let share = self.float((index as f64 + 0.5) / n as f64);
        match self {
            Dialect::DuckDb => format!("quantile_disc({value}, {share})"),
            Dialect::Spark => format!("percentile_disc({share}) WITHIN GROUP (ORDER BY {value})"),
        }
    }

    /// The sum of doubles, as exact as the engine can.
    pub fn sum(self, value: &str) -> String {
        match self {
            Dialect::DuckDb => format!("fsum({value})"),
            Dialect::Spark => format!("sum({value})"),
        }
    }

    /// The first `count` characters.
    pub fn start(self, value: &str, count: usize) -> String {
        format!("substring({value}, 1, {count})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted() {
        let (duckdb, spark) = (Dialect::DuckDb, Dialect::Spark);
        assert_eq!(duckdb.ident("a\"; drop"), "\"a\"\"; drop\"");
        assert_eq!(spark.ident("a`b"), "`a``b`");
        assert_eq!(duckdb.text("it's \\"), "'it''s \\'");
        assert_eq!(spark.text("it's \\"), "'it\\'s \\\\'");
        assert_eq!(duckdb.text("a\0b"), "('a' || chr(0) || 'b')");
        assert_eq!(duckdb.float(0.1), "CAST('1e-1' AS DOUBLE)");
        assert_eq!(spark.float(f64::NEG_INFINITY), "CAST('-Infinity' AS DOUBLE)");
        assert_eq!(spark.int(i64::MIN), "CAST('-9223372036854775808' AS BIGINT)");
    }
}
