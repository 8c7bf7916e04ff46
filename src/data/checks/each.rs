//! Checks that each value, or each row, must pass: between, in, matches, length, sql, expr.

use super::batch::{Examples, Place, Rows};
use super::findings::Counted;
use super::pattern::Pattern;
use crate::config::NumberRange;
use crate::data::filter::Condition;
use crate::data::values::{Coded, Values};
use arrow::array::{Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// The rule, with its literals in the type of the column.
#[derive(Clone, Debug)]
pub(in crate::data) enum Rule {
    Ints {
        low: i64,
        high: i64,
    },
    Floats {
        low: f64,
        high: f64,
    },
    Times {
        low: i64,
        high: i64,
    },
    InInts(HashSet<i64, FixedState>),
    InFloats(Vec<f64>),
    InTimes(HashSet<i64, FixedState>),
    InBools(HashSet<bool, FixedState>),
    Text(TextRule),
    /// True for rows that fail; nulls and false pass, as rows that a query returns are failures.
    Returned(Condition),
    /// False for rows that fail; where it is null, a row is not checked.
    Holds(Condition),
}

#[derive(Clone, Debug)]
pub(in crate::data) enum TextRule {
    Between { low: String, high: String },
    In(HashSet<String, FixedState>),
    Matches(Pattern),
    Length(NumberRange),
}

impl TextRule {
    fn good(&self, text: &str) -> bool {
        match self {
            TextRule::Between { low, high } => low.as_str() <= text && text <= high.as_str(),
            TextRule::In(set) => set.contains(text),
            TextRule::Matches(pattern) => pattern.is_match(text),
            TextRule::Length(range) => range.holds(characters(text) as f64),
        }
    }

    fn good_ones(&self, texts: &StringArray) -> BooleanBuffer {
        if let TextRule::Matches(pattern) = self {
            return pattern.matching(texts);
        }
        BooleanBuffer::collect_bool(texts.len(), |row| texts.is_valid(row) && self.good(texts.value(row)))
    }
}

/// Every byte but those that continue a character.
fn characters(text: &str) -> usize {
    text.as_bytes().iter().filter(|byte| (**byte as i8) >= -64).count()
}

#[derive(Clone, Debug)]
pub(super) struct Each {
    pub rule: Rule,
    /// The columns that examples show; the first is the one judged, but for conditions, which judge rows.
    pub shown: Vec<usize>,
}

/// What a worker keeps from batch to batch: a pattern of its own, as those that share one wait for each other, and
/// what was found of the last dictionary.
#[derive(Default)]
pub(super) struct Hand {
    rule: Option<TextRule>,
    last: Option<(Coded, BooleanBuffer)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EachTally {
    checked: u64,
    failed: u64,
    examples: Examples,
}

impl Each {
    pub fn feed(&self, tally: &mut EachTally, hand: &mut Hand, rows: &Rows) -> Result<(), String> {
        let (failing, checked) = match (&self.rule, &self.shown[..]) {
            (Rule::Returned(condition), _) => {
                let (truth, valid, _) = rows.evaluate(condition).map(parts)?;
                (and(truth, valid.as_ref()), rows.len())
            }
            (Rule::Holds(condition), _) => {
                let (truth, valid, nulls) = rows.evaluate(condition).map(parts)?;
                (and(!&truth, valid.as_ref()), rows.len() - nulls)
            }
            (rule, [column, ..]) => {
                let values = rows.values(*column)?;
                let valid = validity(values);
                let checked = rows.len() - valid.as_ref().map_or(0, NullBuffer::null_count);
                let good = judge(rule, hand, rows.len(), values)?;
                (and(!&good, valid.as_ref()), checked)
            }
            _ => return Ok(()),
        };
        tally.checked += checked as u64;
        let failed = failing.count_set_bits();
        if failed > 0 {
            tally.failed += failed as u64;
            tally.examples.note(rows, failing.set_indices(), &self.shown);
        }
        Ok(())
    }
}

impl EachTally {
    pub fn append(&mut self, later: EachTally, place: &Place) {
        self.checked += later.checked;
        self.failed += later.failed;
        self.examples.append(later.examples, place);
    }

    pub fn counted(&self) -> Counted {
        Counted { checked: self.checked, failed: self.failed, examples: self.examples.words() }
    }
}

fn parts(truth: arrow::array::BooleanArray) -> (BooleanBuffer, Option<NullBuffer>, usize) {
    let nulls = truth.null_count();
    let (values, valid) = truth.into_parts();
    (values, valid, nulls)
}

fn and(these: BooleanBuffer, valid: Option<&NullBuffer>) -> BooleanBuffer {
    match valid {
        Some(valid) => &these & valid.inner(),
        None => these,
    }
}

/// Which rows have a value; None: all.
pub(super) fn validity(values: &Values) -> Option<NullBuffer> {
    match values {
        Values::Null(rows) => Some(NullBuffer::new_null(*rows)),
        Values::Int(values) | Values::Time(values) => values.nulls().cloned(),
        Values::Float(values) => values.nulls().cloned(),
        Values::Text(values) => values.nulls().cloned(),
        Values::Bool(values) => values.nulls().cloned(),
        Values::Other(values) => values.logical_nulls(),
        Values::Coded(coded) if coded.nulls() == 0 => None,
        Values::Coded(coded) => {
            Some(NullBuffer::new(BooleanBuffer::collect_bool(coded.codes.len(), |row| !coded.is_null(row))))
        }
    }
}

/// For each row whether its value is good; what it says of nulls does not matter.
fn judge(rule: &Rule, hand: &mut Hand, rows: usize, values: &Values) -> Result<BooleanBuffer, String> {
    Ok(match (rule, values) {
        (Rule::Ints { low, high }, Values::Int(v)) | (Rule::Times { low, high }, Values::Time(v)) => {
            let v = v.values();
            BooleanBuffer::collect_bool(rows, |i| *low <= v[i] && v[i] <= *high)
        }
        (Rule::Floats { low, high }, Values::Float(v)) => {
            let v = v.values();
            BooleanBuffer::collect_bool(rows, |i| *low <= v[i] && v[i] <= *high)
        }
        (Rule::InInts(set), Values::Int(v)) | (Rule::InTimes(set), Values::Time(v)) => {
            BooleanBuffer::collect_bool(rows, |i| set.contains(&v.value(i)))
        }
        (Rule::InFloats(list), Values::Float(v)) => BooleanBuffer::collect_bool(rows, |i| list.contains(&v.value(i))),
        (Rule::InBools(set), Values::Bool(v)) => BooleanBuffer::collect_bool(rows, |i| set.contains(&v.value(i))),
        (Rule::Text(rule), Values::Text(texts)) => hand.rule.get_or_insert_with(|| rule.clone()).good_ones(texts),
        (Rule::Text(rule), Values::Coded(coded)) => {
            let rule = hand.rule.get_or_insert_with(|| rule.clone());
            // A dictionary larger than the batch was made for other rows.
            if coded.texts.len() > rows.saturating_mul(4) {
                return Ok(BooleanBuffer::collect_bool(rows, |i| coded.get(i).is_some_and(|text| rule.good(text))));
            }
            let good = match hand.last.take() {
                Some((last, good)) if last.same_texts(coded) => good,
                _ => rule.good_ones(&coded.texts),
            };
            let found = BooleanBuffer::collect_bool(rows, |i| {
                let code = coded.codes.value(i) as usize;
                code < good.len() && good.value(code)
            });
            hand.last = Some((coded.clone(), good));
            found
        }
        (_, Values::Null(_)) => BooleanBuffer::new_unset(rows),
        _ => return Err("the column's type is not the one that the check was made for".to_string()),
    })
}
