//! The exit-code table. The output format never changes the code.

use crate::model::{Decision, Reason};
use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Cleared, warnings included; or the command did what it was asked.
    Ok,
    /// Blocked by a gate or a check that failed.
    Blocked,
    /// Wrong usage or config.
    Usage,
    /// Blocked because the data cannot tell.
    Inconclusive,
    /// A service, a command or a file that we depend on is at fault.
    Errored,
    /// SIGHUP: the terminal was closed.
    HungUp,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Blocked => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::Errored => 4,
            Exit::HungUp => 129,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    pub fn of(decision: &Decision) -> Exit {
        match decision {
            Decision::Cleared(_) => Exit::Ok,
            Decision::Blocked(blocked) => match blocked.reason {
                Reason::Failed => Exit::Blocked,
                Reason::Inconclusive => Exit::Inconclusive,
                Reason::Errored => Exit::Errored,
            },
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
