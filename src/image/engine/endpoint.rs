//! Which engine is meant, by the rules of the Docker CLI: `DOCKER_HOST`, else the context that `DOCKER_CONTEXT` or
//! Docker's configuration names, else the first socket that exists.

use crate::digest;
use crate::image::access::{Access, Named};
use crate::model::Fault;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::image) enum Endpoint {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String, u16),
    /// Host, port and the folder with `ca.pem`, `cert.pem` and `key.pem`.
    Tls(String, u16, PathBuf),
    Ssh(Login),
}

/// `ssh://USER@HOST:PORT/SOCKET`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::image) struct Login {
    pub(in crate::image) user: Option<String>,
    pub(in crate::image) host: String,
    pub(in crate::image) port: Option<u16>,
    /// The engine's socket there, where it is not the usual one.
    pub(in crate::image) socket: Option<String>,
}

/// An endpoint, and what was asked for in words.
pub(in crate::image) type Meant = (Endpoint, String);

/// Finds the engine that is meant.
///
/// # Errors
/// An address or a context that cannot be read, or that asks for TLS without a look at whom it is spoken with.
pub(in crate::image) fn meant(access: &Access) -> Result<Meant, Fault> {
    let named = &access.engine;
    if let Some(host) = &named.host {
        let what = || format!("reach the Docker engine at {host}, which DOCKER_HOST names");
        if named.unverified && !named.verified {
            let why = "DOCKER_TLS without DOCKER_TLS_VERIFY would trust whoever answers";
            return Err(Fault::new(what(), why, "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"));
        }
        let certificates = named.certificates.clone().filter(|_| named.verified);
        return Ok((read(host, certificates).map_err(|why| Fault::new(what(), why, FORMS))?, host.clone()));
    }
    if let Some((name, by)) = context(named)? {
        return of_context(&name, &by, named);
    }
    let usual = PathBuf::from("/var/run/docker.sock");
    let found = access.sockets.iter().find(|socket| socket.exists()).unwrap_or(&usual).clone();
    let shown = format!("unix://{}", found.display());
    Ok((Endpoint::Unix(found), shown))
}

const FORMS: &str = "write unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host";

/// The context's name, and who names it; none where it is the default one.
fn context(named: &Named) -> Result<Option<(String, String)>, Fault> {
    if let Some(name) = &named.context {
        return Ok(Some((name.clone(), "DOCKER_CONTEXT".to_string())).filter(|(name, _)| name != "default"));
    }
    let Some(file) = named.folder.as_ref().map(|folder| folder.join("config.json")) else { return Ok(None) };
    let text = match std::fs::read(&file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|e| Fault::new(format!("read {}", file.display()), e, ""))?,
    };
    let config: Value =
        serde_json::from_slice(&text).map_err(|e| Fault::new(format!("read {}", file.display()), e, ""))?;
    let name = config["currentContext"].as_str().filter(|name| !name.is_empty() && *name != "default");
    Ok(name.map(|name| (name.to_string(), file.display().to_string())))
}

fn of_context(name: &str, by: &str, named: &Named) -> Result<Meant, Fault> {
    let what = format!("read the Docker context `{name}`, which {by} names");
    let hint = "`docker context ls` lists those that are there";
    let folder =
        named.folder.as_ref().ok_or_else(|| Fault::new(&what, "there is no folder of Docker's", "set HOME"))?;
    // The files of a context lie under the hash of its name.
    let id = digest::of(name.as_bytes()).trim_start_matches("sha256:").to_string();
    let file = folder.join("contexts/meta").join(&id).join("meta.json");
    let text = std::fs::read(&file).map_err(|e| Fault::new(&what, format!("{}: {e}", file.display()), hint))?;
    let meta: Value =
        serde_json::from_slice(&text).map_err(|e| Fault::new(&what, format!("{}: {e}", file.display()), hint))?;
    let endpoint = &meta["Endpoints"]["docker"];
    if endpoint["SkipTLSVerify"] == true {
        let why = "it skips the check of the engine's certificate, and would trust whoever answers";
        return Err(Fault::new(&what, why, "`docker context update` it with `ca=…`"));
    }
    let host = endpoint["Host"].as_str().unwrap_or_default();
    let certificates = folder.join("contexts/tls").join(&id).join("docker");
    let certificates = Some(certificates).filter(|folder| folder.is_dir());
    let endpoint = read(host, certificates).map_err(|why| Fault::new(&what, why, hint))?;
    Ok((endpoint, format!("{host} (context `{name}`)")))
}

