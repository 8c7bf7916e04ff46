//! Running other people's commands: a timeout for each, a process group that ends with it, its output kept short.

use crate::secret::strike_out;
pub use crate::secret::withheld;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Join, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

/// Lines of output kept from a command, from its end.
const TAIL_LINES: usize = 40;
/// Bytes kept of one line.
const LINE_BYTES: usize = 400;
/// Bytes read of one line: more than are kept, so that a secret is whole when it is struck out.
const RAW_BYTES: usize = 16 << 10;
/// How long a group may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Exited(i32),
    Signalled(i32),
    TimedOut,
}

impl Ended {
    /// `exit code 3`, `killed by SIGKILL`, `timed out`.
    pub fn in_words(self) -> String {
        match (self, self.signal()) {
            (Ended::TimedOut, _) => "timed out".into(),
            (Ended::Signalled(number), None) => format!("killed by signal {number}"),
            (Ended::Signalled(_), Some(name)) => format!("killed by {name}"),
            (Ended::Exited(code), Some(name)) => format!("exit code {code}: killed by {name}"),
            (Ended::Exited(code), None) => format!("exit code {code}"),
        }
    }

    /// The signal that ended a command, also when the shell only passes it on as 128 + its number.
    pub fn signal(self) -> Option<&'static str> {
        let number = match self {
            Ended::Signalled(number) => number,
            Ended::Exited(code) => code.checked_sub(128)?,
            Ended::TimedOut => return None,
        };
        Some(match number {
            1 => "SIGHUP",
            2 => "SIGINT",
            3 => "SIGQUIT",
            4 => "SIGILL",
            6 => "SIGABRT",
            7 if cfg!(target_os = "linux") => "SIGBUS",
            8 => "SIGFPE",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            24 => "SIGXCPU",
            25 => "SIGXFSZ",
            31 if cfg!(target_os = "linux") => "SIGSYS",
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Finished {
    pub ended: Ended,
    /// The last lines of standard output and standard error, in the order they came.
    pub tail: Vec<String>,
    pub seconds: f64,
}

/// A running command with everything it started. Dropping it ends the whole process group: SIGTERM, and SIGKILL
/// two seconds later.
#[derive(Debug)]
pub struct Group {
    child: Child,
    id: Option<Pid>,
    output: mpsc::Receiver<String>,
}

/// Starts `sh -c script` in `dir` as a process group of its own. Values reach the script through `env` alone,
/// never by being pasted into it.
///
/// # Errors
/// When the shell cannot be started, such as when `dir` does not exist.
pub fn shell(script: &str, dir: &Path, env: &[(&str, String)]) -> io::Result<Group> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(dir).stdin(Stdio::null());
    command.envs(env.iter().map(|(k, v)| (*k, v)));
    start(command)
}

/// As [`shell`], but a program without a shell around it, which is given `input` on its standard input.
///
/// # Errors
/// When it cannot be started, such as when there is no such program.
pub fn program(name: &str, arguments: &[&str], dir: &Path, input: Vec<u8>) -> io::Result<Group> {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(dir).stdin(Stdio::piped());
    let mut group = start(command)?;
    if let Some(mut pipe) = group.child.stdin.take() {
        // A program that ends before it has read all says so by how it ends.
        tokio::spawn(async move { pipe.write_all(&input).await });
    }
    Ok(group)
}

/// A program that is talked to over its standard input and output.
#[derive(Debug)]
pub struct Dialogue {
    pub stream: Talk,
    pub errors: Errors,
}

/// Reading is of a program's output, writing to its input. The program is killed when this is dropped.
#[derive(Debug)]
pub struct Talk {
    pipes: Join<ChildStdout, ChildStdin>,
    _child: Child,
}

impl AsyncRead for Talk {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipes).poll_read(cx, into)
    }
}

impl AsyncWrite for Talk {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipes).poll_shutdown(cx)
    }
}

/// The last lines of a program's standard error.
#[derive(Clone, Debug, Default)]
pub struct Errors(Arc<Mutex<Tail>>);

impl Errors {
    /// After a moment for more to come.
    pub async fn told(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.0.lock().map(|tail| tail.0.iter().cloned().collect()).unwrap_or_default()
    }
}

/// Starts a program to talk to, in a group of its own.
///
/// # Errors
/// When it cannot be started, such as when there is no such program.
pub fn dialogue(name: &str, arguments: &[String]) -> io::Result<Dialogue> {
    let mut command = Command::new(name);
    command.args(arguments).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in withheld() {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    let (Some(input), Some(output), Some(pipe)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("its pipes are not there"));
    };
    let (send, mut lines) = mpsc::channel(64);
    tokio::spawn(read_lines(pipe, send));
    let errors = Errors::default();
    let tail = errors.clone();
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            if let Ok(mut tail) = tail.0.lock() {
                tail.push(line);
            }
        }
    });
    let stream = Talk { pipes: tokio::io::join(output, input), _child: child };
    Ok(Dialogue { stream, errors })
}

fn start(mut command: Command) -> io::Result<Group> {
    for name in withheld() {
        command.env_remove(name);
    }
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let id = child.id().and_then(|id| Pid::from_raw(id as i32));
    let (send, output) = mpsc::channel(64);
    if let Some(pipe) = child.stdout.take() {
        tokio::spawn(read_lines(pipe, send.clone()));
    }
    if let Some(pipe) = child.stderr.take() {
        tokio::spawn(read_lines(pipe, send));
    }
    Ok(Group { child, id, output })
}

