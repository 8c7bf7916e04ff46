//! The commit that a run is of.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub sha: String,
    /// Of the committer, RFC 3339.
    pub time: String,
    /// Tracked files below the folder differ from the commit.
    pub dirty: bool,
}
