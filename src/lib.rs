//! mlgate decides whether a machine-learning model may ship.

pub mod config;
pub mod data;
pub mod digest;
pub mod error;
pub mod exit;
pub mod files;
pub mod gate;
pub mod host;
pub mod image;
pub mod kustomize;
pub mod load;
pub mod model;
pub mod process;
pub mod quality;
pub mod record;
pub mod report;
pub mod secret;
pub mod source;
pub mod stats;
pub mod ui;
