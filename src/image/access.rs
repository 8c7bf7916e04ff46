//! How the Docker engine and the registries are reached, and with which credentials. Environment variables are not
//! read here: their values come in through a lookup.

use crate::config::{BuildSecret, SecretFrom};
use crate::model::Fault;
use crate::secret::{self, Secret};
use docker_credential::{CredentialRetrievalError as Missing, DockerCredential};
use oci_client::secrets::RegistryAuth;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A credential helper is another program; one that asks on a terminal that is not there never answers.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes.
const LONGEST_SECRET: usize = 500 << 10;

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
    /// `DOCKER_BUILDKIT=0`
    pub(super) is_classic: bool,
    /// `SSH_AUTH_SOCK`
    pub(super) ssh_agent: Option<PathBuf>,
    /// Looks up what the secrets of a build are, by the names in `mlops.yaml`.
    variables: Option<Arc<Lookup>>,
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What a registry is told of who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Nobody, or a user name and a password.
    Plain(RegistryAuth),
    /// What `docker login` and `az acr login` leave of an account: tokens are had for it, and nothing else.
    Identity(Secret),
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
    /// Reads what `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`, `DOCKER_CONFIG`, `HOME`, `XDG_RUNTIME_DIR`,
    /// `GITHUB_TOKEN`, `GITHUB_ACTOR`, `DOCKER_BUILDKIT` and `SSH_AUTH_SOCK` say.
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
            is_classic: given("DOCKER_BUILDKIT").is_some_and(|value| ["0", "false"].contains(&value.as_str())),
            ssh_agent: given("SSH_AUTH_SOCK").map(PathBuf::from),
            variables: None,
        }
    }

    /// With the variables that secrets of a build may come from.
    pub fn with_variables(self, lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Access {
        Access { variables: Some(Arc::new(lookup)), ..self }
    }

    /// The value of a build's secret, which is seen nowhere from now on. `root` is what its file is relative to.
    ///
    /// # Errors
    /// There is none, it is longer than BuildKit takes, or no command may see it; in words.
    pub(super) fn build_secret(&self, root: &Path, secret: &BuildSecret) -> Result<Vec<u8>, String> {
        let id = &secret.id;
        let value = match &secret.from {
            // Whoever changes the Dockerfile must not sign what it makes.
            SecretFrom::Variable(name) if secret::withheld().contains(&name.as_str()) => {
                return Err(format!(
                    "the secret {id} comes from {name}, which is kept from everything that a run starts"
                ));
            }
            SecretFrom::Variable(name) => {
                let found = self.variables.as_ref().and_then(|lookup| lookup(name));
                found.ok_or_else(|| format!("the secret {id} comes from {name}, which is not set"))?.into_bytes()
            }
            SecretFrom::File(path) => {
                let path = root.join(path);
                let wrong = |why: &dyn fmt::Display| format!("the secret {id} comes from {}: {why}", path.display());
                let real = path.canonicalize().map_err(|e| wrong(&e))?;
                // What the kernel tells of processes, the environment of this one among it.
                if !real.is_file() || real.starts_with("/proc") {
                    return Err(wrong(&"it is no file on a disk"));
                }
                std::fs::read(&real).map_err(|e| wrong(&e))?
            }
        };
        if value.is_empty() || value.len() > LONGEST_SECRET {
            return Err(format!("the secret {id} has {} bytes, and BuildKit takes 1 to {LONGEST_SECRET}", value.len()));
        }
        secret::hide([String::from_utf8_lossy(&value).into_owned()]);
        Ok(value)
    }

    /// Credentials for a registry: Docker's configuration, then `GITHUB_TOKEN` for ghcr.io, else none.
    ///
    /// # Errors
    /// A configuration that is there but cannot be used: going on anonymously would fail later and tell less.
    pub(super) async fn login(&self, registry: &str) -> Result<Login, Fault> {
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
                    secret::hide([password.clone()]);
                    return Ok(Login::Plain(RegistryAuth::Basic(user, password)));
                }
                Ok(DockerCredential::IdentityToken(token)) => {
                    let empty = || {
                        let why = format!("the identity token in {name} is empty");
                        Fault::new(what(), why, format!("run `docker login {registry}` again"))
                    };
                    let token = Secret::new(token).ok_or_else(empty)?;
                    secret::hide([token.expose().to_string()]);
                    return Ok(Login::Identity(token));
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
                Ok(Login::Plain(RegistryAuth::Basic(user, token.clone())))
            }
            _ => Ok(Login::Plain(RegistryAuth::Anonymous)),
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
        let of = |access: Access, registry: &'static str| async move { access.login(registry).await };
        let basic = |user: &str, password: &str| Login::Plain(RegistryAuth::Basic(user.into(), password.into()));
        let anonymous = Login::Plain(RegistryAuth::Anonymous);
        assert_eq!(of(access(home.path(), Some(token)), "ghcr.io").await, Ok(basic("x-access-token", token)));
        assert_eq!(of(access(home.path(), Some(token)), "example.com").await, Ok(anonymous));

        std::fs::create_dir(home.path().join(".docker")).unwrap();
        // `ann:word` in base64.
        let config = r#"{"auths": {
            "ghcr.io": {"auth": "YW5uOndvcmQ="}, "https://index.docker.io/v1/": {"auth": "YW5uOndvcmQ="}}}"#;
        std::fs::write(home.path().join(".docker/config.json"), config).unwrap();
        let ann = basic("ann", "word");
        assert_eq!(of(access(home.path(), Some(token)), "ghcr.io").await, Ok(ann.clone()));
        assert_eq!(of(access(home.path(), None), "docker.io").await, Ok(ann));

        std::fs::write(home.path().join(".docker/config.json"), "{").unwrap();
        let fault = of(access(home.path(), Some(token)), "ghcr.io").await.unwrap_err();
        assert!(fault.why.contains("config.json"), "{fault}");
        assert!(!format!("{:?}", access(home.path(), Some(token))).contains(token));
    }

    /// As `az acr login` writes it: the account's number without a password, and the token that counts.
    #[tokio::test]
    async fn an_identity_token_wins_over_the_user_beside_it_and_is_never_shown() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".docker")).unwrap();
        let user = "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==";
        let config = format!(
            r#"{{"auths": {{"a.azurecr.io": {{"auth": "{user}", "identitytoken": "header.claims.sign"}},
                "b.azurecr.io": {{"auth": "{user}", "identitytoken": " "}}}}}}"#
        );
        std::fs::write(home.path().join(".docker/config.json"), config).unwrap();
        let access = access(home.path(), None);
        let login = access.login("a.azurecr.io").await.unwrap();
        assert_eq!(login, Login::Identity(Secret::new("header.claims.sign").unwrap()));
        assert_eq!(format!("{login:?}"), "Identity(***)");
        assert_eq!(secret::strike_out("header.claims.sign"), "***");
        let fault = access.login("b.azurecr.io").await.unwrap_err();
        assert!(fault.why.contains("identity token in") && fault.why.ends_with("is empty"), "{fault}");
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
