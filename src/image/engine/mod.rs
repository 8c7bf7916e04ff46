//! The Docker engine: reached, asked to build, and its image taken over into an OCI layout. The engine needs no
//! credentials of the registry that is pushed to.

mod build;
mod context;
mod ignore;

pub(crate) use build::build;

use super::Access;
use crate::model::{Fault, causes};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use std::time::Duration;

/// Until the engine begins to answer. A build, an export or a load answers when its input has been read, which for
/// a large image takes a while; [`build`] watches these more closely.
const ANSWER: u64 = 30 * 60;
const PING: Duration = Duration::from_secs(20);

/// Connects to the engine and finds out which version of its interface it speaks.
pub(super) async fn connect(access: &Access) -> Result<Docker, Fault> {
    let address = access.engine_address();
    let what = format!("reach the Docker engine at {address}");
    let docker = match address.split_once("://") {
        Some(("unix", path)) if !std::path::Path::new(path).exists() => {
            return Err(Fault::new(what, format!("there is no socket {path}"), NO_ENGINE));
        }
        Some(("unix", path)) => Docker::connect_with_unix(path, ANSWER, API_DEFAULT_VERSION),
        Some(("tcp" | "http", host)) => Docker::connect_with_http(host, ANSWER, API_DEFAULT_VERSION),
        _ => {
            let why = "mlgate speaks unix:// and tcp:// only";
            return Err(Fault::new(what, why, "set DOCKER_HOST to the engine's socket"));
        }
    };
    let docker = docker.map_err(|e| fault(&what, &e))?;
    match tokio::time::timeout(PING, docker.negotiate_version()).await {
        Ok(negotiated) => negotiated.map_err(|e| fault(&what, &e)),
        Err(_) => Err(Fault::new(what, "it did not answer in 20 s", NO_ENGINE)),
    }
}

const NO_ENGINE: &str = "start the engine, or build with `base:` and `layers:`, which need none";

/// An error of the engine in its own words, with what to do when it cannot be reached.
pub(super) fn fault(what: &str, error: &Error) -> Fault {
    let (why, hint) = match error {
        Error::DockerResponseServerError { status_code, message } => (format!("{message} ({status_code})"), ""),
        Error::DockerStreamError { error } => (error.clone(), ""),
        Error::RequestTimeoutError => ("it did not answer in time".to_string(), "is it overloaded?"),
        other => {
            let why = causes(other);
            let hint = if why.contains("ermission denied") {
                "add the user to the group `docker`, or build with `base:` and `layers:`, which need no engine"
            } else {
                NO_ENGINE
            };
            (why, hint)
        }
    };
    Fault::new(what, why, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_socket_tells_whom_to_ask() {
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let told = fault("reach the engine", &Error::IOError { err: denied });
        assert!(told.hint.contains("group `docker`"), "{told}");
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(fault("reach the engine", &Error::IOError { err: refused }).hint.contains("start the engine"));
    }
}