/// Reads an address; with certificates, TLS is spoken over tcp.
fn read(address: &str, certificates: Option<PathBuf>) -> Result<Endpoint, String> {
    let wrong = |why: &str| format!("`{address}` {why}");
    let (scheme, rest) = address.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
    match scheme {
        "unix" if Path::new(rest).is_absolute() => Ok(Endpoint::Unix(rest.into())),
        "unix" => Err(wrong("names no absolute path")),
        "tcp" | "http" | "https" => {
            let default = if certificates.is_some() { 2376 } else { 2375 };
            let (host, port) =
                host_and_port(rest.trim_end_matches('/')).ok_or_else(|| wrong("names no host and port"))?;
            match certificates {
                Some(folder) => Ok(Endpoint::Tls(host, port.unwrap_or(default), folder)),
                None if scheme == "https" => {
                    Err(wrong("asks for TLS, which DOCKER_TLS_VERIFY and DOCKER_CERT_PATH set up"))
                }
                None => Ok(Endpoint::Tcp(host, port.unwrap_or(default))),
            }
        }
        "ssh" => {
            let (login, socket) = rest.split_once('/').map_or((rest, None), |(login, socket)| (login, Some(socket)));
            let (user, host) = login.rsplit_once('@').map_or((None, login), |(user, host)| (Some(user), host));
            let (host, port) = host_and_port(host).ok_or_else(|| wrong("names no host"))?;
            // What the shell over there would read as more than a word, or ssh here as an option.
            let is_word = |text: &str| {
                let plain = |c: char| c.is_ascii_alphanumeric() || "._-/[]:".contains(c);
                !text.starts_with('-') && !text.is_empty() && text.chars().all(plain)
            };
            if user.is_some_and(|user| user.contains(':')) {
                return Err("an ssh address with a password: ssh takes none; use a key".into());
            }
            let socket = socket.filter(|socket| !socket.is_empty()).map(|socket| format!("/{socket}"));
            if !is_word(&host) || !user.is_none_or(is_word) || !socket.as_deref().is_none_or(is_word) {
                return Err(wrong("holds other characters than names and paths have"));
            }
            Ok(Endpoint::Ssh(Login { user: user.map(str::to_string), host, port, socket }))
        }
        _ => Err(wrong("is of a kind that mlgate does not speak")),
    }
}

