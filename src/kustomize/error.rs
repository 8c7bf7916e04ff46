//! What went wrong, and where: the file, the line, the field, one plain sentence.

use std::fmt;
use std::path::{Path, PathBuf};

/// A build or an edit that could not be done. It prints as `FILE:LINE: FIELD: what is wrong`, each part where known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file at fault, as reached from the directory that was built.
    pub file: Option<PathBuf>,
    /// The line in `file`, counted from 1.
    pub line: Option<usize>,
    /// The path of the field at fault in `file`, such as `patches[0].target.kind`.
    pub field: Option<String>,
    /// What is wrong and, where it helps, what was expected.
    pub message: String,
}

/// The outcome of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: None, field: None, message: message.into() }
    }

    /// The same error with its file, unless a deeper place was already named.
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.file.get_or_insert_with(|| file.to_path_buf());
        self
    }

    pub(crate) fn at_line(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// The same error with its field; no change when the error already points into a file of its own.
    pub(crate) fn in_field(mut self, field: &str) -> Self {
        if self.file.is_none() {
            self.field = Some(match self.field {
                None => field.to_owned(),
                Some(inner) if inner.starts_with('[') => format!("{field}{inner}"),
                Some(inner) => format!("{field}.{inner}"),
            });
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        } else if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
