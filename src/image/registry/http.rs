//! Sending a request to a registry: retries, and errors in the registry's own words.

use super::Repository;
use crate::image::access::Login;
use crate::model::{Fault, causes};
use crate::patience::{self, Pauses};
use oci_client::RegistryOperation;
use oci_client::secrets::RegistryAuth;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use std::time::Duration;

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A registry that asks for more patience than this is given up on.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Of an error's text.
const MESSAGE_BYTES: usize = 16 * 1024;

/// Why one attempt failed, and whether another one may do better.
pub(super) struct Trouble {
    pub(super) fault: Fault,
    pub(super) again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Again {
    Never,
    /// After the usual pause.
    Soon,
    /// After the pause that the registry asked for.
    After(Duration),
    /// After the usual pause, and with all attempts left: this one got further than the last.
    Anew,
    /// After the usual pause, from the beginning.
    Restart,
}

impl Again {
    /// An answer may be better next time where the server is busy or broken.
    pub(super) fn after(response: &Response) -> Again {
        let status = response.status();
        match status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            true => patience::asked(response.headers()).map_or(Again::Soon, Again::After),
            false => Again::Never,
        }
    }

    /// A lost connection may hold next time.
    pub(super) fn without(error: &reqwest::Error) -> Again {
        if error.is_builder() || error.is_redirect() { Again::Never } else { Again::Soon }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble { fault, again: Again::Never }
    }
}

/// Between attempts: how many there were in a row that got no further, and the pause before the next one.
pub(super) struct Patience(Pauses);

impl Patience {
    pub(super) fn new() -> Patience {
        Patience(Pauses::new(ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE))
    }

