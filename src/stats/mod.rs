//! Numbers in, numbers out: metrics, intervals, paired tests, quantiles.

pub mod arithmetic;
pub mod bootstrap;
pub mod calibration;
pub mod counts;
pub mod curve;
pub mod drift;
pub mod estimate;
pub mod forecast;
pub mod interval;
pub mod linear;
pub mod multilabel;
mod normal;
pub mod order;
pub mod paired;
pub mod probabilities;
mod quantile;
pub mod random;
mod ranking;
pub mod repeats;
pub mod retrieval;
pub mod rows;
pub mod sampling;
mod slopes;
pub mod spread;
pub mod text;

pub use interval::{carried, critical, mover, mover_differences, mover_ratio, rows_needed, unbounded, wilson};
pub use normal::{normal_quantile, student_quantile};
pub use quantile::{quantile, quantile_interval};
