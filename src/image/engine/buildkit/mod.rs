//! Building by the BuildKit in the engine: `Control/Solve` over the engine's `/grpc`, while a [`session`] over its
//! `/session` hands out what the build asks for. The image stays in the engine, without a name.

mod proto;
mod session;
mod steps;

use super::Engine;
use super::context::Context;
use super::output::{SILENT, Said, silent};
use crate::config::{BuildCache, DockerBuild};
use crate::digest;
use crate::image::Access;
use crate::model::{Fault, causes};
use crate::protobuf::Protobuf;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::Upgraded;
use proto::{CacheEntry, CacheOptions, SolveRequest, SolveResponse, StatusRequest, StatusResponse};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};
use session::Offer;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use steps::Steps;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// As BuildKit's own client takes.
const MESSAGE_BYTES: usize = 16 << 20;
/// For the last words of a build that has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// The BuildKit of an engine.
pub(super) struct BuildKit<'a> {
    engine: &'a Engine,
    control: Grpc<Channel>,
}

impl<'a> BuildKit<'a> {
    /// None: the engine has none.
    pub(super) async fn of(engine: &'a Engine, what: &str) -> Result<Option<BuildKit<'a>>, Fault> {
        let line = engine.transport.upgrade("/grpc", HeaderMap::new()).await.map_err(|e| super::fault(what, &e))?;
        let Some(line) = line else { return Ok(None) };
        // The one connection that there is; with it the build ends.
        let line = Mutex::new(Some(line));
        let connector = tower::service_fn(move |_| {
            let line = line.lock().ok().and_then(|mut line| line.take());
            std::future::ready(line.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the connection ended")))
        });
        let channel = Endpoint::from_static("http://buildkit").connect_with_connector(connector).await;
        let channel = channel.map_err(|e| Fault::new(what, causes(&e), ""))?;
        Ok(Some(BuildKit { engine, control: Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES) }))
    }

    /// Builds and returns the image's id. `root` is what files of secrets are relative to.
    ///
    /// # Errors
    /// A secret or an agent of ssh is not there; the build fails, with the step and the last lines.
    pub(super) async fn build(
        mut self,
        what: &str,
        root: &Path,
        asked: &DockerBuild,
        context: Arc<Context>,
        access: &Access,
        say: impl Fn(Said),
    ) -> Result<String, Fault> {
        let id = fresh_id().ok_or_else(|| Fault::new(what, "this system gives no random numbers", ""))?;
        let request = solve(asked, &context.dockerfile_name, &id);
        let offer = offer(what, root, asked, context, access)?;
        let _session = self.open(what, &id, offer).await?;
        let mut statuses = std::pin::pin!(watch(self.control.clone(), id.clone()));
        let mut solving = std::pin::pin!(self.solve(request));
        let (mut steps, mut is_watching) = (Steps::default(), true);
        let solved = loop {
            tokio::select! {
                solved = &mut solving => break solved,
                status = statuses.next(), if is_watching => match status {
                    Some(Ok(status)) => steps.take(status, &say),
                    // The build goes on when nothing tells of it: only how it ends counts.
                    Some(Err(status)) => {
                        is_watching = false;
                        say(Said::Output(&format!("what the build does is not told: {}", said(&status))));
                    }
                    None => is_watching = false,
                },
                () = tokio::time::sleep(SILENT), if is_watching => {
                    return Err(silent(what, |why| steps.told(why)));
                }
            }
        };
        let rest = async {
            while let Some(Ok(status)) = statuses.next().await {
                steps.take(status, &say);
            }
        };
        if is_watching {
            let _ = tokio::time::timeout(FAREWELL, rest).await;
        }
        match solved {
            Ok(done) => match done.exporter_response.get("containerimage.digest") {
                Some(id) => Ok(id.clone()),
                None => Err(Fault::new(what, steps.told("the engine ended the build without an image"), "")),
            },
            Err(status) => {
                let why = said(&status);
                Err(Fault::new(what, steps.told(&why), hint(&why)))
            }
        }
    }

    /// The session is served until what is returned is dropped.
    async fn open(&self, what: &str, id: &str, offer: Offer) -> Result<JoinSet<()>, Fault> {
        let header = HeaderValue::from_str(id).map_err(|e| Fault::new(what, e, ""))?;
        let line = self.engine.transport.upgrade("/session", session::headers(header)).await;
        let line: Option<Upgraded> = line.map_err(|e| super::fault(what, &e))?;
        let hint = "set DOCKER_BUILDKIT=0 to build by the classic builder";
        let line = line.ok_or_else(|| Fault::new(what, "the engine has /grpc and no /session", hint))?;
        Ok(JoinSet::from_iter([session::serve(line, offer)]))
    }

    async fn solve(&mut self, request: SolveRequest) -> Result<SolveResponse, Status> {
        self.control.ready().await.map_err(|e| Status::unavailable(causes(&e)))?;
        let path = PathAndQuery::from_static("/moby.buildkit.v1.Control/Solve");
        self.control.unary(Request::new(request), path, Protobuf::default()).await.map(tonic::Response::into_inner)
    }
}

/// What BuildKit tells of a build until it ends.
fn watch(mut control: Grpc<Channel>, id: String) -> impl Stream<Item = Result<StatusResponse, Status>> {
    let asked = async move {
        control.ready().await.map_err(|e| Status::unavailable(causes(&e)))?;
        let path = PathAndQuery::from_static("/moby.buildkit.v1.Control/Status");
        let request = Request::new(StatusRequest { build: id });
        control.server_streaming(request, path, Protobuf::default()).await.map(tonic::Response::into_inner)
    };
    stream::once(asked).try_flatten()
}

/// As hexadecimal digits.
fn fresh_id() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(digest::hex(&bytes))
}

