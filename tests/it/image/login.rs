//! What a credential helper says, as `docker-credential-acr-env` and Docker Desktop's keychains do.

use crate::stand_in::{send, serve};
use crate::support::mlgate;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.of-the-keychain.c2ln";

#[test]
fn a_helpers_identity_token_opens_the_registry_and_is_never_seen() {
    static HOST: OnceLock<String> = OnceLock::new();
    let (base, log) = serve(|asked, stream| match asked.path.split('?').next().unwrap_or_default() {
        // Refuses the second one, and quotes it.
        "/token" if asked.before > 0 => send(stream, "400 Bad Request", "", None, &asked.body),
        "/token" => send(stream, "200 OK", "", None, r#"{"access_token": "bought"}"#),
        _ if asked.headers.get("authorization").is_some_and(|sent| sent == "Bearer bought") => {
            send(stream, "404 Not Found", "", Some(0), "");
        }
        _ => {
            let host = HOST.get().map(String::as_str).unwrap_or_default();
            let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"{host}\"\r\n");
            send(stream, "401 Unauthorized", &challenge, Some(0), "");
        }
    });
    let host = HOST.get_or_init(|| base.trim_start_matches("http://").to_string());
    let home = tempfile::tempdir().unwrap();
    let helper = home.path().join("docker-credential-keychain");
    // A helper is told the registry and answers in JSON; this user name stands for an identity token.
    let answer = format!(r#"{{"ServerURL":"'$registry'","Username":"<token>","Secret":"{TOKEN}"}}"#);
    fs::write(&helper, format!("#!/bin/sh\nread -r registry\n[ \"$1\" = get ] && echo '{answer}'\n")).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let config = serde_json::json!({"credHelpers": {host: "keychain"}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let list = || {
        let path = format!("{}:{}", home.path().display(), std::env::var("PATH").unwrap());
        let mut command = mlgate(home.path());
        command.args(["record", "list", &format!("{host}/acme/churn:v1")]).env("DOCKER_CONFIG", home.path());
        let done = command.env("PATH", path).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (code, said) = list();
    assert!(code == Some(4) && said.contains("the registry has no such tag"), "{code:?}: {said}");
    let sold = log.lock().unwrap().iter().find(|asked| asked.path == "/token").unwrap().body.clone();
    assert!(sold.ends_with(&format!("&grant_type=refresh_token&client_id=mlgate&refresh_token={TOKEN}")), "{sold}");

    let (code, said) = list();
    assert!(code == Some(4) && said.contains("refused the identity token"), "{code:?}: {said}");
    assert!(said.contains("refresh_token=***") && !said.contains(TOKEN), "{said}");
}
