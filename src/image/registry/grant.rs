//! What a registry asks for before it answers: nothing, a password, or a token from its token server. For a password, or
//! for nothing, tokens are had by <https://distribution.github.io/distribution/spec/auth/token/>; for an identity token by
//! <https://distribution.github.io/distribution/spec/auth/oauth/>.

use super::Repository;
use super::http::{Again, Trouble, beginning, message};
use crate::image::access::Login;
use crate::model::{Fault, causes};
use crate::secret::{Secret, strike_out};
use http_auth::{ChallengeParser, ChallengeRef};
use oci_client::RegistryOperation;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{HeaderMap, LOCATION, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

/// Who asks, for the logs of a token server.
const CLIENT: &str = "mlgate";
/// Of a token server's answer. Tokens that name many groups have some tens of thousands.
const ANSWER_BYTES: usize = 1 << 20;

/// What a registry asked for, found out at the first request and renewed when it has run out.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) enum Grant {
    #[default]
    Unknown,
    Anonymous,
    Basic,
    Bearer(Secret),
}

/// What stands at the registry's door.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    None,
    Basic,
    Bearer { realm: String, service: Option<String> },
}

impl Repository {
    /// Credentials go to the registry they belong to and nowhere else: an upload address may name another host.
    pub(super) fn authorize(&self, request: RequestBuilder, url: &str, grant: &Grant) -> RequestBuilder {
        let origin = |url: &str| Url::parse(url).map(|url| url.origin());
        let own = matches!((origin(url), origin(&self.url(""))), (Ok(one), Ok(other)) if one == other);
        match (grant, &self.login) {
            (Grant::Bearer(token), _) if own => request.bearer_auth(token.expose()),
            (Grant::Basic, Login::Plain(RegistryAuth::Basic(user, password))) if own => {
                request.basic_auth(user, Some(password))
            }
            _ => request,
        }
    }

    /// What to ask with; `refused` is what was not enough. Requests that were refused at the same time renew it once.
    pub(super) async fn grant(
        &self,
        what: &str,
        operation: RegistryOperation,
        refused: Option<&Grant>,
    ) -> Result<Grant, Trouble> {
        let slot = match operation {
            RegistryOperation::Push => &self.granted[0],
            RegistryOperation::Pull => &self.granted[1],
        };
        let mut grant = slot.lock().await;
        let is_refused = refused.is_some_and(|refused| *refused == *grant);
        let has_password = matches!(self.login, Login::Plain(RegistryAuth::Basic(..)));
        *grant = match &*grant {
            // It asked for nothing at the door, and insists now.
            Grant::Anonymous if is_refused && has_password => Grant::Basic,
            Grant::Unknown => self.knock(what, operation).await?,
            Grant::Bearer(_) if is_refused => self.knock(what, operation).await?,
            other => other.clone(),
        };
        Ok(grant.clone())
    }

    async fn knock(&self, what: &str, operation: RegistryOperation) -> Result<Grant, Trouble> {
        let door = format!("{}://{}/v2/", self.scheme, self.reference.resolve_registry());
        let response = self.client.get(door).send().await.map_err(|e| self.unreachable(what, &e))?;
        let response = self.passable(what, response).await?;
        match (challenge(response.headers()), &self.login) {
            (Challenge::Bearer { realm, service }, _) => {
                let realm = self.realm(what, &realm)?;
                self.token(what, operation, realm, service).await.map(Grant::Bearer)
            }
            (Challenge::Basic, Login::Plain(RegistryAuth::Basic(..))) => Ok(Grant::Basic),
            (Challenge::Basic, Login::Identity(_)) => {
                let why = format!("{} takes passwords alone, and an identity token is known for it", self.registry());
                Err(Fault::new(what, why, self.login_hint()).into())
            }
            (Challenge::Basic | Challenge::None, _) => Ok(Grant::Anonymous),
        }
    }

    /// The token server's address.
    ///
    /// # Errors
    /// It is none, or what is secret would go there unencrypted although the registry itself is spoken to in TLS.
    pub(super) fn realm(&self, what: &str, realm: &str) -> Result<Url, Fault> {
        let registry = self.registry();
        let url = Url::parse(realm).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.ok_or_else(|| {
            let why = format!("{registry} sends for its tokens to `{realm}`, which is no address");
            Fault::new(what, why, "whoever runs the registry sets it as the realm of its tokens")
        })?;
        let is_secret = self.login != Login::Plain(RegistryAuth::Anonymous);
        if is_secret && self.scheme == "https" && url.scheme() == "http" {
            let why = format!("{registry} wants its credentials sent to {realm}, unencrypted");
            return Err(Fault::new(what, why, "the realm of the registry's tokens must be an https:// address"));
        }
        Ok(url)
    }

