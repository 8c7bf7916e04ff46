//! Building by the Docker engine: the context streams in, the image streams out into an OCI layout. The manifest is
//! made here, so its digest is known before anything is pushed; the config is the engine's, so the image keeps its id.

use super::context::Context;
use super::{connect, fault};
use crate::config::{Build, Image};
use crate::image::archive::{Unpacked, unpack};
use crate::image::layout::{Layout, size};
use crate::image::{Access, Built, OwnLayers, pipe};
use crate::model::Fault;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;
use oci_client::Reference;
use oci_client::secrets::RegistryAuth;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A step that prints nothing for so long hangs.
const SILENT: Duration = Duration::from_secs(30 * 60);
/// Lines of output told with a failure.
const TAIL: usize = 12;
const LINE_CHARS: usize = 200;

/// What the engine says.
pub(crate) enum Said<'a> {
    /// `Step 2/5 : COPY . .`
    Step(&'a str),
    Output(&'a str),
}

/// Builds `image` (of the kind [`Build::Docker`]) into the folder `layout`, telling what the engine says to `say`. With
/// `tracked`, other files of the context (relative to it) are left out.
///
/// # Errors
/// When the engine cannot be reached; when the build fails, with the step and the last lines; when the image cannot
/// be taken over.
pub(crate) async fn build(
    root: &Path,
    layout: &Path,
    image: &Image,
    access: &Access,
    tracked: Option<&[PathBuf]>,
    say: impl Fn(Said),
) -> Result<Built, Fault> {
    let Build::Docker(asked) = &image.build else {
        return Err(Fault::new("build by the Docker engine", "this image is made of layers", ""));
    };
    let what = format!("build {} by the Docker engine", asked.dockerfile.display());
    // The layouts of earlier builds lie in mlgate's own folder and must not get into the next one.
    let own = layout.parent().unwrap_or(layout);
    let context = Context::open(&root.join(&asked.context), &root.join(&asked.dockerfile), own);
    let context = context.map_err(|e| Fault::new(&what, e, "check `dockerfile:` and `context:`"))?;
    let context = match tracked {
        Some(files) => context.only(files),
        None => context,
    };
    let docker = connect(access).await?;
    let credentials = credentials(&context, access).await?;
    let named = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<HashMap<String, String>>();
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&context.dockerfile_name)
        .rm(true)
        .forcerm(true)
        .nocache(asked.no_cache)
        .cachefrom(&asked.cache_from)
        .buildargs(&named(&asked.args))
        .labels(&named(&asked.labels))
        .platform(asked.platform.as_deref().unwrap_or_default())
        .target(asked.target.as_deref().unwrap_or_default())
        .build();
    let id = run(&docker, &what, options, credentials, context, say).await?;
    let (folder, unpacked) = take_over(&docker, &id, layout).await?;
    let write = |e| Fault::new(format!("write the image to {}", layout.display()), e, "");
    let (bytes, layers) =
        (size(&unpacked.config) + unpacked.layers.iter().map(size).sum::<u64>(), unpacked.layers.len());
    let manifest = folder.write_manifest(unpacked.config, unpacked.layers, None, &image.annotations).map_err(write)?;
    let sealed = folder.seal(vec![(manifest, Value::Null)], &image.annotations).map_err(write)?;
    Ok(Built {
        repository: image.repository.clone(),
        output: image.folder().map(|folder| root.join(folder)),
        tags: image.tags.clone(),
        digest: sealed.digest,
        bytes,
        layers,
        layout: layout.to_path_buf(),
        engine_image: Some(id),
        bases: Vec::new(),
        own: OwnLayers::default(),
        access: access.clone(),
    })
}

