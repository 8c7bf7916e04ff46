//! The record itself, indented; its keys come in the order of the wire type.

use crate::record::wire::Record;

pub fn render(record: &Record) -> String {
    match serde_json::to_string_pretty(record) {
        Ok(text) => text + "\n",
        // The wire type has text keys and plain fields only, which cannot fail; were it to, JSON it stays.
        Err(why) => format!("{}\n", serde_json::json!({"error": why.to_string()})),
    }
}
