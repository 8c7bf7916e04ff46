//! Data sets: streamed reading and checks fused into one scan.

pub mod checks;
pub mod drift;
pub mod engine;
mod files;
mod filter;
mod format;
mod infer;
mod key;
pub mod pieces;
pub mod profile;
pub mod table;
mod values;

pub use files::Watch;
pub use table::{Options, Table};
