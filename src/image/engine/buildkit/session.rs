//! The session: what BuildKit asks of us while it builds. The engine is the client, on a connection that we opened:
//! the context (`Upload`), credentials of registries (`Auth`), secrets (`Secrets`), an agent of ssh (`SSH`).

use super::proto::{CredentialsRequest, CredentialsResponse, Data, Empty, Health, Wanted};
use crate::image::access::{Access, Login};
use crate::image::engine::context::Context;
use crate::protobuf::Protobuf;
use futures_util::{Stream, StreamExt};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioExecutor;
use oci_client::secrets::RegistryAuth;
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Request, Response, Status, Streaming};
use tower::service_fn;

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const CREDENTIALS: &str = "/moby.filesync.v1.Auth/Credentials";
const UPLOAD: &str = "/moby.upload.v1.Upload/Pull";
const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const CHECK_AGENT: &str = "/moby.sshforward.v1.SSH/CheckAgent";
const AGENT: &str = "/moby.sshforward.v1.SSH/ForwardAgent";
const METHODS: [&str; 6] = [HEALTH, CREDENTIALS, UPLOAD, SECRET, CHECK_AGENT, AGENT];

/// BuildKit takes the context from here. No two builds may have the same address: BuildKit takes equal steps of builds
/// that run beside each other for one, and would give one build the context of the other.
pub(super) fn context_address(id: &str) -> String {
    format!("http://buildkit-session/{id}")
}

/// What a session has to give.
pub(super) struct Offer {
    pub(super) context: Arc<Context>,
    pub(super) access: Access,
    /// By their ids.
    pub(super) secrets: HashMap<String, bytes::Bytes>,
    /// Socket of an agent of ssh, and the ids that mean it.
    pub(super) agent: Option<(PathBuf, Vec<String>)>,
}

/// Headers of the request that opens the session `id`.
pub(super) fn headers(id: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-docker-expose-session-uuid"), id);
    let name = HeaderValue::from_static(concat!("mlgate-", env!("CARGO_PKG_VERSION")));
    headers.insert(HeaderName::from_static("x-docker-expose-session-name"), name);
    for method in METHODS {
        let name = HeaderName::from_static("x-docker-expose-session-grpc-method");
        headers.append(name, HeaderValue::from_static(method));
    }
    headers
}

/// Answers until the engine hangs up.
pub(super) async fn serve(line: Upgraded, offer: Offer) {
    let offer = Arc::new(offer);
    let service = hyper::service::service_fn(move |request| {
        let offer = Arc::clone(&offer);
        async move { Ok::<_, Infallible>(answer(offer, request).await) }
    });
    // How the connection ended is told by the build, which needs it.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(line, service).await;
}

async fn answer(offer: Arc<Offer>, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
    match request.uri().path() {
        HEALTH => {
            let serving = |_: Request<Empty>| async { Ok(Response::new(Health { status: 1 })) };
            Grpc::new(Protobuf::default()).unary(service_fn(serving), request).await
        }
        CREDENTIALS => {
            let given = |asked: Request<CredentialsRequest>| {
                let offer = Arc::clone(&offer);
                async move { credentials(&offer.access, &asked.get_ref().host).await.map(Response::new) }
            };
            Grpc::new(Protobuf::default()).unary(service_fn(given), request).await
        }
        SECRET => {
            let given = |asked: Request<Wanted>| {
                let id = &asked.get_ref().id;
                let found = offer.secrets.get(id).map(|data| Response::new(Data { data: data.clone() }));
                let missing = || Status::not_found(format!("`secrets` of `image` names no {id}"));
                std::future::ready(found.ok_or_else(missing))
            };
            Grpc::new(Protobuf::default()).unary(service_fn(given), request).await
        }
        UPLOAD => {
            let given = |_: Request<Streaming<Data>>| {
                let pieces = Arc::clone(&offer.context).stream().map(|piece| match piece {
                    Ok(data) => Ok(Data { data }),
                    Err(e) => Err(Status::aborted(e.to_string())),
                });
                std::future::ready(Ok(Response::new(pieces)))
            };
            Grpc::new(Protobuf::default()).streaming(service_fn(given), request).await
        }
        CHECK_AGENT => {
            let known = |asked: Request<Wanted>| {
                std::future::ready(agent(&offer, &asked.get_ref().id).map(|_| Response::new(Empty {})))
            };
            Grpc::new(Protobuf::default()).unary(service_fn(known), request).await
        }
        AGENT => {
            let id = request.headers().get("buildkit.ssh.id").and_then(|id| id.to_str().ok()).unwrap_or("default");
            let socket = agent(&offer, id).map(Path::to_path_buf);
            let forwarded = |asked: Request<Streaming<Data>>| {
                let socket = socket.clone();
                async move { forward(&socket?, asked.into_inner()).await.map(Response::new) }
            };
            Grpc::new(Protobuf::default()).streaming(service_fn(forwarded), request).await
        }
        other => Status::unimplemented(other.to_string()).into_http(),
    }
}

/// None are found for most registries, and few ask for any.
async fn credentials(access: &Access, host: &str) -> Result<CredentialsResponse, Status> {
    // Docker Hub's registry answers under another name than the one that people log in to.
    let registry = if host == "registry-1.docker.io" { "docker.io" } else { host };
    match access.login(registry).await {
        Ok(Login::Plain(RegistryAuth::Basic(username, secret))) => Ok(CredentialsResponse { username, secret }),
        Ok(Login::Plain(_)) => Ok(CredentialsResponse::default()),
        Ok(Login::Identity(token)) => {
            Ok(CredentialsResponse { username: String::new(), secret: token.expose().to_string() })
        }
        Err(fault) => Err(Status::failed_precondition(fault.to_string())),
    }
}

fn agent<'a>(offer: &'a Offer, id: &str) -> Result<&'a Path, Status> {
    let id = if id.is_empty() { "default" } else { id };
    match &offer.agent {
        Some((socket, ids)) if ids.iter().any(|known| known == id) => Ok(socket),
        _ => Err(Status::not_found(format!("`ssh` of `image` does not list {id}"))),
    }
}

/// Carries bytes both ways until either end is done.
async fn forward(
    socket: &Path,
    mut asked: Streaming<Data>,
) -> Result<impl Stream<Item = Result<Data, Status>> + Send + 'static + use<>, Status> {
    let named = |e: std::io::Error| Status::unavailable(format!("the agent at {}: {e}", socket.display()));
    let (answers, mut questions) = UnixStream::connect(socket).await.map_err(named)?.into_split();
    tokio::spawn(async move {
        while let Ok(Some(piece)) = asked.message().await {
            if questions.write_all(&piece.data).await.is_err() {
                return;
            }
        }
        let _ = questions.shutdown().await;
    });
    let answers = tokio_util::io::ReaderStream::new(answers);
    Ok(answers.map(|piece| piece.map(|data| Data { data }).map_err(|e| Status::unavailable(e.to_string()))))
}
