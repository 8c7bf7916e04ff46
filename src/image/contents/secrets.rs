//! Files that must not be in an image: by their names, and private keys by their content.

/// A file that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub path: String,
    /// `sha256:…` of the layer.
    pub layer: String,
    /// The layer's number, from the bottom, from 0.
    pub number: usize,
    pub why: &'static str,
    /// The layer that removes it again, which takes it from sight and not from the image.
    pub removed_in: Option<usize>,
}

/// Why a file is one; its first bytes are enough.
pub(super) fn of(path: &str, beginning: &[u8]) -> Option<&'static str> {
    by_name(path, beginning).or_else(|| has_private_key(beginning).then_some("it holds a private key"))
}

fn by_name(path: &str, beginning: &[u8]) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, folders) = parts.split_last()?;
    let within = |folder: &str| folders.last().is_some_and(|last| *last == folder);
    let holds = |text: &str| memchr::memmem::find(beginning, text.as_bytes()).is_some();
    let is_sample = ["example", "sample", "template", "dist", "default"].iter().any(|word| name.ends_with(word));
    match *name {
        "HEAD" | "config" if within(".git") => Some("it is of a git repository, whose history may hold anything"),
        ".env" => Some("it holds variables of an environment"),
        _ if name.starts_with(".env.") && !is_sample => Some("it holds variables of an environment"),
        "credentials" if within(".aws") => Some("it holds credentials of AWS"),
        "config.json" if within(".docker") && holds("\"auth") => Some("it holds credentials of registries"),
        "config" if within(".kube") => Some("it holds credentials of a cluster"),
        ".netrc" | ".pgpass" | ".git-credentials" => Some("it holds passwords"),
        ".npmrc" if holds("_authToken") || holds("_password") => Some("it holds a token of npm"),
        ".pypirc" if holds("password") => Some("it holds a password of a package index"),
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" => Some("it is a private key of SSH"),
        _ if name.ends_with(".p12") || name.ends_with(".pfx") || name.ends_with(".jks") => Some("it is a key store"),
        _ if name.ends_with(".json") && holds("\"private_key\"") && holds("service_account") => {
            Some("it is a key of a service account")
        }
        _ => None,
    }
}

/// A PEM block of a private key with content: programs that only speak of such keys have the words and no key.
fn has_private_key(text: &[u8]) -> bool {
    const END: &[u8] = b"PRIVATE KEY-----";
    const LONGEST_LINE: usize = 100;
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memmem::find(rest, END)) {
        let after = from + at + END.len();
        from = after;
        // No longer than the longest of such lines, so that a text of nothing but such words takes no longer to read.
        let head =
            text[after.saturating_sub(LONGEST_LINE)..after].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        if !head.starts_with(b"-----BEGIN ") {
            continue;
        }
        let body = text[after..].split(|byte| *byte == b'-').next().unwrap_or_default();
        let base64 =
            body.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
        let blank = body.iter().filter(|byte| byte.is_ascii_whitespace()).count();
        // The shortest key, of Ed25519, has 64 letters.
        if base64 >= 60 && base64 + blank >= body.len() * 9 / 10 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_content() {
        let key = format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", "Ab+/".repeat(16));
        for (path, content) in [
            ("app/.env", ""),
            ("app/.env.production", ""),
            ("app/.git/HEAD", "ref: x"),
            ("root/.aws/credentials", ""),
            ("root/.docker/config.json", "{\"auths\": {}}"),
            ("root/.ssh/id_ed25519", ""),
            ("srv/server.txt", &key),
            ("srv/sa.json", "{\"type\": \"service_account\", \"private_key\": \"x\"}"),
            ("root/.npmrc", "//r/:_authToken=x"),
        ] {
            assert!(of(path, content.as_bytes()).is_some(), "{path}");
        }
        for (path, content) in [
            ("app/.env.example", ""),
            ("app/environment", ""),
            ("root/.npmrc", "registry=x"),
            ("usr/lib/python3/x.py", "PEM = '-----BEGIN PRIVATE KEY-----'\nEND = '-----END PRIVATE KEY-----'"),
            ("etc/ssl/certs/a.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
            ("app/config.json", "{\"auths\": 1}"),
            (
                "usr/share/doc/key",
                "-----BEGIN PRIVATE KEY-----\n(put yours here, it is long)\n-----END PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(of(path, content.as_bytes()), None, "{path}");
        }
    }
}
