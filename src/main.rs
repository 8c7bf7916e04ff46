//! Parse, run, return the exit code.

use clap::Parser;
use mlgate::cli::Cli;
use mlgate::exit::Exit;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("mlgate: cannot start: {error}");
            return Exit::Errored.into();
        }
    };
    let exit = runtime.block_on(async {
        tokio::select! {
            // Polled first, so that no stage begins before the signals are caught.
            biased;
            exit = interrupted() => exit,
            done = mlgate::dispatch(cli) => done.unwrap_or_else(|error| {
                let prefix = if error.text.starts_with("error") { "" } else { "error: " };
                anstream::eprintln!("{prefix}{}", error.text.trim_end());
                error.exit
            }),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit.into()
}

/// Waits for SIGHUP, SIGINT or SIGTERM. The command's future is dropped then, and with it all that it started.
async fn interrupted() -> Exit {
    let signals = (signal(SignalKind::hangup()), signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut hangup), Ok(mut interrupt), Ok(mut terminate)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = hangup.recv() => Exit::HungUp,
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    }
}
