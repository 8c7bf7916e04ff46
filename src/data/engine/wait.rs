//! Waiting for an engine that answers asynchronously.

use super::Failure;
use crate::data::source::Watch;
use crate::model::Fault;
use std::time::Duration;

/// Waits for an answer on this thread, until it comes, time is up, or the scan is stopped.
pub fn wait<T>(
    runtime: &tokio::runtime::Runtime,
    around: (&Watch, Duration),
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (watch, patience) = around;
    runtime.block_on(async {
        tokio::pin!(answer);
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                () = &mut deadline => {
                    return Err(Failure::gone(format!("no answer within {} s", patience.as_secs_f64())));
                }
                () = tokio::time::sleep(Duration::from_millis(100)) => {
                    if watch.stopped() {
                        return Err(Failure::gone("stopped"));
                    }
                }
            }
        }
    })
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Fault::new("start an engine", e, ""))
}
