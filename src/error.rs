//! Errors that end a command before it comes to a decision. What fails inside a stage is evidence instead.

use crate::exit::Exit;
use crate::model::Fault;
use std::fmt;

/// An error already in the words that the user sees, with the exit code it leads to.
#[derive(Debug)]
pub struct Error {
    pub exit: Exit,
    pub text: String,
}

impl Error {
    pub fn usage(text: impl Into<String>) -> Error {
        Error { exit: Exit::Usage, text: text.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error { exit: Exit::Errored, text: fault.to_string() }
    }
}
