//! Data sets: streamed reading and checks fused into one scan.

pub mod checks;
pub mod drift;
pub mod engine;
mod filter;
mod format;
mod infer;
mod key;
mod partition;
pub mod pieces;
pub mod profile;
mod source;
pub mod table;
mod values;
mod workers;

pub use filter::{holds, numbers_of_rows};
pub(crate) use source::{Fetch, Http, fetch};
pub use source::{Sources, StopOnDrop, Verified, Watch};
pub use table::{Options, Table};
