//! What `mlgate init` writes: a first `mlops.yaml` and a CI job for it. The words lie in `templates/init/`.

pub mod serving;

use crate::model::Fault;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

/// Where the action and the releases lie.
const REPOSITORY: &str = "mlgate/mlgate";

/// A file to write, relative to the folder of `mlops.yaml`.
pub struct File {
    pub path: String,
    pub text: String,
}

/// The files for a model called after its folder. With neither host asked for, the workflow of GitHub.
///
/// # Errors
/// A template that cannot be filled in, which is a fault of ours.
pub fn files(folder: &str, github: bool, gitlab: bool) -> Result<Vec<File>, Fault> {
    let mut sources = vec![("mlops.yaml", include_str!("../templates/init/mlops.yaml"))];
    if github || !gitlab {
        sources.push((".github/workflows/mlgate.yml", include_str!("../templates/init/github-workflow.yml")));
    }
    if gitlab {
        sources.push((".gitlab-ci.yml", include_str!("../templates/init/gitlab-ci.yml")));
    }
    let version = env!("CARGO_PKG_VERSION");
    let values = context! {
        model => model_name(folder),
        repository => REPOSITORY,
        // A release is built with its commit; a build from a checkout knows only the tag.
        commit => option_env!("MLGATE_COMMIT"),
        version => version,
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let fill = |(path, source): (&'static str, &str)| match environment.render_str(source, &values) {
        Ok(text) => Ok(File { path: path.to_string(), text: text.trim_end().to_string() + "\n" }),
        Err(error) => Err(Fault::new(format!("fill in the template of {path}"), error, "")),
    };
    sources.into_iter().map(fill).collect()
}

/// A name that needs no quotes in YAML and is one for an image: lower-case letters, digits and dashes.
fn model_name(folder: &str) -> String {
    let safe: String = folder
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let words: Vec<&str> = safe.split('-').filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name
    } else {
        format!("model-{name}").trim_end_matches('-').to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_safe_name() {
        for (folder, name) in
            [("churn", "churn"), ("My Model!", "my-model"), ("2024", "model-2024"), ("", "model"), ("a: {b}", "a-b")]
        {
            assert_eq!(model_name(folder), name);
        }
    }

    #[test]
    fn what_is_written_is_a_valid_config() {
        let files = files("churn", true, true).unwrap();
        assert_eq!(
            files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(),
            ["mlops.yaml", ".github/workflows/mlgate.yml", ".gitlab-ci.yml"]
        );
        // Also with every suggestion in it switched on.
        let all: String = files[0].text.lines().map(|l| uncommented(l) + "\n").collect();
        for text in [&files[0].text, &all] {
            let metrics = |_: &crate::config::Predictions| {
                let metric = |id: &str| crate::config::KnownMetric {
                    id: String::from(id),
                    aliases: &[],
                    unit: crate::model::Unit::Score,
                    highest: None,
                };
                vec![metric("f1"), metric("roc_auc")]
            };
            if let Err(problems) = crate::config::parse(text, metrics) {
                panic!("{}", problems.render("mlops.yaml", text, false));
            }
        }
    }

    /// `# key: value` without its comment sign; other lines as they are.
    fn uncommented(line: &str) -> String {
        let indent = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix("# ") {
            Some(rest)
                if rest.trim_start().starts_with("- ")
                    || rest.split(" #").next().is_some_and(|key| key.contains(':') && !key.contains('`')) =>
            {
                line[..indent].to_string() + rest
            }
            _ => line.to_string(),
        }
    }
}
