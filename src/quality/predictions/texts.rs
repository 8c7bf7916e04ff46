//! Columns of texts and of lists of texts; each row is compared as it comes and only what it counts is kept.

use super::faults::Rows;
use super::{ReadShape, Role, column};
use crate::config::{Format, Predictions};
use crate::model::Fault;
use crate::quality::outcomes::{self, Outcomes};
use crate::stats::text::{Comparer, TextRow};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What a row names: texts, or why there are none.
pub type Found<'a> = Result<Vec<&'a str>, &'static str>;

const NULL: &str = "is null";

/// Texts are read as they are written, whatever else they could be.
pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let prediction = config.prediction.iter().map(|column| Role::text("prediction", column));
    [Role::text("label", &config.label)].into_iter().chain(prediction).collect()
}

pub struct Reader<'a> {
    config: &'a Predictions,
    format: Format,
    texts: Texts,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions, format: Format) -> Reader<'a> {
        Reader { config, format, texts: Texts::default() }
    }
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let label = self.config.label.as_str();
        let Some(prediction) = self.config.prediction.as_deref() else { return Ok(()) };
        let read = |name: &str| {
            let hint = "write texts as text, and several references of a row as a list of texts";
            let found = column(batch, name, rows)?;
            TextColumn::of(&found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), hint))
        };
        let (references, predictions) = (read(label)?, read(prediction)?);
        if let TextColumn::Several(..) = predictions {
            return Err(rows.fault(format!("column {prediction:?} holds lists"), "a row has one prediction"));
        }
        for (is_label, row, why) in self.texts.take(&references, &predictions) {
            let name = if is_label { label } else { prediction };
            let why = if self.format == Format::Csv { "is empty, which in CSV is null," } else { why };
            rows.spoil(name, why, row, None);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        if self.format == Format::Ndjson && self.texts.are_arrays() {
            let why =
                format!("every value of column {:?} is a JSON array, which is read as its text", self.config.label);
            return Err(rows.fault(why, "write several references of a row as a list of texts in Parquet or Arrow"));
        }
        Ok(self.texts.outcomes())
    }
}

/// A column with one text a row, or with a list of them.
pub enum TextColumn {
    One(StringArray),
    Several(ListArray, StringArray),
}

impl TextColumn {
    pub fn of(column: &ArrayRef) -> Result<TextColumn, String> {
        let refused = || format!("values of type {} are no texts", column.data_type());
        match column.data_type() {
            DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _)
                if is_text(of.data_type()) =>
            {
                let wanted = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
                let lists = cast(column, &wanted).map_err(|_| refused())?.as_list::<i32>().clone();
                let values = lists.values().as_string::<i32>().clone();
                Ok(TextColumn::Several(lists, values))
            }
            of if is_text(of) => {
                Ok(TextColumn::One(cast(column, &DataType::Utf8).map_err(|_| refused())?.as_string::<i32>().clone()))
            }
            _ => Err(refused()),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            TextColumn::One(texts) => texts.len(),
            TextColumn::Several(lists, _) => lists.len(),
        }
    }

    pub fn row(&self, row: usize) -> Found<'_> {
        match self {
            TextColumn::One(texts) if texts.is_null(row) => Err(NULL),
            TextColumn::One(texts) => Ok(vec![texts.value(row)]),
            TextColumn::Several(lists, _) if lists.is_null(row) => Err(NULL),
            TextColumn::Several(lists, values) => {
                let ends = lists.value_offsets();
                let places = ends[row] as usize..ends[row + 1] as usize;
                match places.clone().map(|place| values.is_valid(place).then(|| values.value(place))).collect() {
                    _ if places.is_empty() => Err("is a list without a text"),
                    Some(texts) => Ok(texts),
                    None => Err("holds a null"),
                }
            }
        }
    }
}

fn is_text(of: &DataType) -> bool {
    match of {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, of) => is_text(of),
        _ => false,
    }
}