/// `host`, `host:port`, `[::1]:port`; the host without brackets.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port =
        port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0)).map_or(Some(None), |port| port.map(Some))?;
    (!host.is_empty() && !host.contains(['/', '@', ' '])).then(|| (host.to_string(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(pairs: &[(&str, &str)]) -> Access {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        Access::from_lookup(move |name| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }

    fn context(folder: &Path, name: &str, meta: &str, tls: bool) {
        let id = digest::of(name.as_bytes()).replace("sha256:", "");
        let meta_folder = folder.join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta_folder).unwrap();
        std::fs::write(meta_folder.join("meta.json"), meta).unwrap();
        if tls {
            std::fs::create_dir_all(folder.join("contexts/tls").join(&id).join("docker")).unwrap();
        }
    }

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        let tls = || Some(PathBuf::from("/certs"));
        let ssh = |user: Option<&str>, host: &str, port, socket: Option<&str>| {
            let (user, socket) = (user.map(str::to_string), socket.map(str::to_string));
            Ok(Endpoint::Ssh(Login { user, host: host.into(), port, socket }))
        };
        for (address, certificates, expected) in [
            ("unix:///run/docker.sock", None, Ok(Endpoint::Unix("/run/docker.sock".into()))),
            ("tcp://docker:2375", None, Ok(Endpoint::Tcp("docker".into(), 2375))),
            ("tcp://docker", None, Ok(Endpoint::Tcp("docker".into(), 2375))),
            ("tcp://[::1]:99/", None, Ok(Endpoint::Tcp("::1".into(), 99))),
            ("tcp://docker", tls(), Ok(Endpoint::Tls("docker".into(), 2376, "/certs".into()))),
            ("https://docker:1", tls(), Ok(Endpoint::Tls("docker".into(), 1, "/certs".into()))),
            ("ssh://ann@build", None, ssh(Some("ann"), "build", None, None)),
            (
                "ssh://build:2222/run/user/1000/docker.sock",
                None,
                ssh(None, "build", Some(2222), Some("/run/user/1000/docker.sock")),
            ),
        ] {
            assert_eq!(read(address, certificates), expected, "{address}");
        }
        for (address, why) in [
            ("/var/run/docker.sock", "no scheme"),
            ("unix://docker.sock", "no absolute path"),
            ("tcp://", "no host"),
            ("tcp://docker:0", "no host and port"),
            ("tcp://docker:port", "no host and port"),
            ("https://docker:1", "DOCKER_TLS_VERIFY"),
            ("npipe:////./pipe/docker_engine", "does not speak"),
            ("ssh://-oProxyCommand=x", "other characters"),
            ("ssh://ann@build/$(reboot)", "other characters"),
            ("ssh://ann:word@build", "password"),
            ("ssh://", "no host"),
        ] {
            let told = read(address, None).unwrap_err();
            assert!(told.contains(why) && !told.contains(":word"), "{address}: {told}");
        }
    }

    #[test]
    fn the_host_goes_before_the_context_and_the_variable_before_the_configuration() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().display().to_string();
        let meta = |host: &str| format!("{{\"Name\": \"x\", \"Endpoints\": {{\"docker\": {{\"Host\": \"{host}\"}}}}}}");
        context(home.path(), "one", &meta("tcp://one:2376"), true);
        context(home.path(), "two", &meta("ssh://two"), false);
        context(home.path(), "blind", &meta("tcp://x").replace("\"Host\"", "\"SkipTLSVerify\": true, \"Host\""), false);
        std::fs::write(home.path().join("config.json"), "{\"currentContext\": \"one\"}").unwrap();
        let of = |pairs: &[(&str, &str)]| meant(&lookup(&[pairs, &[("DOCKER_CONFIG", folder.as_str())]].concat()));
        assert!(matches!(of(&[]).unwrap(), (Endpoint::Tls(host, 2376, _), _) if host == "one"));
        assert!(matches!(of(&[("DOCKER_CONTEXT", "two")]).unwrap().0, Endpoint::Ssh(_)));
        assert!(matches!(of(&[("DOCKER_CONTEXT", "default")]).unwrap().0, Endpoint::Unix(_)));
        let host = [("DOCKER_HOST", "unix:///x.sock"), ("DOCKER_CONTEXT", "two")];
        assert_eq!(of(&host).unwrap().0, Endpoint::Unix("/x.sock".into()));
        let secure = [("DOCKER_HOST", "tcp://a:1"), ("DOCKER_TLS_VERIFY", "1")];
        assert!(matches!(of(&secure).unwrap().0, Endpoint::Tls(_, 1, certificates) if certificates == home.path()));
        let other = [secure[0], secure[1], ("DOCKER_CERT_PATH", "/certs")];
        assert!(
            matches!(of(&other).unwrap().0, Endpoint::Tls(_, _, certificates) if certificates == Path::new("/certs"))
        );

        let fault = of(&[("DOCKER_CONTEXT", "none")]).unwrap_err();
        assert!(
            fault.what.contains("`none`, which DOCKER_CONTEXT names") && fault.hint.contains("context ls"),
            "{fault}"
        );
        assert!(of(&[("DOCKER_CONTEXT", "blind")]).unwrap_err().why.contains("trust whoever answers"));
        let blind = [("DOCKER_HOST", "tcp://a:1"), ("DOCKER_TLS", "1")];
        assert!(of(&blind).unwrap_err().why.contains("trust whoever answers"));
        std::fs::write(home.path().join("config.json"), "{").unwrap();
        assert!(of(&[]).unwrap_err().what.contains("config.json"), "what cannot be read names no engine");
    }
}
