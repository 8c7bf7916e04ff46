//! How the Docker engine and the registries are reached, and with which credentials. Environment variables are not
//! read here: their values come in through a lookup.

use crate::model::Fault;
use docker_credential::{CredentialRetrievalError as Missing, DockerCredential};
use oci_client::secrets::RegistryAuth;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A credential helper is another program; one that asks on a terminal that is not there never answers.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the engine is and where credentials are found. The default knows none of them: the engine at its usual
/// socket, registries anonymously.
#[derive(Clone, Default)]
pub struct Access {
    pub(super) engine: Named,
    /// Sockets tried in turn when no engine is named.
    pub(super) sockets: Vec<PathBuf>,
    /// Docker's `config.json`.
    docker_config: Option<PathBuf>,
    github_token: Option<String>,
    github_actor: Option<String>,
}

/// What the environment says of the engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// `DOCKER_HOST`: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`, `ssh://ann@build`.
    pub(super) host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub(super) context: Option<String>,
    /// `DOCKER_TLS_VERIFY`: TLS is spoken with `DOCKER_HOST`.
    pub(super) verified: bool,
    /// `DOCKER_TLS`: TLS, and nobody looks with whom.
    pub(super) unverified: bool,
    /// `DOCKER_CERT_PATH`, else Docker's folder.
    pub(super) certificates: Option<PathBuf>,
    /// Docker's folder, with its configuration and its contexts.
    pub(super) folder: Option<PathBuf>,
}

impl Access {
    /// Reads what `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`, `DOCKER_CONFIG`, `HOME`, `XDG_RUNTIME_DIR`, `GITHUB_TOKEN` and `GITHUB_ACTOR` say.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Access {
        let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let home = given("HOME").map(PathBuf::from);
        let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
        let runtime = given("XDG_RUNTIME_DIR").map(PathBuf::from);
        sockets.extend(runtime.as_ref().map(|dir| dir.join("docker.sock")));
        sockets.extend(home.as_ref().map(|home| home.join(".docker/run/docker.sock")));
        sockets.push(PathBuf::from("/run/podman/podman.sock"));
        sockets.extend(runtime.as_ref().map(|dir| dir.join("podman/podman.sock")));
        let folder = given("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home?.join(".docker")));
        Access {
            engine: Named {
                host: given("DOCKER_HOST"),
                context: given("DOCKER_CONTEXT"),
                verified: given("DOCKER_TLS_VERIFY").is_some(),
                unverified: given("DOCKER_TLS").is_some(),
                certificates: given("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| folder.clone()),
                folder: folder.clone(),
            },
            sockets,
            docker_config: folder.map(|folder| folder.join("config.json")),
            github_token: given("GITHUB_TOKEN"),
            github_actor: given("GITHUB_ACTOR"),
        }
    }

    /// Credentials for a registry: Docker's configuration, then `GITHUB_TOKEN` for ghcr.io, else none.
    ///
    /// # Errors
    /// A configuration that is there but cannot be used: going on anonymously would fail later and tell less.
    pub(super) async fn credentials(&self, registry: &str) -> Result<RegistryAuth, Fault> {
        let what = || format!("find credentials for {registry}");
        if let Some(file) = self.docker_config.clone().filter(|file| file.is_file()) {
            // Docker Hub has two names, and a third one in Docker's configuration.
            let key = match registry {
                "docker.io" | "index.docker.io" => "https://index.docker.io/v1/".to_string(),
                other => other.to_string(),
            };
            let name = file.display().to_string();
            let asked = tokio::task::spawn_blocking(move || {
                let reader = std::fs::File::open(&file).map_err(|_| Missing::ConfigReadError)?;
                docker_credential::get_credential_from_reader(std::io::BufReader::new(reader), &key)
            });
            let found = match tokio::time::timeout(HELPER_TIMEOUT, asked).await {
                Ok(Ok(found)) => found,
                Ok(Err(stopped)) => return Err(Fault::new(what(), stopped, "")),
                Err(_) => {
                    let why = format!("the credential helper named in {name} did not answer in 30 s");
                    return Err(Fault::new(what(), why, "run `docker login` again, or remove the helper"));
                }
            };
            match found {
                Ok(DockerCredential::UsernamePassword(user, password)) => {
                    return Ok(RegistryAuth::Basic(user, password));
                }
                Ok(DockerCredential::IdentityToken(_)) => {
                    let why = format!("{name} holds an identity token, which mlgate cannot use yet");
                    return Err(Fault::new(what(), why, "log in with a user name and a password or access token"));
                }
                Err(Missing::NoCredentialConfigured) => {}
                // A helper that knows nothing of this registry also ends with a failure; its output is not shown,
                // because it may hold a secret.
                Err(Missing::HelperFailure { .. }) => {}
                Err(other) => {
                    let why = format!("{name}: {other}");
                    return Err(Fault::new(what(), why, format!("run `docker login {registry}` again")));
                }
            }
        }
        match &self.github_token {
            Some(token) if registry == "ghcr.io" => {
                let user = self.github_actor.clone().unwrap_or_else(|| "x-access-token".to_string());
                Ok(RegistryAuth::Basic(user, token.clone()))
            }
            _ => Ok(RegistryAuth::Anonymous),
        }
    }
}

/// The token is never shown.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("engine", &self.engine)
            .field("docker_config", &self.docker_config)
            .field("github_token", &self.github_token.as_ref().map(|_| "<redacted>"))
            .finish_non_exhaustive()
    }
}

