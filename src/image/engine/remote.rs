//! Engines that are reached over TLS or through ssh. Each request has a connection of its own, as bollard's have: TLS with
//! the engine's certificate checked against `ca.pem`, or `ssh HOST docker system dial-stdio`, which is what the Docker CLI
//! runs.

use super::endpoint::Login;
use crate::model::causes;
use crate::process::{self, Dialogue};
use bollard::BollardRequest;
use bollard::errors::Error;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const CONNECT: Duration = Duration::from_secs(20);

/// How requests get to an engine.
pub(super) enum Remote {
    Tls {
        host: String,
        port: u16,
        name: ServerName<'static>,
        connector: TlsConnector,
    },
    /// Arguments of `ssh`.
    Ssh(Vec<String>),
}

impl Remote {
    /// # Errors
    /// Certificates or key cannot be read, in words.
    pub(super) fn tls(host: &str, port: u16, folder: &Path) -> Result<Remote, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let read = |name: &str| {
            let path = folder.join(name);
            let shown = path.display().to_string();
            let certificates = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            match certificates {
                Ok(found) if !found.is_empty() => Ok(found),
                Ok(_) => Err(format!("{shown} holds no certificate")),
                Err(e) => Err(format!("{shown}: {e}")),
            }
        };
        let mut roots = RootCertStore::empty();
        for certificate in read("ca.pem")? {
            roots.add(certificate).map_err(|e| format!("{}: {e}", folder.join("ca.pem").display()))?;
        }
        let config = ClientConfig::builder().with_root_certificates(roots);
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        // An engine may ask for no certificate of ours.
        let config = match (certificate.exists(), key.exists()) {
            (false, false) => config.with_no_client_auth(),
            _ => {
                let own = PrivateKeyDer::from_pem_file(&key).map_err(|e| format!("{}: {e}", key.display()))?;
                config.with_client_auth_cert(read("cert.pem")?, own).map_err(|e| format!("{}: {e}", key.display()))?
            }
        };
        let name = ServerName::try_from(host.to_string()).map_err(|_| format!("`{host}` is no name of a host"))?;
        Ok(Remote::Tls { host: host.to_string(), port, name, connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(super) fn ssh(login: &Login) -> Remote {
        // Where nobody can answer, ssh must not ask.
        let mut arguments = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-T"].map(String::from).to_vec();
        for (option, value) in [("-l", login.user.clone()), ("-p", login.port.map(|port| port.to_string()))] {
            arguments.extend(value.into_iter().flat_map(|value| [option.to_string(), value]));
        }
        arguments.extend(["--".to_string(), login.host.clone(), "docker".to_string()]);
        arguments.extend(login.socket.iter().flat_map(|path| ["--host".to_string(), format!("unix://{path}")]));
        arguments.extend(["system", "dial-stdio"].map(String::from));
        Remote::Ssh(arguments)
    }

    pub(super) async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        match self {
            Remote::Tls { host, port, name, connector } => {
                let opened = async {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    connector.connect(name.clone(), stream).await
                };
                let late = || io::Error::new(io::ErrorKind::TimedOut, "it did not answer in 20 s");
                let stream = tokio::time::timeout(CONNECT, opened).await.map_err(|_| late())??;
                exchange(stream, request, ()).await.map_err(Error::from)
            }
            Remote::Ssh(arguments) => {
                let Dialogue { stream, alive, errors } = process::dialogue("ssh", arguments)
                    .map_err(|e| io::Error::new(e.kind(), format!("cannot start ssh: {e}")))?;
                match exchange(stream, request, alive).await {
                    Ok(response) => Ok(response),
                    // What ssh says of it tells more.
                    Err(error) => Err(match errors.told().await.join("; ") {
                        said if said.is_empty() => Error::from(error),
                        said => Error::from(io::Error::other(format!("ssh: {said} ({})", causes(&error)))),
                    }),
                }
            }
        }
    }
}

/// One request over a stream, which lives until its answer is read; `kept` lives as long.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut request: BollardRequest,
    kept: impl Send + 'static,
) -> Result<Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let ended = tokio::spawn(async move {
        let ended = connection.await;
        drop(kept);
        ended
    });
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_else(|| "/".into());
    if let Ok(path) = path.parse::<Uri>() {
        *request.uri_mut() = path;
    }
    request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
    match sender.send_request(request).await {
        // The connection ended first, and knows why: TLS 1.3 lets us speak before the engine has seen our certificate.
        Err(error) if error.is_canceled() => match tokio::time::timeout(Duration::from_secs(1), ended).await {
            Ok(Ok(Err(why))) => Err(why),
            _ => Err(error),
        },
        answered => answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_the_docker_cli_calls_it() {
        let login = Login {
            user: Some("ann".into()),
            host: "build".into(),
            port: Some(2222),
            socket: Some("/run/user/1000/docker.sock".into()),
        };
        let Remote::Ssh(arguments) = Remote::ssh(&login) else { panic!("not ssh") };
        let expected = "-T -l ann -p 2222 -- build docker --host unix:///run/user/1000/docker.sock system dial-stdio";
        assert!(arguments.join(" ").ends_with(expected), "{arguments:?}");
    }

    #[test]
    fn certificates_that_are_missing_or_broken_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let told = |dir: &tempfile::TempDir| Remote::tls("docker", 2376, dir.path()).err().unwrap();
        assert!(told(&dir).contains("ca.pem"), "{}", told(&dir));
        std::fs::write(dir.path().join("ca.pem"), "no certificate").unwrap();
        assert!(told(&dir).contains("ca.pem"), "{}", told(&dir));
    }
}
