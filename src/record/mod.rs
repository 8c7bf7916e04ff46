//! The record: the whole run as one versioned JSON document.

mod assemble;
pub mod inputs;
mod once;
pub mod profile;
mod read;
pub mod statements;
pub mod wire;

pub use assemble::{Header, assemble, now, today};
pub use read::{measurements, parse};

/// The JSON Schema of the record, schema 1.
pub const JSON_SCHEMA: &str = include_str!("../../schemas/record.schema.json");

/// The record's bytes: JSON, indented, ending in a line break.
pub fn to_json(record: &wire::Record) -> Vec<u8> {
    // Every field is a string, a number or a list of such; there is nothing that JSON cannot hold.
    let mut bytes = serde_json::to_vec_pretty(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