/// Credentials for the registries that the Dockerfile's `FROM` lines name, so that the engine can pull from them.
async fn credentials(context: &Context, access: &Access) -> Result<HashMap<String, DockerCredentials>, Fault> {
    let mut found = HashMap::new();
    let text = context.dockerfile_text().map_err(|e| Fault::new("read the Dockerfile", e, ""))?;
    for registry in registries(&text) {
        let key = if registry == "docker.io" { "https://index.docker.io/v1/" } else { &registry };
        // What cannot be used here, such as an identity token, is left to the pull, which may not need it.
        if let Ok(RegistryAuth::Basic(user, password)) = access.credentials(&registry).await {
            let (username, password) = (Some(user), Some(password));
            let serveraddress = Some(key.to_string());
            let account = DockerCredentials { username, password, serveraddress, ..DockerCredentials::default() };
            found.insert(key.to_string(), account);
        }
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

/// Runs the build to its end and returns the image's id.
async fn run(
    docker: &Docker,
    what: &str,
    options: bollard::query_parameters::BuildImageOptions,
    credentials: HashMap<String, DockerCredentials>,
    context: Context,
    say: impl Fn(Said),
) -> Result<String, Fault> {
    let body = bollard::body_try_stream(context.stream());
    let mut answers = std::pin::pin!(docker.build_image(options, Some(credentials), Some(body)));
    let (mut id, mut output) = (None, Output::default());
    loop {
        let answer = match tokio::time::timeout(SILENT, answers.next()).await {
            Ok(Some(answer)) => answer,
            Ok(None) => break,
            Err(_) => {
                let why = output.told(&format!("nothing was heard for {} minutes", SILENT.as_secs() / 60));
                return Err(Fault::new(what, why, ""));
            }
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
                let hint = if told.why.contains("requires BuildKit") || told.why.contains("nknown flag") {
                    "mlgate uses the engine's classic builder, which does not know this; leave it out of the Dockerfile"
                } else {
                    &told.hint
                };
                return Err(Fault::new(what, output.told(&told.why), hint));
            }
        }
    }
    id.ok_or_else(|| Fault::new(what, output.told("the engine ended the build without an image"), ""))
}

/// Streams the image out of the engine.
async fn take_over(docker: &Docker, id: &str, folder: &Path) -> Result<(Layout, Unpacked), Fault> {
    let what = format!("take the image {id} over from the Docker engine");
    let layout = Layout::create(folder)?;
    let (feed, reader) = pipe::reader();
    let into = layout.clone();
    let unpacking = tokio::task::spawn_blocking(move || unpack(reader, &into));
    feed.pump(docker.export_image(id), SILENT).await;
    match unpacking.await {
        Ok(Ok(unpacked)) => Ok((layout, unpacked)),
        Ok(Err(e)) => Err(Fault::new(what, e, "")),
        Err(e) => Err(Fault::new(what, e, "")),
    }
}

/// What the build printed: the step it is at and its last lines.
#[derive(Default)]
struct Output {
    step: Option<String>,
    tail: VecDeque<String>,
}

impl Output {
    fn push(&mut self, text: &str, say: impl Fn(Said)) {
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            let line: String = line.chars().filter(|c| !c.is_control()).take(LINE_CHARS).collect();
            if line.starts_with("Step ") {
                say(Said::Step(&line));
                self.step = Some(line);
                self.tail.clear();
            } else {
                say(Said::Output(&line));
                if self.tail.len() == TAIL {
                    self.tail.pop_front();
                }
                self.tail.push_back(line);
            }
        }
    }

    fn told(&self, why: &str) -> String {
        let mut text = match &self.step {
            Some(step) => format!("{step}: {why}"),
            None => why.to_string(),
        };
        for line in &self.tail {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_up_for_what_the_dockerfile_starts_from() {
        let text = "ARG V\nFROM --platform=linux/amd64 ghcr.io/acme/base:1 AS one\nfrom python:3.12\n\
            FROM $V\nFROM scratch\nCOPY --from=one /a /a\n# FROM example.com/x";
        assert_eq!(registries(text), ["docker.io".to_string(), "ghcr.io".to_string()].into());
    }

    #[test]
    fn a_failure_tells_its_step_and_the_last_lines() {
        let mut output = Output::default();
        output.push("Step 1/2 : FROM scratch\n", |_| ());
        output.push(" ---> 0123\n", |_| ());
        output.push("Step 2/2 : RUN x\n", |_| ());
        (0..20).for_each(|n| output.push(&format!("line {n}\x1b\n"), |_| ()));
        let told = output.told("it ended with 1");
        assert!(told.starts_with("Step 2/2 : RUN x: it ended with 1\n  line 8\n"), "{told}");
        assert!(told.ends_with("line 19") && !told.contains("0123"));
    }
}
