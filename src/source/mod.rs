//! Where numbers come from: metric files, JUnit, git, tracking servers.

mod api;
pub mod git;
pub mod imports;
pub mod junit;
pub mod metric_file;
mod mlflow;
pub mod profile;
pub mod services;
mod wandb;