impl Group {
    /// Waits until the command ends or `timeout` is over, handing each line of output to `line` as it comes.
    /// What the command left running in its group is ended with it.
    ///
    /// # Errors
    /// When the operating system cannot tell how the command ended.
    pub async fn finish(mut self, timeout: Duration, mut line: impl FnMut(&str)) -> io::Result<Finished> {
        let start = Instant::now();
        let mut tail = Tail::default();
        let ended = {
            let deadline = tokio::time::sleep(timeout);
            tokio::pin!(deadline);
            loop {
                tokio::select! {
                    Some(text) = self.output.recv() => { line(&text); tail.push(text); }
                    status = self.child.wait() => break ended(status?),
                    () = &mut deadline => break Ended::TimedOut,
                }
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        self.end();
        // With the group gone its pipes close; a process that left the group may hold them open, so not for long.
        while let Ok(Some(text)) = tokio::time::timeout(Duration::from_millis(500), self.output.recv()).await {
            line(&text);
            tail.push(text);
        }
        Ok(Finished { ended, tail: tail.0.into(), seconds })
    }

    /// How the command ended, if it has.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn try_ended(&mut self) -> io::Result<Option<Ended>> {
        Ok(self.child.try_wait()?.map(ended))
    }

    /// Takes the output that has come so far; a server must be read now and then or it blocks on a full pipe.
    /// Returns the last lines.
    pub fn take_output(&mut self) -> Vec<String> {
        let mut tail = Tail::default();
        while let Ok(text) = self.output.try_recv() {
            tail.push(text);
        }
        tail.0.into()
    }

    fn end(&mut self) {
        let Some(id) = self.id.take() else { return };
        let _ = kill_process_group(id, Signal::TERM);
        let start = Instant::now();
        loop {
            // The leader stays a zombie, and with it the group, until it is waited for.
            let _ = self.child.try_wait();
            if !is_alive(id) {
                return;
            }
            if start.elapsed() > GRACE {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = kill_process_group(id, Signal::KILL);
        let _ = self.child.try_wait();
    }
}

/// Whether a process of the group still runs. Where nobody reaps orphans, as in a container without an init, the dead
/// stay in the group as zombies; they are not waited for.
fn is_alive(group: Pid) -> bool {
    if test_kill_process_group(group).is_err() {
        return false;
    }
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    let mut stats = processes.flatten().filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats.any(|stat| {
        // proc(5): `pid (name) state ppid pgrp …`; the name may hold anything, so the fields count from its end.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().take(3).collect();
        matches!(fields[..], [state, _, of] if !"ZX".contains(state) && of == group.as_raw_nonzero().to_string())
    })
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Debug, Default)]
struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, text: String) {
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(text);
    }
}

fn ended(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, signal) => Ended::Signalled(signal.unwrap_or_default()),
    }
}

/// Sends a pipe's lines, without secrets and each cut to [`LINE_BYTES`], so that output without line breaks cannot fill the memory.
async fn read_lines(mut pipe: impl AsyncRead + Unpin, send: mpsc::Sender<String>) {
    let mut buffer = [0; 8192];
    let mut line = Vec::new();
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        for &byte in &buffer[..read] {
            if byte != b'\n' {
                if line.len() < RAW_BYTES {
                    line.push(byte);
                }
            } else if send.send(text(&mut line)).await.is_err() {
                return;
            }
        }
    }
    if !line.is_empty() {
        let _ = send.send(text(&mut line)).await;
    }
}

fn text(line: &mut Vec<u8>) -> String {
    let mut text = strike_out(String::from_utf8_lossy(line).trim_end_matches('\r'));
    line.clear();
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= LINE_BYTES).last();
    text.truncate(end.unwrap_or(0));
    text
}

/// A line of a command's output without colours and control characters.
pub fn plain(line: &str) -> String {
    anstream::adapter::strip_str(line).to_string().chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_shown_without_colours_and_control_characters() {
        assert_eq!(plain("\u{1b}[31mBoom\u{1b}[0m\u{7}\r"), "Boom");
    }

    async fn run(script: &str, timeout: f64) -> Finished {
        let group = shell(script, Path::new("/"), &[("GREETING", "hi; exit 3".into())]).unwrap();
        group.finish(Duration::from_secs_f64(timeout), |_| ()).await.unwrap()
    }

    #[tokio::test]
    async fn values_arrive_as_data_and_output_is_kept() {
        let done = run("echo \"$GREETING\"; echo err >&2", 10.0).await;
        assert_eq!(done.ended, Ended::Exited(0));
        assert!(done.tail.contains(&"hi; exit 3".to_string()) && done.tail.contains(&"err".to_string()));
    }

    #[tokio::test]
    async fn a_timeout_ends_the_children_too() {
        let marker = format!("{}", 86_000 + std::process::id() % 1000);
        let done = run(&format!("trap '' TERM; sleep {marker} & sleep {marker}"), 0.2).await;
        assert_eq!(done.ended, Ended::TimedOut);
        let left = std::process::Command::new("pgrep").args(["-f", &format!("sleep {marker}")]).output().unwrap();
        assert!(left.stdout.is_empty(), "left running: {}", String::from_utf8_lossy(&left.stdout));
    }

    #[tokio::test]
    async fn a_line_without_end_stays_bounded() {
        let done = run("head -c 3000000 /dev/zero | tr '\\0' x; kill -9 $$", 10.0).await;
        assert_eq!(done.ended, Ended::Signalled(9));
        assert!(done.tail.iter().all(|line| line.len() <= LINE_BYTES));
    }
}
