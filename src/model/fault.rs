//! What went wrong, in words that tell the reader what to do.

use std::error::Error;
use std::fmt;

/// An effect that failed: a service, a command or a file that the stage depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was attempted: `read data/train.parquet`.
    pub what: String,
    /// What happened: `no such file`.
    pub why: String,
    /// What to do about it. Empty when there is nothing useful to say.
    pub hint: String,
}

impl Fault {
    pub fn new(what: impl Into<String>, why: impl fmt::Display, hint: impl Into<String>) -> Fault {
        Fault { what: what.into(), why: why.to_string(), hint: hint.into() }
    }
}

impl Fault {
    /// What cannot be but by a mistake of ours.
    pub fn defect(what: impl Into<String>, why: impl fmt::Display) -> Fault {
        Fault::new(what, why, "this is a defect of mlgate: please report it")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

impl Error for Fault {}

/// An error and what caused it, on one line. The innermost causes say what happened (`Connection refused`), the outer
/// ones only where; a cause that an outer one quotes already is not said twice.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|link| link as &(dyn Error + 'static))
        }
    }

    #[test]
    fn causes_are_said_once() {
        let refused = Link("refused", None);
        let quoting = Link("connect: refused", Some(Box::new(refused)));
        let outer = Link("cannot ask", Some(Box::new(quoting)));
        assert_eq!(causes(&outer), "cannot ask: connect: refused");
        assert_eq!(causes(&Link("alone", None)), "alone");
    }
}
