//! A value that must never be seen: it prints as `***`, is not serialised, and can be struck out of any text.

use std::fmt;
use std::sync::{OnceLock, PoisonError, RwLock};

/// A token or a password. [`Secret::expose`] is the only way to its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands where a secret stood.
pub const STRUCK_OUT: &str = "***";

impl Secret {
    /// None for an empty value, as CI systems set variables that have none.
    pub fn new(value: impl Into<String>) -> Option<Secret> {
        let value = value.into().trim().to_string();
        (!value.is_empty()).then_some(Secret(value))
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the secret, such as an error message of a server that echoed it.
    pub fn strike_out(&self, text: &str) -> String {
        text.replace(&self.0, STRUCK_OUT)
    }
}

/// What is to be hidden in this process: told at the start by the one who reads the environment, and later by those who
/// find secrets in files and addresses.
static HIDDEN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Values shorter than this are words, not secrets; hiding them would garble every report.
const SHORTEST: usize = 6;

/// Takes values that must be seen nowhere from now on, whatever a command echoes.
pub fn hide(values: impl IntoIterator<Item = String>) {
    let values: Vec<String> = values
        .into_iter()
        // Output comes line by line, so a key of several lines is hidden line by line too.
        .flat_map(|value| value.lines().map(|line| line.trim().to_string()).collect::<Vec<_>>())
        .filter(|value| value.len() >= SHORTEST)
        .collect();
    let mut hidden = HIDDEN.write().unwrap_or_else(PoisonError::into_inner);
    hidden.extend(values);
    // The longest first: a secret may be part of another.
    hidden.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    hidden.dedup();
}

/// `text` without what is hidden.
pub fn strike_out(text: &str) -> String {
    let hidden = HIDDEN.read().unwrap_or_else(PoisonError::into_inner);
    let found = hidden.iter().filter(|secret| text.contains(secret.as_str()));
    found.fold(text.to_string(), |text, secret| text.replace(secret.as_str(), STRUCK_OUT))
}

/// Variables that no command gets to see, such as keys that sign what it produced.
static WITHHELD: OnceLock<&'static [&'static str]> = OnceLock::new();

/// Keeps variables of the environment from every command that is started from now on.
pub fn withhold(names: &'static [&'static str]) {
    let _ = WITHHELD.set(names);
}

/// The names of the variables that whoever starts a command takes out of its environment.
pub fn withheld() -> &'static [&'static str] {
    WITHHELD.get().copied().unwrap_or_default()
}

/// Whether a variable of this name holds a secret: by the words of the name.
pub fn is_secret_name(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "SECRET", "CREDENTIALS", "PAT", "KEY"];
    let name = name.to_uppercase();
    let words = name.split(['_', '-', '.']);
    words.into_iter().any(|word| WORDS.contains(&word) || word.ends_with("PASSWORD") || word.ends_with("APIKEY"))
        || ["PGPASSWORD", "DOCKER_AUTH_CONFIG"].contains(&name.as_str())
}

/// The password in an address such as `postgres://user:password@host/db`.
pub fn password_of_address(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_string())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STRUCK_OUT)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STRUCK_OUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_shown() {
        let token = Secret::new("ghs_abc\n").unwrap();
        assert_eq!(format!("{token} {token:?} {:#?}", Some(&token)), "*** *** Some(\n    ***,\n)");
        assert_eq!(token.strike_out("bad credentials ghs_abc."), "bad credentials ***.");
        assert_eq!(token.expose(), "ghs_abc");
    }

    #[test]
    fn secrets_are_known_by_whole_words_of_their_names() {
        for yes in ["GITHUB_TOKEN", "db_password", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "API_KEY", "SSH_PRIVATE_KEY"]
        {
            assert!(is_secret_name(yes), "{yes}");
        }
        for no in ["TOKENIZER", "PATH", "KEYBOARD", "COMPASS", "HOME"] {
            assert!(!is_secret_name(no), "{no}");
        }
        assert_eq!(password_of_address("postgres://ann:hunter2@db:5432/x").as_deref(), Some("hunter2"));
        assert_eq!(password_of_address("https://example.com/a:b@c"), None);
    }

    #[test]
    fn an_empty_variable_is_no_secret() {
        assert_eq!(Secret::new(" \n"), None);
    }
}
