//! Where numbers come from: metric files, JUnit, git.

pub mod git;
pub mod imports;
pub mod junit;
pub mod metric_file;
pub mod profile;
