//! `.dockerignore`, by Docker's rules: patterns in order, the last one that matches wins, `!` takes back, `**` stands
//! for any number of folders, a pattern that matches a folder matches what is in it.
//! <https://docs.docker.com/build/concepts/context/#dockerignore-files>

use regex::Regex;
use std::path::Path;

#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<(bool, Regex)>,
}

impl Ignore {
    /// # Errors
    /// The pattern that cannot be read, with the reason.
    pub(super) fn parse(text: &str) -> Result<Ignore, String> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A comment only at the very start of a line.
            let pattern = line.trim();
            if line.starts_with('#') || pattern.is_empty() {
                continue;
            }
            let (takes_back, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, pattern),
            };
            let cleaned = clean(pattern);
            if cleaned.is_empty() {
                if takes_back && pattern.is_empty() {
                    return Err("a lone `!` takes nothing back".into());
                }
                continue;
            }
            let regex = Regex::new(&translate(&cleaned)).map_err(|_| format!("`{pattern}` is no valid pattern"))?;
            rules.push((takes_back, regex));
        }
        Ok(Ignore { rules })
    }

    /// Whether a path, relative to the context, is left out.
    pub(super) fn leaves_out(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        let mut out = false;
        for (takes_back, regex) in &self.rules {
            if *takes_back == out && regex.is_match(&path) {
                out = !takes_back;
            }
        }
        out
    }

    /// Whether what lies in a folder that is left out may still be taken back.
    pub(super) fn takes_back(&self) -> bool {
        self.rules.iter().any(|(takes_back, _)| *takes_back)
    }
}

/// As Go's `filepath.Clean`, without a leading slash.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The pattern as a regular expression that also matches everything below what it matches.
fn translate(pattern: &str) -> String {
    let mut out = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                rest.next();
                if rest.peek() == Some(&'/') {
                    rest.next();
                    out.push_str("(.*/)?");
                } else {
                    out.push_str(".*");
                }
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A class ends at its bracket; what means something to the regex crate alone is escaped.
                for c in rest.by_ref() {
                    match c {
                        ']' => break,
                        '-' | '\\' => out.push(c),
                        c => out.push_str(&regex::escape(&c.to_string())),
                    }
                }
                out.push(']');
            }
            '\\' => out.push_str(&rest.next().map_or("\\\\".into(), |c| regex::escape(&c.to_string()))),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push_str("(/.*)?$");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_documented_patterns() {
        let cases: &[(&str, &str, bool)] = &[
            ("*/temp*", "somedir/temporary.txt", true),
            ("*/temp*", "somedir/temp/x", true),
            ("*/temp*", "a/b/temp", false),
            ("*/*/temp*", "a/b/temporary", true),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("**/*.go", "a/b/c.go", true),
            ("**/*.go", "c.go", true),
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README.md", "x.md", true),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
            ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false),
            ("# comment\n  /foo/bar/  ", "foo/bar/x", true),
            ("foo/bar", "x/foo/bar", false),
            ("foo/**/bar", "foo/bar", true),
            ("foo/**/bar", "foo/a/b/bar", true),
            ("foo/../bar", "bar", true),
            ("a.c", "abc", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("*\n!model", "model/a.onnx", false),
            ("*\n!model", "data/a.csv", true),
            ("**", "any/thing", true),
            ("\\*x", "*x", true),
            (".", "x", false),
        ];
        for (text, path, out) in cases {
            let ignore = Ignore::parse(text).unwrap();
            assert_eq!(ignore.leaves_out(Path::new(path)), *out, "{text:?} on {path}");
        }
        assert!(Ignore::parse("!").is_err());
        assert!(Ignore::parse("[z-a]").is_err());
    }
}