    async fn token(
        &self,
        what: &str,
        operation: RegistryOperation,
        realm: Url,
        service: Option<String>,
    ) -> Result<Secret, Trouble> {
        let rights = match operation {
            RegistryOperation::Push => "pull,push",
            RegistryOperation::Pull => "pull",
        };
        let mut asked = vec![("scope", format!("repository:{}:{rights}", self.reference.repository()))];
        asked.extend(service.map(|service| ("service", service)));
        let request = match &self.login {
            Login::Identity(token) => {
                let grant = [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token.expose())];
                asked.extend(grant.map(|(name, value)| (name, value.to_string())));
                self.tokens.post(realm.clone()).form(&asked)
            }
            Login::Plain(RegistryAuth::Basic(user, password)) => {
                self.tokens.get(realm.clone()).query(&asked).basic_auth(user, Some(password))
            }
            Login::Plain(_) => self.client.get(realm.clone()).query(&asked),
        };
        let response = request.send().await.map_err(|e| self.tokenless(what, &realm, &e))?;
        let server = realm.host_str().unwrap_or_default();
        if response.status().is_redirection() {
            return Err(self.led_on(what, server, &response).into());
        }
        if !response.status().is_success() {
            let again = Again::after(&response);
            return Err(Trouble { fault: self.denied(what, server, response).await, again });
        }
        let answer: Option<Value> = serde_json::from_slice(&self.answer(what, &realm, response).await?).ok();
        // Both names are in use; where both are there they are the same.
        let token =
            |answer: Value| ["token", "access_token"].iter().find_map(|name| Secret::new(answer[name].as_str()?));
        answer.and_then(token).ok_or_else(|| {
            let why = format!("the token server {server} of {} answered without a token", self.registry());
            Fault::new(what, why, "is it the realm of a registry's tokens?").into()
        })
    }

    /// A token server's answer, whole.
    async fn answer(&self, what: &str, realm: &Url, mut response: Response) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.tokenless(what, realm, &e))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES {
                let (server, registry) = (realm.host_str().unwrap_or_default(), self.registry());
                let why =
                    format!("the token server {server} of {registry} answered with more than {ANSWER_BYTES} bytes");
                return Err(Fault::new(what, why, "is it the realm of a registry's tokens?").into());
            }
        }
        Ok(body)
    }

    /// The connection to a token server failed, or was lost.
    fn tokenless(&self, what: &str, realm: &Url, error: &reqwest::Error) -> Trouble {
        let server = realm.host_str().unwrap_or_default();
        let why = format!("cannot talk to the token server {server} of {}: {}", self.registry(), causes(error));
        let fault = Fault::new(what, why, "is it up? the registry itself answered, and names it as its tokens' realm");
        Trouble { fault, again: Again::without(error) }
    }

    fn led_on(&self, what: &str, server: &str, response: &Response) -> Fault {
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let place = place.and_then(|place| response.url().join(place).ok()).map(|mut place| {
            // It may quote what it was sent.
            place.set_query(None);
            place.set_fragment(None);
            strike_out(place.as_str())
        });
        let (status, registry) = (response.status(), self.registry());
        let place = place.unwrap_or_else(|| "no address".into());
        let why = format!("the token server {server} of {registry} answered {status}, which leads to {place}");
        let hint = "credentials are not sent on; whoever runs the registry sets the final address as its tokens' realm";
        Fault::new(what, why, hint)
    }

    async fn denied(&self, what: &str, server: &str, response: Response) -> Fault {
        let (status, registry) = (response.status(), self.registry());
        let is_busy = Again::after(&response) != Again::Never;
        // A server may quote what it was sent.
        let said = strike_out(&message(&beginning(response).await));
        let (sent, hint) = match &self.login {
            _ if is_busy => ("is busy or broken", String::new()),
            Login::Identity(_) if [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&status) => {
                ("does not take identity tokens", format!("log in to {registry} with a user name and a password"))
            }
            Login::Identity(_) => ("refused the identity token", self.login_hint()),
            Login::Plain(RegistryAuth::Basic(..)) => ("refused the credentials", self.login_hint()),
            Login::Plain(_) => ("gives no token without credentials", self.login_hint()),
        };
        let why = format!("the token server {server} of {registry} {sent}: it answered {status}");
        Fault::new(what, if said.is_empty() { why } else { format!("{why}: {said}") }, hint)
    }
}

/// What the headers ask for; a token where there is a choice. What cannot be read asks for nothing: the registry will
/// refuse, in its own words.
fn challenge(headers: &HeaderMap) -> Challenge {
    let headers: Vec<&str> = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
    let all: Vec<ChallengeRef> = headers.iter().flat_map(|value| ChallengeParser::new(value).flatten()).collect();
    let bearer = all.iter().filter(|one| one.scheme.eq_ignore_ascii_case("bearer")).find_map(|one| {
        let value = |name: &str| one.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let text = |name: &str| value(name).map(|(_, value)| value.to_unescaped());
        Some(Challenge::Bearer { realm: text("realm")?, service: text("service") })
    });
    let is_basic = all.iter().any(|one| one.scheme.eq_ignore_ascii_case("basic"));
    bearer.unwrap_or(if is_basic { Challenge::Basic } else { Challenge::None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_preferred_and_nonsense_asks_for_nothing() {
        let of = |values: &[&str]| {
            challenge(&values.iter().map(|value| (WWW_AUTHENTICATE, value.parse().unwrap())).collect())
        };
        let bearer = |service: Option<&str>| Challenge::Bearer {
            realm: "https://a.example/token?x=\"1\"".into(),
            service: service.map(str::to_string),
        };
        let with = r#"bearer Realm="https://a.example/token?x=\"1\"",service="a, b",scope="x""#;
        assert_eq!(of(&[with]), bearer(Some("a, b")));
        assert_eq!(of(&["Basic realm=x", r#"Bearer realm="https://a.example/token?x=\"1\"""#]), bearer(None));
        assert_eq!(of(&[&format!("Basic realm=x, {with}")]), bearer(Some("a, b")));
        assert_eq!(of(&["BASIC realm=\"x\""]), Challenge::Basic);
        for nothing in [&[][..], &["Bearer service=x"], &["Bearer realm=\"x"], &["Negotiate abc="], &[""]] {
            assert_eq!(of(nothing), Challenge::None, "{nothing:?}");
        }
    }
}
