//! The simple form of INI that the AWS tools and DVC write: `[section]`, `key = value`, whole-line comments.

use std::collections::BTreeMap;

/// Sections by name, without the quotes that DVC puts around some. The value given last counts.
pub(super) fn parse(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        // An indented line belongs to the key before it: AWS nests `s3 =` settings so. DVC indents its keys.
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().trim_matches('\'').replace('"', "").trim().to_string();
            found.entry(section.clone()).or_default();
        } else if let Some((key, value)) = trimmed.split_once('=') {
            let value = value.trim().trim_matches(['"', '\'']);
            found.entry(section.clone()).or_default().insert(key.trim().to_string(), value.to_string());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_dialects_are_read() {
        let aws = "# c\n[default]\nregion=eu-west-1\n\n[profile dev]\nrole_arn = a=b\n";
        let dvc = "[core]\n    remote = s\n['remote \"s\"']\n    url = s3://b/p\n";
        let value = |text: &str, section: &str, key: &str| super::parse(text)[section][key].clone();
        assert_eq!(value(aws, "default", "region"), "eu-west-1");
        assert_eq!(value(aws, "profile dev", "role_arn"), "a=b");
        assert_eq!(value(dvc, "core", "remote"), "s");
        assert_eq!(value(dvc, "remote s", "url"), "s3://b/p");
    }
}