/// The rows so far.
#[derive(Default)]
struct Texts {
    comparer: Comparer,
    rows: Vec<TextRow>,
    references: Vec<u64>,
    predictions: Vec<u64>,
    /// Rows whose reference, and whose prediction, reads as a JSON array of texts.
    arrays: (usize, usize),
}

impl Texts {
    /// Takes the rows of a batch; those that cannot be compared come back: whether for their references, which row,
    /// and why.
    fn take(&mut self, references: &TextColumn, predictions: &TextColumn) -> Vec<(bool, usize, &'static str)> {
        let mut spoilt = Vec::new();
        for row in 0..predictions.len().min(references.len()) {
            let found = (references.row(row), predictions.row(row));
            if let (Ok(references), Ok([prediction])) = (&found.0, found.1.as_deref()) {
                self.push(references, prediction);
            }
            spoilt.extend(found.0.err().map(|why| (true, row, why)));
            spoilt.extend(found.1.err().map(|why| (false, row, why)));
        }
        spoilt
    }

    fn push(&mut self, references: &[&str], prediction: &str) {
        self.rows.push(self.comparer.row(references, prediction));
        self.references.push(digest(references));
        self.predictions.push(digest(&[prediction]));
        self.arrays.0 += usize::from(references.len() == 1 && references.iter().all(|text| is_array(text)));
        self.arrays.1 += usize::from(is_array(prediction));
    }

    /// Whether the references look like lists that a format without lists has made text of.
    fn are_arrays(&self) -> bool {
        !self.rows.is_empty() && self.arrays.0 == self.rows.len() && self.arrays.1 < self.rows.len()
    }

    fn outcomes(self) -> Outcomes {
        let (rows, truth, predicted) = (self.rows, self.references, self.predictions);
        Outcomes::Texts(outcomes::Texts { rows, truth, predicted })
    }
}

fn is_array(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('[') && text.ends_with(']') && serde_json::from_str::<Vec<String>>(text).is_ok()
}

/// The first 64 bits of a SHA-256 that tells lists of texts apart.
fn digest(texts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Float64Array, LargeListArray, ListBuilder, StringBuilder, StringViewArray};
    use arrow::datatypes::Int32Type;

    #[test]
    fn texts_and_lists_of_any_spelling_are_read() {
        let mut lists = ListBuilder::new(StringBuilder::new());
        lists.append_value([Some("a"), Some("b")]);
        lists.append_null();
        lists.append_value(Vec::<Option<&str>>::new());
        lists.append_value([Some("a"), None]);
        let lists: ArrayRef = Arc::new(lists.finish());
        let large = DataType::LargeList(Arc::new(Field::new_list_field(DataType::Utf8, true)));
        let large: ArrayRef = Arc::new(cast(&lists, &large).unwrap().as_list::<i64>().clone() as LargeListArray);
        for column in [&lists, &large] {
            let found = TextColumn::of(&column.slice(0, 4)).unwrap();
            let rows: Vec<_> = (0..found.len()).map(|row| found.row(row)).collect();
            assert_eq!(
                rows,
                [Ok(vec!["a", "b"]), Err("is null"), Err("is a list without a text"), Err("holds a null")]
            );
            assert_eq!(TextColumn::of(&column.slice(3, 1)).unwrap().row(0), Err("holds a null"));
        }
        let view: ArrayRef = Arc::new(StringViewArray::from(vec![Some(""), None]));
        let view = TextColumn::of(&view).unwrap();
        assert_eq!((view.row(0), view.row(1)), (Ok(vec![""]), Err("is null")));
        let codes: ArrayRef = Arc::new(["x", "y", "x"].into_iter().collect::<DictionaryArray<Int32Type>>());
        assert_eq!(TextColumn::of(&codes).unwrap().row(2), Ok(vec!["x"]));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        assert!(TextColumn::of(&numbers).is_err());
    }

    #[test]
    fn lists_are_told_apart() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert!(is_array(r#" ["a", "b"]"#) && !is_array("[1]") && !is_array("a"));
    }
}
