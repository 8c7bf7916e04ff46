//! Data sets: streamed reading and checks fused into one scan.

pub mod checks;
mod csv;
mod files;
mod filter;
mod infer;
mod key;
mod parquet;
pub mod pieces;
pub mod table;
mod values;

pub use files::Watch;
pub use table::{Options, Table};