/// The attributes are those of BuildKit's Dockerfile frontend.
fn solve(asked: &DockerBuild, dockerfile: &str, id: &str) -> SolveRequest {
    let mut attributes: HashMap<String, String> =
        [("context", session::context_address(id)), ("filename", dockerfile.to_string())]
            .map(|(key, value)| (key.to_string(), value))
            .into();
    attributes.extend(asked.target.iter().map(|target| ("target".into(), target.clone())));
    attributes.extend(asked.platform.iter().map(|platform| ("platform".into(), platform.clone())));
    attributes.extend(asked.args.iter().map(|(name, value)| (format!("build-arg:{name}"), value.clone())));
    attributes.extend(asked.labels.iter().map(|(name, value)| (format!("label:{name}"), value.clone())));
    // With no value: all steps.
    attributes.extend(asked.no_cache.then(|| ("no-cache".into(), String::new())));
    // With a frontend it is this attribute that counts, not the field of the request that is made for them.
    if !asked.cache_from.is_empty() {
        let import = |cache: &BuildCache| {
            let attributes: Map<String, Value> =
                cache.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            json!({"Type": cache.kind, "Attrs": attributes})
        };
        let imports: Vec<Value> = asked.cache_from.iter().map(import).collect();
        attributes.insert("cache-imports".into(), Value::from(imports).to_string());
    }
    SolveRequest {
        build: id.to_string(),
        exporter: "moby".into(),
        session: id.to_string(),
        frontend: "dockerfile.v0".into(),
        frontend_attributes: attributes,
        cache: Some(CacheOptions { exports: asked.cache_to.iter().map(export).collect() }),
    }
}

fn export(cache: &BuildCache) -> CacheEntry {
    CacheEntry { kind: cache.kind.clone(), attributes: cache.attributes.iter().cloned().collect() }
}

/// # Errors
/// Everything that is missing, at once.
fn offer(what: &str, root: &Path, asked: &DockerBuild, context: Arc<Context>, access: &Access) -> Result<Offer, Fault> {
    let (mut secrets, mut missing) = (HashMap::new(), Vec::new());
    for secret in &asked.secrets {
        match access.build_secret(root, secret) {
            Ok(value) => drop(secrets.insert(secret.id.clone(), value.into())),
            Err(why) => missing.push(why),
        }
    }
    let agent = match (asked.ssh.is_empty(), &access.ssh_agent) {
        (true, _) => None,
        (false, Some(socket)) if socket.exists() => Some((socket.clone(), asked.ssh.clone())),
        (false, Some(socket)) => {
            missing.push(format!("SSH_AUTH_SOCK names {}, which is not there", socket.display()));
            None
        }
        (false, None) => {
            missing.push("`ssh` forwards an agent, and SSH_AUTH_SOCK names none".to_string());
            None
        }
    };
    match missing.is_empty() {
        true => Ok(Offer { context, access: access.clone(), secrets, agent }),
        false => Err(Fault::new(what, missing.join("; "), "set it where mlgate runs: the step's `env`, or ssh-agent")),
    }
}

fn said(status: &Status) -> String {
    match (std::error::Error::source(status), status.message()) {
        (Some(broken), _) => format!("the engine hung up: {}", causes(broken)),
        (None, "") => status.code().description().to_string(),
        (None, message) => message.to_string(),
    }
}

fn hint(why: &str) -> &'static str {
    match why {
        _ if why.contains("cache export") || why.contains("unknown cache exporter") => {
            "this engine keeps its cache in the image alone: cache_to: [type=inline]; or use its containerd image store"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_reaches_the_frontend() {
        let cache = |kind: &str| BuildCache { kind: kind.into(), attributes: vec![("ref".into(), "a/b".into())] };
        let pairs = |name: &str| vec![(name.to_string(), "v".to_string())];
        let asked = DockerBuild {
            args: pairs("A"),
            labels: pairs("l"),
            target: Some("t".into()),
            platform: Some("linux/arm64".into()),
            no_cache: true,
            cache_from: vec![cache("registry")],
            cache_to: vec![cache("inline")],
            ..DockerBuild::default()
        };
        let id = fresh_id().unwrap();
        assert_ne!(id, fresh_id().unwrap());
        let request = solve(&asked, "docker/Dockerfile", &id);
        let mut attributes: Vec<String> =
            request.frontend_attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        attributes.sort();
        let context = format!("context=http://buildkit-session/{id}");
        let expected = [
            "build-arg:A=v",
            "cache-imports=[{\"Type\":\"registry\",\"Attrs\":{\"ref\":\"a/b\"}}]",
            context.as_str(),
            "filename=docker/Dockerfile",
            "label:l=v",
            "no-cache=",
            "platform=linux/arm64",
            "target=t",
        ];
        assert_eq!(attributes, expected);
        assert_eq!(request.cache.unwrap().exports[0].kind, "inline");
        assert_eq!(request.session.len(), 32);
    }
}
