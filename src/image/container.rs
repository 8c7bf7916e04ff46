//! A container of the built image, for probes: its port is published on a free loopback port, and it is removed when
//! it is dropped, also when mlgate is cancelled while it starts. With an engine on another host, such as the `docker`
//! service of a GitLab job, the port is published there on all addresses, because its loopback is not ours.

use super::access::is_loopback;
use super::archive::pack;
use super::blobs::Blobs;
use super::engine::{Endpoint, Login};
use super::layout::{Layout, Listed};
use super::{Built, engine};
use crate::model::Fault;
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ImportImageOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};
use futures_util::{StreamExt, TryStreamExt};
use oci_client::manifest::OciImageManifest;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// Creating, starting and asking are quick; loading an image is not one of them.
const QUICK: Duration = Duration::from_secs(60);
/// The engine answers a load when it has unpacked all layers.
const LOAD: Duration = Duration::from_secs(30 * 60);
const LOG_LINES: &str = "40";
const LOG_LINE_CHARS: usize = 400;

/// A running container. Dropping it removes it.
#[derive(Debug)]
pub struct Container {
    address: SocketAddr,
    running: Running,
}

/// Starts the image with `port` published on loopback and `env` set. It may not answer yet when this returns.
///
/// # Errors
/// When the engine cannot be reached or cannot take, start or publish the image.
pub async fn start(built: &Built, port: u16, env: &[(String, String)]) -> Result<Container, Fault> {
    let what = format!("start a container of {}", built.repository);
    let docker = engine::connect(&built.access).await?.docker;
    let image = match &built.engine_image {
        Some(id) => id.clone(),
        None => load(&docker, built).await?,
    };
    let name = fresh_name();
    let published = format!("{port}/tcp");
    let (bind, reach) = place(&what, &engine::meant(&built.access)?.0).await?;
    let binding = PortBinding { host_ip: Some(bind.to_string()), host_port: Some("0".into()) };
    let body = ContainerCreateBody {
        image: Some(image),
        env: Some(env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        exposed_ports: Some(vec![published.clone()]),
        host_config: Some(HostConfig {
            port_bindings: Some([(published.clone(), Some(vec![binding]))].into()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    // From here on the container may exist, so from here on it is watched over.
    let mut running = Running { docker: docker.clone(), name: name.clone(), created: false };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    quick(&what, docker.create_container(Some(options), body)).await?;
    running.created = true;
    quick(&what, docker.start_container(&name, None::<StartContainerOptions>)).await?;
    let container = Container { address: SocketAddr::new(reach, 0), running };
    match container.published(&what, &published).await? {
        Some(port) => Ok(Container { address: SocketAddr::new(reach, port), ..container }),
        None => {
            let log = container.log_tail().await;
            let why = if log.is_empty() { String::new() } else { format!("\n  {}", log.join("\n  ")) };
            let hint = format!("the container must keep running and listen on port {port}");
            Err(Fault::new(what, format!("the port {port} was not published; it may have ended at once{why}"), hint))
        }
    }
}

impl Container {
    /// Where the published port answers: on loopback, or on the engine's host when that is another one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The last lines that the container printed; empty when the engine does not tell.
    pub async fn log_tail(&self) -> Vec<String> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LOG_LINES).build();
        let lines = self.running.docker.logs(&self.running.name, Some(options)).take(100).try_collect::<Vec<_>>();
        let Ok(Ok(lines)) = tokio::time::timeout(QUICK, lines).await else { return Vec::new() };
        let text: String = lines.iter().map(ToString::to_string).collect();
        text.lines().map(|line| line.chars().filter(|c| !c.is_control()).take(LOG_LINE_CHARS).collect()).collect()
    }

    /// Whether it still runs; none with the exit code when it has ended by itself.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn exit_code(&self) -> Result<Option<i64>, Fault> {
        let asked = self.running.docker.inspect_container(&self.running.name, None::<InspectContainerOptions>);
        let state = quick("look after the container", asked).await?.state.unwrap_or_default();
        Ok(if state.running == Some(true) { None } else { state.exit_code.or(Some(-1)) })
    }

    async fn published(&self, what: &str, port: &str) -> Result<Option<u16>, Fault> {
        let asked = self.running.docker.inspect_container(&self.running.name, None::<InspectContainerOptions>);
        let ports = quick(what, asked).await?.network_settings.and_then(|network| network.ports).unwrap_or_default();
        let bound = ports
            .get(port)
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|binding| binding.host_port.as_deref()?.parse().ok());
        Ok(bound)
    }
}

/// The address to publish on, and the one to reach it by.
async fn place(what: &str, engine: &Endpoint) -> Result<(Ipv4Addr, IpAddr), Fault> {
    let here = Ok((Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST.into()));
    let host = match engine {
        Endpoint::Tcp(host, _) | Endpoint::Tls(host, ..) | Endpoint::Ssh(Login { host, .. }) => host,
        Endpoint::Unix(_) => return here,
    };
    if host.parse::<IpAddr>().map_or_else(|_| is_loopback(host), |address| address.is_loopback()) {
        return here;
    }
    let found = tokio::time::timeout(QUICK, tokio::net::lookup_host((host.as_str(), 0))).await;
    let address = match found {
        Ok(found) => found.map_err(|e| Fault::new(what, format!("{host}: {e}"), ""))?.find(SocketAddr::is_ipv4),
        Err(_) => None,
    };
    let missing = || Fault::new(what, format!("the engine's host {host} has no IPv4 address"), "check DOCKER_HOST");
    Ok((Ipv4Addr::UNSPECIFIED, address.ok_or_else(missing)?.ip()))
}

/// Gives the engine an image that was built without it.
async fn load(docker: &Docker, built: &Built) -> Result<String, Fault> {
    let what = format!("load {} into the Docker engine", built.repository);
    let layout = Layout::at(&built.layout);
    let manifest = one_of(docker, &what, layout.image(&built.digest)?.manifests).await?;
    let config = layout.read(&manifest.config.digest)?;
    let blobs = Blobs::new(&built.layout, &built.own, &built.bases, &built.access).await?;
    let open = move |layer| {
        let blobs = blobs.clone();
        async move { blobs.open(&layer, 0).await.map_err(io::Error::other) }
    };
    let body = bollard::body_try_stream(pack(config, manifest.layers, open));
    let options = ImportImageOptionsBuilder::new().quiet(true).build();
    let mut answers = std::pin::pin!(docker.import_image(options, body, None));
    loop {
        match tokio::time::timeout(LOAD, answers.next()).await {
            Ok(Some(answer)) => drop(answer.map_err(|e| engine::fault(&what, &e))?),
            Ok(None) => break,
            Err(_) => return Err(Fault::new(what, "the Docker engine was silent for 30 minutes", "")),
        }
    }
    // The engine names an image by its config.
    let id = manifest.config.digest;
    quick(&what, docker.inspect_image(&id)).await?;
    Ok(id)
}

/// The manifest for the engine's platform.
async fn one_of(docker: &Docker, what: &str, mut manifests: Vec<Listed>) -> Result<OciImageManifest, Fault> {
    if manifests.len() > 1 {
        let version = quick(what, docker.version()).await?;
        let own = [version.os, version.arch].map(Option::unwrap_or_default).join("/");
        manifests.retain(|listed| listed.platform == own);
        if manifests.is_empty() {
            let why = format!("the image is not for {own}, which the engine runs");
            return Err(Fault::new(what, why, "add the engine's platform to `platforms:`"));
        }
    }
    let first = manifests.into_iter().next().map(|listed| listed.manifest);
    first.ok_or_else(|| Fault::new(what, "its index lists no manifest", ""))
}

async fn quick<T>(what: &str, call: impl Future<Output = Result<T, bollard::errors::Error>>) -> Result<T, Fault> {
    match tokio::time::timeout(QUICK, call).await {
        Ok(done) => done.map_err(|e| engine::fault(what, &e)),
        Err(_) => Err(Fault::new(what, "the Docker engine did not answer in 60 s", "")),
    }
}

/// Names tell whose containers these are, and no two are the same on one machine.
fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("mlgate-{}-{}-{since:x}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

#[derive(Debug)]
struct Running {
    docker: Docker,
    name: String,
    /// False while the engine was asked to create it and has not answered.
    created: bool,
}

/// Removal needs a runtime, and the one that started the container may be ending: it gets one of its own.
impl Drop for Running {
    fn drop(&mut self) {
        let (docker, name, created) = (self.docker.clone(), self.name.clone(), self.created);
        let removal = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(remove(docker, &name, created));
        });
        let _ = removal.join();
    }
}

async fn remove(docker: Docker, name: &str, created: bool) {
    // A creation that was cancelled may still happen: the engine is asked again until it had the time for it.
    let attempts = if created { 1 } else { 10 };
    for attempt in 1..=attempts {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removal = docker.remove_container(name, Some(options));
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(20), removal).await {
            return;
        }
        if attempt < attempts {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_published_where_it_can_be_reached() {
        let here = (Ipv4Addr::LOCALHOST, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let tcp = |host: &str| Endpoint::Tcp(host.into(), 2375);
        for engine in [Endpoint::Unix("/var/run/docker.sock".into()), tcp("127.0.0.1"), tcp("localhost"), tcp("::1")] {
            assert_eq!(place("start", &engine).await.unwrap(), here, "{engine:?}");
        }
        let there = (Ipv4Addr::UNSPECIFIED, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
        assert_eq!(place("start", &tcp("192.0.2.7")).await.unwrap(), there);
    }
}
