//! The record: the whole run as one versioned JSON document.

pub mod wire;