    /// Waits until the next attempt may begin.
    ///
    /// # Errors
    /// The trouble itself, when it is final, when these were five attempts, or when the registry asks for too much.
    pub(super) async fn wait(&mut self, trouble: Trouble) -> Result<(), Fault> {
        let Trouble { mut fault, again } = trouble;
        if again == Again::Anew {
            *self = Patience::new();
        }
        let asked = match again {
            Again::Never => return Err(fault),
            Again::After(asked) => Some(asked),
            Again::Soon | Again::Anew | Again::Restart => None,
        };
        let Some(pause) = self.0.next(asked) else {
            fault.why = format!("{} (tried {} times)", fault.why, self.0.attempts());
            return Err(fault);
        };
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

impl Repository {
    /// Sends one request once. Answers that may be better next time (connection lost, 429, 5xx) are trouble; every
    /// other answer, also an error, is the caller's to judge.
    pub(super) async fn call(
        &self,
        what: &str,
        operation: RegistryOperation,
        (method, url): (Method, &str),
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Trouble> {
        let mut refused = None;
        loop {
            let grant = self.grant(what, operation, refused.as_ref()).await?;
            let request = self.authorize(self.client.request(method.clone(), url), url, &grant);
            let response = finish(request).send().await.map_err(|e| self.unreachable(what, &e))?;
            if response.status() == StatusCode::UNAUTHORIZED && refused.is_none() {
                refused = Some(grant);
                continue;
            }
            return self.passable(what, response).await;
        }
    }

    /// As [`Repository::call`], retried.
    pub(super) async fn send(
        &self,
        what: &str,
        operation: RegistryOperation,
        (method, url): (Method, &str),
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Fault> {
        let mut patience = Patience::new();
        loop {
            match self.call(what, operation, (method.clone(), url), &finish).await {
                Ok(response) => return Ok(response),
                Err(trouble) => patience.wait(trouble).await?,
            }
        }
    }

    pub(super) async fn passable(&self, what: &str, response: Response) -> Result<Response, Trouble> {
        match Again::after(&response) {
            Again::Never => Ok(response),
            again => Err(Trouble { fault: self.refused(what, response).await, again }),
        }
    }

    /// A fault for an answer that is not what was hoped for, with the registry's message.
    pub(super) async fn refused(&self, what: &str, response: Response) -> Fault {
        let status = response.status();
        let text = beginning(response).await;
        let why = match message(&text) {
            text if text.is_empty() => format!("{} answered {status}", self.registry()),
            text => format!("{} answered {status}: {text}", self.registry()),
        };
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.login_hint(),
            StatusCode::NOT_FOUND => format!("does the repository {} exist?", self.name()),
            StatusCode::PAYLOAD_TOO_LARGE => "the registry, or a proxy before it, limits the size of a layer".into(),
            _ => String::new(),
        };
        Fault::new(what, why, hint)
    }

    pub(super) fn login_hint(&self) -> String {
        let registry = self.registry();
        match (&self.login, registry) {
            (Login::Plain(RegistryAuth::Anonymous), "ghcr.io") => {
                "no credentials were found: run `docker login ghcr.io`, or set GITHUB_TOKEN with `packages: write`"
                    .into()
            }
            (Login::Plain(RegistryAuth::Anonymous), _) => {
                format!("no credentials were found: run `docker login {registry}`")
            }
            (Login::Plain(_), "ghcr.io") => "the token needs the permission `packages: write`".into(),
            // Azure's are sold by its own program, and for three hours.
            (Login::Identity(_), _) if registry.ends_with(".azurecr.io") => {
                let name = registry.trim_end_matches(".azurecr.io");
                format!("run `az acr login --name {name}` again, and check the rights of the account")
            }
            _ => format!("check the rights of the account, or run `docker login {registry}` again"),
        }
    }

    pub(super) fn unreachable(&self, what: &str, error: &reqwest::Error) -> Trouble {
        let registry = self.registry();
        let why = format!("cannot talk to the registry {registry}: {}", causes(error));
        let hint = match self.scheme {
            "https" => "is it up? a registry that speaks plain HTTP needs `insecure: true`",
            _ => "is it up, and is this its address?",
        };
        Trouble { fault: Fault::new(what, why, hint), again: Again::without(error) }
    }
}

/// The start of an error's text, as far as it arrives.
pub(super) async fn beginning(mut response: Response) -> Vec<u8> {
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        text.extend_from_slice(&chunk);
        if text.len() >= MESSAGE_BYTES {
            text.truncate(MESSAGE_BYTES);
            break;
        }
    }
    text
}

/// The errors of a body as the distribution specification has them, else the start of the text, on one line.
pub(super) fn message(body: &[u8]) -> String {
    if let Ok(envelope) = serde_json::from_slice::<oci_client::errors::OciEnvelope>(body) {
        let told = envelope.errors.iter().map(|error| match serde_json::to_value(&error.code) {
            Ok(serde_json::Value::String(code)) if error.message.is_empty() => code,
            Ok(serde_json::Value::String(code)) => format!("{code}: {}", error.message),
            _ => error.message.clone(),
        });
        return told.collect::<Vec<_>>().join("; ");
    }
    let text = String::from_utf8_lossy(body);
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    text.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_registrys_own() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no push","detail":null},{"code":"QUOTA"}]}"#;
        assert_eq!(message(body), "DENIED: no push; QUOTA");
        assert_eq!(message(b"<h1>Bad\n gateway</h1>\x1b"), "<h1>Bad  gateway</h1>");
    }

    #[tokio::test]
    async fn only_what_may_get_better_is_tried_again() {
        let trouble = |again| Trouble { fault: Fault::new("w", "y", ""), again };
        for (again, expected) in
            [(Again::Never, 1), (Again::After(Duration::ZERO), ATTEMPTS), (Again::After(Duration::from_secs(31)), 1)]
        {
            let (mut patience, mut tried) = (Patience::new(), 1);
            while tried < 10 && patience.wait(trouble(again)).await.is_ok() {
                tried += 1;
            }
            assert_eq!(tried, expected, "{again:?}");
        }
    }
}