/// Whether a registry's `host[:port]` is this machine: plain HTTP is spoken with it, as Docker does.
pub(super) fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => registry,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(home: &std::path::Path, token: Option<&str>) -> Access {
        let (home, token) = (home.display().to_string(), token.map(str::to_string));
        Access::from_lookup(move |name| match name {
            "HOME" => Some(home.clone()),
            "GITHUB_TOKEN" => token.clone(),
            _ => None,
        })
    }

    #[tokio::test]
    async fn docker_config_wins_over_the_github_token_and_no_token_leaves_github() {
        let home = tempfile::tempdir().unwrap();
        let token = "ghs_secret";
        let of = |access: Access, registry: &'static str| async move { access.credentials(registry).await };
        let github = RegistryAuth::Basic("x-access-token".into(), token.into());
        assert_eq!(of(access(home.path(), Some(token)), "ghcr.io").await, Ok(github));
        assert_eq!(of(access(home.path(), Some(token)), "example.com").await, Ok(RegistryAuth::Anonymous));

        std::fs::create_dir(home.path().join(".docker")).unwrap();
        // `ann:word` in base64.
        let config = r#"{"auths": {
            "ghcr.io": {"auth": "YW5uOndvcmQ="}, "https://index.docker.io/v1/": {"auth": "YW5uOndvcmQ="}}}"#;
        std::fs::write(home.path().join(".docker/config.json"), config).unwrap();
        let ann = RegistryAuth::Basic("ann".into(), "word".into());
        assert_eq!(of(access(home.path(), Some(token)), "ghcr.io").await, Ok(ann.clone()));
        assert_eq!(of(access(home.path(), None), "docker.io").await, Ok(ann));

        std::fs::write(home.path().join(".docker/config.json"), "{").unwrap();
        let fault = of(access(home.path(), Some(token)), "ghcr.io").await.unwrap_err();
        assert!(fault.why.contains("config.json"), "{fault}");
        assert!(!format!("{:?}", access(home.path(), Some(token))).contains(token));
    }

    #[test]
    fn loopback_is_known_by_address_not_by_prefix() {
        for yes in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.0.1", "[::1]:5000"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in ["localhost.example.com", "127.0.0.1.example.com:80", "ghcr.io", "10.0.0.1:5000"] {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
