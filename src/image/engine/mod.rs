//! The Docker engine: reached, asked to build, and its image taken over into an OCI layout. The engine needs no
//! credentials of the registry that is pushed to.

mod build;
mod buildkit;
mod classic;
mod context;
mod endpoint;
mod ignore;
mod output;
mod transport;

pub(crate) use build::build;
pub(super) use endpoint::{Endpoint, Login, meant};
pub(crate) use output::Said;

use super::Access;
use crate::model::{Fault, causes};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use std::sync::Arc;
use std::time::Duration;
use transport::Transport;

/// Until the engine begins to answer. A build, an export or a load answers when its input has been read, which for
/// a large image takes a while; [`build`] watches these more closely.
const ANSWER: u64 = 30 * 60;
const PING: Duration = Duration::from_secs(30);

/// An engine that answers.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) docker: Docker,
    transport: Arc<Transport>,
}

/// Connects to the engine and finds out which version of its interface it speaks.
pub(super) async fn connect(access: &Access) -> Result<Engine, Fault> {
    let (endpoint, shown) = meant(access)?;
    let what = format!("reach the Docker engine at {shown}");
    let transport = match &endpoint {
        Endpoint::Unix(path) if !path.exists() => {
            return Err(Fault::new(what, format!("there is no socket {}", path.display()), NO_ENGINE));
        }
        Endpoint::Unix(path) => Transport::Unix(path.clone()),
        Endpoint::Tcp(host, port) => Transport::Tcp(host.clone(), *port),
        Endpoint::Tls(host, port, folder) => {
            let hint =
                "DOCKER_CERT_PATH, or the context, must hold ca.pem, and cert.pem with key.pem if the engine asks";
            Transport::tls(host, *port, folder).map_err(|why| Fault::new(&what, why, hint))?
        }
        Endpoint::Ssh(login) => Transport::ssh(login),
    };
    let transport = Arc::new(transport);
    let line = Arc::clone(&transport);
    let send = move |request| {
        let line = Arc::clone(&line);
        async move { line.send(request).await }
    };
    let docker = Docker::connect_with_custom_transport(send, Some("http://docker"), ANSWER, API_DEFAULT_VERSION);
    let docker = docker.map_err(|e| fault(&what, &e))?;
    match tokio::time::timeout(PING, docker.negotiate_version()).await {
        Ok(Ok(docker)) => Ok(Engine { docker, transport }),
        Ok(Err(e)) => Err(reached(&endpoint, fault(&what, &e))),
        Err(_) => Err(Fault::new(what, "it did not answer in 30 s", NO_ENGINE)),
    }
}

/// What to do about an engine elsewhere that is not reached.
fn reached(endpoint: &Endpoint, fault: Fault) -> Fault {
    let hint = match endpoint {
        Endpoint::Tls(..) if fault.why.contains("ertificate") => {
            "ca.pem must be of who signed the engine's certificate, which must name its host; cert.pem of whom it trusts"
        }
        Endpoint::Ssh(_) => {
            "`ssh` must log in without a question (a key in ssh-agent, the host in known_hosts), and docker be installed there"
        }
        _ => return fault,
    };
    Fault { hint: hint.into(), ..fault }
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
