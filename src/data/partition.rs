//! Hive partitions: folders named `key=value` are columns of the files in them.

use super::format::column;
use super::infer::Guess;
use super::source::DataFile;
use crate::model::Fault;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};
use std::collections::HashSet;

/// What Hive calls a folder whose value is null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that folders make, and their values for each file.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    pub fields: Vec<Field>,
    values: Vec<Vec<Option<String>>>,
}

/// The `key=value` folders on the way to a file.
fn folders(file: &DataFile) -> Vec<(String, Option<String>)> {
    let mut parts = file.name.split(['/', '\\']).collect::<Vec<_>>();
    parts.pop();
    let pair =
        |part: &&str| part.split_once('=').filter(|(key, _)| !key.is_empty()).map(|(k, v)| (decode(k), decode(v)));
    let value = |(key, value): (String, String)| (key, Some(value).filter(|value| !value.is_empty() && value != NULL));
    parts.iter().filter_map(pair).map(value).collect()
}

/// Undoes `%2F`.
fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).filter(|_| *first == b'%');
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_string())
}

impl Partitions {
    /// # Errors
    /// When the files lie under different keys, or a key is there twice.
    pub fn of(files: &[DataFile]) -> Result<Partitions, Fault> {
        let Some(first) = files.first() else { return Ok(Partitions::default()) };
        let keys: Vec<String> = folders(first).into_iter().map(|(key, _)| key).collect();
        let mut guesses = vec![Guess::new(); keys.len()];
        let mut values = Vec::new();
        let mut names = HashSet::new();
        if let Some(twice) = keys.iter().find(|key| !names.insert(*key)) {
            let why = format!("two folders are named {twice}=…");
            return Err(Fault::new(format!("read {}", first.name), why, "give each partition a key of its own"));
        }
        for file in files {
            let (found, row): (Vec<String>, Vec<Option<String>>) = folders(file).into_iter().unzip();
            if found != keys {
                let list = |keys: &[String]| if keys.is_empty() { "none".to_string() } else { keys.join(", ") };
                let why = format!("its partitions are {}, but those of {} {}", list(&found), first.name, list(&keys));
                let hint = "files of one data set lie under the same key=value folders, in the same order";
                return Err(Fault::new(format!("read {}", file.name), why, hint));
            }
            for (guess, value) in guesses.iter_mut().zip(&row) {
                if let Some(value) = value {
                    guess.see(value.as_bytes());
                }
            }
            values.push(row);
        }
        let fields = keys.iter().zip(&guesses).map(|(key, guess)| Field::new(key, guess.data_type(), true)).collect();
        Ok(Partitions { fields, values })
    }

    /// That no partition is private: its values are parts of the names of the files. To be asked before a message names
    /// one of them.
    pub fn refuse_private(source: &str, files: &[DataFile], private: &[String]) -> Result<(), Fault> {
        let keys = files.iter().flat_map(|file| folders(file).into_iter().map(|(key, _)| key));
        match keys.into_iter().find(|key| private.contains(key)) {
            None => Ok(()),
            Some(key) => {
                let why = format!(
                    "`private` names {key:?}, whose values are in the names of folders ({key}=…), which messages and the \
                     record show"
                );
                let hint = "write it as a column of the files, or take it out of `private`";
                Err(Fault::new(format!("read {source}"), why, hint))
            }
        }
    }

    /// That no partition is a column of the files too.
    pub fn check(&self, columns: &[arrow::datatypes::FieldRef], first: &str) -> Result<(), Fault> {
        let names: HashSet<&String> = columns.iter().map(|field| field.name()).collect();
        match self.fields.iter().find(|field| names.contains(field.name())) {
            None => Ok(()),
            Some(field) => {
                let name = field.name();
                let why = format!("column {name:?} is in the file, and its folder is named {name}=… too");
                Err(Fault::new(format!("read {first}"), why, "rename one of them"))
            }
        }
    }

    /// The value of a partition for one file, as an array of one row.
    pub fn value(&self, file: usize, name: &str, data_type: &DataType) -> Option<ArrayRef> {
        let place = self.fields.iter().position(|field| field.name() == name)?;
        let value = self.values.get(file)?.get(place)?;
        column::build(data_type, 1, |_| value.as_ref().map(String::as_bytes)).ok()
    }
}

/// The one value of `array`, for each of `rows` rows.
pub(super) fn repeat(array: &ArrayRef, rows: usize) -> Result<ArrayRef, String> {
    take(array, &UInt32Array::from(vec![0; rows]), None).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_keys_and_values() {
        let file = |name: &str| DataFile::local(name, name.to_string(), &std::sync::Arc::default());
        let found = folders(&file("data/year=2024/city=New%20York/k=__HIVE_DEFAULT_PARTITION__/a=b.csv"));
        let some = |text: &str| Some(text.to_string());
        let expected = [("year", some("2024")), ("city", some("New York")), ("k", None)];
        assert_eq!(found, expected.map(|(key, value)| (key.to_string(), value)));
        assert_eq!(decode("100%"), "100%");
        let typed = Partitions::of(&[file("y=1/d=2024-01-01/a"), file("y=2/d=x/a")]).unwrap();
        let types: Vec<_> = typed.fields.iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types, [DataType::Int64, DataType::Utf8]);
        let private = |name: &str| Partitions::refuse_private("*/a", &[file("y=1/a")], &[name.to_string()]);
        assert_eq!(private("x"), Ok(()));
        let fault = private("y").unwrap_err();
        assert!(fault.why.contains("(y=…)") && !fault.to_string().contains("y=1"), "{fault}");
        let fault = Partitions::of(&[file("y=1/a"), file("b")]).unwrap_err();
        assert_eq!(fault.why, "its partitions are none, but those of y=1/a y");
    }
}
