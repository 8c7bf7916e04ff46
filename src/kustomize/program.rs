//! Running an installed program to its end, within a time.

use super::error::{Error, Result};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// An installed program that does not get to see the variables `withheld`.
pub(crate) fn command(name: &str, withheld: &[&str]) -> Command {
    let mut command = Command::new(name);
    for variable in withheld {
        command.env_remove(variable);
    }
    command
}

/// What the program printed. Its process group ends with it.
///
/// # Errors
/// When it cannot be started, fails, or still runs at `end`.
pub(crate) fn run(command: &mut Command, what: &str, end: Instant) -> Result<Vec<u8>> {
    let failed = |why: &str| Error::new(format!("{what}: {why}"));
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| failed(&e.to_string()))?;
    // Both are read aside, so that neither can fill its pipe and stop the program.
    let (printed, said) = (child.stdout.take().map(drain), child.stderr.take().map(drain));
    let text = |reader: Option<thread::JoinHandle<Vec<u8>>>| reader.and_then(|r| r.join().ok()).unwrap_or_default();
    loop {
        match child.try_wait().map_err(|e| failed(&e.to_string()))? {
            Some(status) if status.success() => return Ok(text(printed)),
            Some(status) => {
                let said = text(said);
                let said = String::from_utf8_lossy(&said);
                return Err(failed(
                    if said.trim().is_empty() { format!("{status}") } else { said.trim().into() }.as_str(),
                ));
            }
            None if Instant::now() >= end => {
                if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                let _ = child.wait();
                return Err(failed("took too long"));
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
