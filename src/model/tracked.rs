//! What git tracks below a folder.

use std::path::PathBuf;

/// By paths relative to the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    /// Those of submodules that were fetched among them. One may be deleted.
    pub files: Vec<PathBuf>,
    /// Submodules that are not here: git knows the commit, and no files.
    pub absent: Vec<Submodule>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Submodule {
    pub path: PathBuf,
    /// Its commit by the index of the repository that holds it.
    pub commit: String,
}
