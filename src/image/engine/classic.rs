//! The engine's classic builder, for engines without BuildKit such as Podman, and where `DOCKER_BUILDKIT=0` says so.

use super::context::Context;
use super::output::{SILENT, Said, Tail, plain, silent};
use super::{Engine, fault};
use crate::config::DockerBuild;
use crate::image::access::{Access, Login};
use crate::model::Fault;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;
use oci_client::Reference;
use oci_client::secrets::RegistryAuth;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

const HINT: &str = "the engine has no BuildKit, or DOCKER_BUILDKIT=0 is set";

/// Builds and returns the image's id.
///
/// # Errors
/// What only BuildKit can do is asked for; the build fails, with the step and the last lines.
pub(super) async fn build(
    engine: &Engine,
    what: &str,
    asked: &DockerBuild,
    context: Arc<Context>,
    access: &Access,
    say: impl Fn(Said),
) -> Result<String, Fault> {
    let beyond = beyond(asked);
    if !beyond.is_empty() {
        let why = format!("{} of `image` can be done by BuildKit alone", beyond.join(", "));
        return Err(Fault::new(what, why, HINT));
    }
    let credentials = credentials(&context, access).await?;
    let named = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<HashMap<String, String>>();
    let images: Vec<String> = asked.cache_from.iter().filter_map(|cache| cache.image().map(str::to_string)).collect();
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&context.dockerfile_name)
        .rm(true)
        .forcerm(true)
        .nocache(asked.no_cache)
        .cachefrom(&images)
        .buildargs(&named(&asked.args))
        .labels(&named(&asked.labels))
        .platform(asked.platform.as_deref().unwrap_or_default())
        .target(asked.target.as_deref().unwrap_or_default())
        .build();
    let body = bollard::body_try_stream(context.stream());
    let mut answers = std::pin::pin!(engine.docker.build_image(options, Some(credentials), Some(body)));
    let (mut id, mut output) = (None, Output::default());
    loop {
        let answer = match tokio::time::timeout(SILENT, answers.next()).await {
            Ok(Some(answer)) => answer,
            Ok(None) => break,
            Err(_) => return Err(silent(what, |why| output.told(why))),
        };
        match answer {
            Ok(info) => {
                if let Some(text) = info.stream {
                    output.push(&text, &say);
                }
                id = info.aux.and_then(|image| image.id).or(id);
            }
            Err(error) => {
                let told = fault(what, &error);
                let is_beyond = told.why.contains("requires BuildKit") || told.why.contains("nknown flag");
                let hint = if is_beyond { HINT } else { &told.hint };
                return Err(Fault::new(what, output.told(&told.why), hint));
            }
        }
    }
    id.ok_or_else(|| Fault::new(what, output.told("the engine ended the build without an image"), ""))
}

/// What is asked for that this builder would leave out.
fn beyond(asked: &DockerBuild) -> Vec<&'static str> {
    let asked = [
        ("`secrets`", !asked.secrets.is_empty()),
        ("`ssh`", !asked.ssh.is_empty()),
        ("`cache_to`", !asked.cache_to.is_empty()),
        ("`cache_from` with other types than registry", asked.cache_from.iter().any(|cache| cache.image().is_none())),
    ];
    asked.into_iter().filter_map(|(name, is_asked)| is_asked.then_some(name)).collect()
}

/// Credentials for the registries that the Dockerfile's `FROM` lines name, so that the engine can pull from them.
async fn credentials(context: &Context, access: &Access) -> Result<HashMap<String, DockerCredentials>, Fault> {
    let mut found = HashMap::new();
    let text = context.dockerfile_text().map_err(|e| Fault::new("read the Dockerfile", e, ""))?;
    for registry in registries(&text) {
        let key = if registry == "docker.io" { "https://index.docker.io/v1/" } else { &registry };
        let mut account = DockerCredentials { serveraddress: Some(key.to_string()), ..DockerCredentials::default() };
        match access.login(&registry).await? {
            Login::Plain(RegistryAuth::Basic(user, password)) => {
                (account.username, account.password) = (Some(user), Some(password));
            }
            Login::Identity(token) => account.identitytoken = Some(token.expose().to_string()),
            Login::Plain(_) => continue,
        }
        found.insert(key.to_string(), account);
    }
    Ok(found)
}

/// Names that are made of build arguments, and stages of the file itself, are no names of registries.
fn registries(dockerfile: &str) -> BTreeSet<String> {
    let words = dockerfile.lines().map(|line| line.split_whitespace());
    let from = words.filter_map(|mut words| {
        words.next().filter(|word| word.eq_ignore_ascii_case("from"))?;
        words.find(|word| !word.starts_with("--"))
    });
    let names = from.filter(|name| !name.contains('$') && *name != "scratch");
    names.filter_map(|name| Some(name.parse::<Reference>().ok()?.registry().to_string())).collect()
}

/// What the build printed: the step it is at and its last lines.
#[derive(Default)]
struct Output {
    step: Option<String>,
    tail: Tail,
}

impl Output {
    fn push(&mut self, text: &str, say: impl Fn(Said)) {
        for line in text.lines().map(plain).filter(|line| !line.is_empty()) {
            // Podman says `[1/2] STEP 3/4: RUN …`.
            let stage_left_out = line.split_once("] ").map_or(line.as_str(), |(_, rest)| rest);
            if line.starts_with("Step ") || stage_left_out.starts_with("STEP ") {
                say(Said::Step(&line));
                self.step = Some(line);
                self.tail.clear();
            } else {
                say(Said::Output(&line));
                self.tail.push(line);
            }
        }
    }

    fn told(&self, why: &str) -> String {
        self.tail.told(self.step.as_deref(), why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BuildCache, BuildSecret, SecretFrom};

    #[test]
    fn credentials_are_looked_up_for_what_the_dockerfile_starts_from() {
        let text = "ARG V\nFROM --platform=linux/amd64 ghcr.io/acme/base:1 AS one\nfrom python:3.12\n\
            FROM $V\nFROM scratch\nCOPY --from=one /a /a\n# FROM example.com/x";
        assert_eq!(registries(text), ["docker.io".to_string(), "ghcr.io".to_string()].into());
    }

    #[test]
    fn output_belongs_to_the_step_it_came_from() {
        let mut output = Output::default();
        output.push("Step 1/2 : FROM scratch\n ---> 0123\n", |_| ());
        output.push("Step 2/2 : RUN x\nline\n\n", |_| ());
        assert_eq!(output.told("it ended with 1"), "Step 2/2 : RUN x: it ended with 1\n  line");
    }

    #[test]
    fn what_it_cannot_do_is_named_and_not_left_out() {
        let secret = BuildSecret { id: "token".into(), from: SecretFrom::Variable("TOKEN".into()) };
        let cache = |kind: &str| BuildCache { kind: kind.into(), attributes: vec![("ref".into(), "a/b".into())] };
        let asked = DockerBuild { cache_from: vec![cache("registry")], ..DockerBuild::default() };
        assert!(beyond(&asked).is_empty());
        let asked = DockerBuild {
            secrets: vec![secret],
            ssh: vec!["default".into()],
            cache_from: vec![cache("s3")],
            cache_to: vec![cache("inline")],
            ..DockerBuild::default()
        };
        assert_eq!(beyond(&asked).len(), 4);
    }
}
