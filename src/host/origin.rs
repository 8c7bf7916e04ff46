//! Who runs this, for the provenance of what it builds.

use crate::record::statements::Builder;

/// From the variables of the CI system. A laptop vouches for nothing, and is called that.
pub(super) fn builder(env: &dyn Fn(&str) -> Option<String>) -> Builder {
    let is = |name: &str| env(name).as_deref() == Some("true");
    let text = |name: &str| env(name).unwrap_or_default();
    if is("GITHUB_ACTIONS") {
        let server = env("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".into());
        let source = format!("{server}/{}", text("GITHUB_REPOSITORY"));
        let attempt = env("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".into());
        // `github-hosted`, or `self-hosted`: whose machine it is.
        let kind = env("RUNNER_ENVIRONMENT").unwrap_or_else(|| "self-hosted".into());
        return Builder {
            id: format!("https://github.com/actions/runner/{kind}"),
            invocation: Some(format!("{source}/actions/runs/{}/attempts/{attempt}", text("GITHUB_RUN_ID"))),
            source: Some(source),
        };
    }
    if is("GITLAB_CI") {
        let server = env("CI_SERVER_URL").unwrap_or_else(|| "https://gitlab.com".into());
        return Builder {
            id: format!("{server}/-/runners/{}", text("CI_RUNNER_ID")),
            invocation: env("CI_JOB_URL"),
            source: env("CI_PROJECT_URL"),
        };
    }
    Builder { id: "https://mlgate.dev/builders/local".into(), invocation: None, source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Builder {
        let all: Vec<(String, String)> = variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        builder(&move |name| all.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn the_builder_is_the_kind_of_machine_that_the_ci_system_names() {
        let github = of(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/churn"),
            ("GITHUB_RUN_ID", "7"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
        ]);
        assert_eq!(github.id, "https://github.com/actions/runner/github-hosted");
        assert_eq!(github.invocation.unwrap(), "https://github.com/acme/churn/actions/runs/7/attempts/1");
        let gitlab = of(&[("GITLAB_CI", "true"), ("CI_SERVER_URL", "https://git.example"), ("CI_RUNNER_ID", "12")]);
        assert_eq!((gitlab.id.as_str(), gitlab.source), ("https://git.example/-/runners/12", None));
        assert_eq!(of(&[]).id, "https://mlgate.dev/builders/local");
    }
}
