//! How requests get to an engine: over its socket, TCP, TLS with the engine's certificate checked against `ca.pem`, or
//! `ssh HOST docker system dial-stdio`, which is what the Docker CLI runs. Each request has a connection of its own.

use super::endpoint::Login;
use crate::model::causes;
use crate::process::{self, Dialogue, Errors};
use bollard::BollardRequest;
use bollard::errors::Error;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

const CONNECT: Duration = Duration::from_secs(20);

pub(super) enum Transport {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String, u16),
    Tls {
        host: String,
        port: u16,
        name: ServerName<'static>,
        connector: TlsConnector,
    },
    /// Arguments of `ssh`.
    Ssh(Vec<String>),
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
struct Line {
    stream: Box<dyn Duplex>,
    /// What ssh says tells more than that the connection ended.
    errors: Option<Errors>,
}

impl Transport {
    /// # Errors
    /// Certificates or key cannot be read, in words.
    pub(super) fn tls(host: &str, port: u16, folder: &Path) -> Result<Transport, String> {
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
        Ok(Transport::Tls { host: host.to_string(), port, name, connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(super) fn ssh(login: &Login) -> Transport {
        // Where nobody can answer, ssh must not ask.
        let mut arguments = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-T"].map(String::from).to_vec();
        for (option, value) in [("-l", login.user.clone()), ("-p", login.port.map(|port| port.to_string()))] {
            arguments.extend(value.into_iter().flat_map(|value| [option.to_string(), value]));
        }
        arguments.extend(["--".to_string(), login.host.clone(), "docker".to_string()]);
        arguments.extend(login.socket.iter().flat_map(|path| ["--host".to_string(), format!("unix://{path}")]));
        arguments.extend(["system", "dial-stdio"].map(String::from));
        Transport::Ssh(arguments)
    }

    async fn open(&self) -> io::Result<Line> {
        let plain = |stream: Box<dyn Duplex>| Line { stream, errors: None };
        let opened = async {
            Ok(plain(match self {
                Transport::Unix(path) => Box::new(UnixStream::connect(path).await?),
                Transport::Tcp(host, port) => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
                Transport::Tls { host, port, name, connector } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    Box::new(connector.connect(name.clone(), stream).await?)
                }
                Transport::Ssh(arguments) => {
                    let Dialogue { stream, errors } = process::dialogue("ssh", arguments)
                        .map_err(|e| io::Error::new(e.kind(), format!("cannot start ssh: {e}")))?;
                    return Ok(Line { stream: Box::new(stream), errors: Some(errors) });
                }
            }))
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it did not answer in 20 s");
        tokio::time::timeout(CONNECT, opened).await.map_err(|_| late())?
    }

    /// Sends a request; the connection lives until its answer is read.
    ///
    /// # Errors
    /// When the engine cannot be reached, or does not answer by HTTP.
    pub(super) async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let Line { stream, errors } = self.open().await?;
        match (exchange(stream, request).await, errors) {
            (Ok(response), _) => Ok(response),
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(errors)) => Err(match errors.told().await.join("; ") {
                said if said.is_empty() => error.into(),
                said => io::Error::other(format!("ssh: {said} ({})", causes(&error))).into(),
            }),
        }
    }

    /// Asks the engine to speak HTTP/2 on the connection from here on, as its `/grpc` and `/session` do. None: it has no
    /// such path.
    ///
    /// # Errors
    /// As [`Transport::send`]; when the engine answers with an error.
    pub(super) async fn upgrade(&self, path: &str, headers: HeaderMap) -> Result<Option<Upgraded>, Error> {
        let mut request = Request::new(bollard::body_full(Bytes::new()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().map_err(|_| io::Error::other(format!("{path} is no path")))?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(UPGRADE, HeaderValue::from_static("h2c"));
        let response = tokio::time::timeout(CONNECT, self.send(request)).await;
        let response = response.map_err(|_| Error::RequestTimeoutError)??;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Ok(Some(hyper::upgrade::on(response).await?)),
            // An engine without it, or behind a proxy that does not let it through.
            StatusCode::NOT_IMPLEMENTED => Ok(None),
            status if status.is_client_error() => Ok(None),
            status => {
                let body = Limited::new(response.into_body(), 4096).collect().await;
                let message = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_string());
                let message = message.unwrap_or_default();
                Err(Error::DockerResponseServerError { status_code: status.as_u16(), message })
            }
        }
    }
}

/// One request over a stream.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut request: BollardRequest,
) -> Result<Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let ended = tokio::spawn(connection.with_upgrades());
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
        let Transport::Ssh(arguments) = Transport::ssh(&login) else { panic!("not ssh") };
        let expected = "-T -l ann -p 2222 -- build docker --host unix:///run/user/1000/docker.sock system dial-stdio";
        assert!(arguments.join(" ").ends_with(expected), "{arguments:?}");
    }

    #[test]
    fn certificates_that_are_missing_or_broken_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let told = |dir: &tempfile::TempDir| Transport::tls("docker", 2376, dir.path()).err().unwrap();
        assert!(told(&dir).contains("ca.pem"), "{}", told(&dir));
        std::fs::write(dir.path().join("ca.pem"), "no certificate").unwrap();
        assert!(told(&dir).contains("ca.pem"), "{}", told(&dir));
    }
}
