//! `sc://HOST:PORT/;key=value;…`: connection strings as the clients of Spark Connect write them.

use crate::model::Fault;
use crate::secret::Secret;

const PORT: u16 = 15002;

/// A connection string that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub token: Option<Secret>,
    pub user: Option<String>,
    pub session: Option<String>,
    /// Sent with every request: parameters that are not known, as other clients do.
    pub headers: Vec<(String, Secret)>,
}

impl Address {
    /// `token` is for an address that has none of its own.
    ///
    /// # Errors
    /// When it is no such address, or would send a token in the clear to another machine.
    pub fn parse(text: &str, token: Option<Secret>) -> Result<Address, Fault> {
        let fault = |why: &str| {
            let hint = "sc://HOST:PORT, with parameters as sc://HOST:PORT/;use_ssl=true;user_id=me";
            // The address may hold a token, so it is not repeated.
            Fault::new("read the address of Spark Connect", why, hint)
        };
        let rest = text.trim().strip_prefix("sc://").ok_or_else(|| fault("it does not begin with sc://"))?;
        let (authority, parameters) = match rest.split_once('/') {
            None => (rest, ""),
            Some((authority, "")) => (authority, ""),
            Some((authority, parameters)) => {
                let parameters = parameters.strip_prefix(';');
                (authority, parameters.ok_or_else(|| fault("after the host's `/` only `;key=value` may follow"))?)
            }
        };
        let (host, port) = match authority.rsplit_once(':') {
            // An IPv6 address is in brackets, and its colons are its own.
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| fault("the port is no number from 1 to 65535"))?)
            }
            _ => (authority, PORT),
        };
        if host.is_empty() || port == 0 || host.contains(['@', '?', '#', ' ', ';']) {
            return Err(fault("it has no valid host and port"));
        }
        let mut address = Address {
            host: host.to_string(),
            port,
            tls: false,
            token: None,
            user: None,
            session: None,
            headers: Vec::new(),
        };
        let mut ssl = None;
        for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=').ok_or_else(|| fault("a parameter is not key=value"))?;
            let value = decode(value).ok_or_else(|| fault("a parameter's %-escapes are broken"))?;
            match key {
                "use_ssl" => match value.as_str() {
                    "true" => ssl = Some(true),
                    "false" => ssl = Some(false),
                    _ => return Err(fault("use_ssl is neither true nor false")),
                },
                "token" => address.token = Secret::new(value),
                "user_id" => address.user = Some(value),
                "session_id" if is_uuid(&value) => address.session = Some(value),
                "session_id" => return Err(fault("session_id is no UUID")),
                "user_agent" => {}
                header => {
                    let value = Secret::new(value).ok_or_else(|| fault("a parameter has no value"))?;
                    address.headers.push((header.to_string(), value));
                }
            }
        }
        address.token = address.token.or(token);
        let local = matches!(address.host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        address.tls = ssl.unwrap_or(address.token.is_some() && !local);
        if address.token.is_some() && !address.tls && !local {
            return Err(fault("it sends a token to another machine without TLS: leave use_ssl=false out"));
        }
        Ok(address)
    }

    /// Without anything secret: `spark.acme:15002`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub fn uri(&self) -> String {
        format!("{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }

    /// `text` of a server, without what the address keeps secret.
    pub fn strike_out(&self, text: &str) -> String {
        let secrets = self.token.iter().chain(self.headers.iter().map(|(_, value)| value));
        secrets.fold(text.to_string(), |text, secret| secret.strike_out(&text))
    }
}

/// `%3B` → `;`
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, Fault> {
        Address::parse(text, None)
    }

    #[test]
    fn connection_strings() {
        let plain = parse("sc://spark.acme").unwrap();
        assert_eq!(
            (plain.place().as_str(), plain.tls, plain.uri().as_str()),
            ("spark.acme:15002", false, "http://spark.acme:15002")
        );
        let full = "sc://h:443/;use_ssl=true;token=a%3Bbc;user_id=me;x-db-cluster-id=42;\
                    session_id=01234567-89ab-cdef-0123-456789abcdef";
        let full = parse(full).unwrap();
        assert_eq!((full.tls, full.user.as_deref()), (true, Some("me")));
        assert_eq!(full.token.as_ref().map(Secret::expose), Some("a;bc"));
        assert_eq!(full.headers[0].0, "x-db-cluster-id");
        assert_eq!(full.strike_out("bad token a;bc"), "bad token ***");
        assert!(!format!("{full:?}").contains("a;bc"));
        assert_eq!(parse("sc://[::1]:9/").unwrap().place(), "[::1]:9");
        assert!(parse("sc://h/;token=x").unwrap().tls, "a token goes by TLS");
        assert!(!parse("sc://localhost/;token=x").unwrap().tls);
        let given = |text: &str| Address::parse(text, Secret::new("fromenv"));
        let token = |text: &str| given(text).unwrap().token.map(|token| token.expose().to_string());
        assert_eq!(token("sc://h/;token=own").as_deref(), Some("own"), "what the address says goes before");
        assert_eq!(token("sc://h").as_deref(), Some("fromenv"));
        assert!(given("sc://h").unwrap().tls && !given("sc://localhost").unwrap().tls);
        assert!(given("sc://h/;use_ssl=false").is_err(), "no token goes in the clear, wherever it comes from");
        for bad in [
            "h:1",
            "sc://",
            "sc://h:x",
            "sc://h:0",
            "sc://h/path",
            "sc://h/;x",
            "sc://h/;use_ssl=maybe",
            "sc://h/;token=%zz",
            "sc://h/;session_id=1",
            "sc://h/;use_ssl=false;token=geheim",
            "sc://u@h",
        ] {
            let fault = parse(bad).unwrap_err();
            assert!(!format!("{fault}").contains("geheim"), "{bad}");
        }
    }
}
