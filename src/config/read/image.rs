//! `image:`: where it is pushed and how it is built.

use super::{Reader, pairs, scalar, text_or, texts};
use crate::config::gates::Known;
use crate::config::node::{Node, Value};
use crate::config::problem::Code;
use crate::config::{
    Attest, Build, BuildCache, BuildSecret, Compression, DockerBuild, Image, ImageChecks, Layer, LayeredImage,
    ModelKind, ModelPack, SecretFrom,
};
use crate::model::{Severity, StageKind};
use std::ops::Range;

/// What only a build by the Docker engine has.
const DOCKER: [&str; 10] =
    ["dockerfile", "context", "context_from", "args", "target", "no_cache", "cache_from", "cache_to", "secrets", "ssh"];

/// Written as for `docker buildx build --cache-to`: a bare name is an image in a registry.
fn build_cache(text: &str) -> Option<BuildCache> {
    let mut cache = BuildCache { kind: "registry".into(), attributes: Vec::new() };
    if !text.contains('=') {
        cache.attributes.push(("ref".into(), text.into()));
        return Some(cache);
    }
    for pair in text.split(',') {
        match pair.trim().split_once('=')? {
            ("", _) => return None,
            ("type", kind) => cache.kind = kind.into(),
            (name, value) => cache.attributes.push((name.into(), value.into())),
        }
    }
    Some(cache)
}

fn attest(node: &Node) -> Vec<Attest> {
    let named = texts(Some(node), "attest");
    let all = [("test_result", Attest::TestResult), ("provenance", Attest::Provenance), ("sbom", Attest::Sbom)];
    all.into_iter().filter(|(name, _)| named.iter().any(|named| named == name)).map(|(_, what)| what).collect()
}

impl Reader<'_> {
    /// `model` is the model's name.
    pub(super) fn image(&mut self, node: &Node, model: &str) -> Image {
        let has = |key: &str| node.get(key);
        const LAYERED: [&str; 9] =
            ["base", "layers", "compression", "entrypoint", "command", "env", "workdir", "user", "ports"];
        let docker = DOCKER.iter().find_map(|k| has(k));
        let layered = LAYERED.iter().find_map(|k| has(k));
        match (docker, layered) {
            (Some(_), Some(second)) => self.problems.add(
                Code::Conflict,
                &second.at,
                "an image is built from a Dockerfile or from layers, not both",
                "keep `dockerfile` with context, args, target and so on; or `base` and `layers` with entrypoint, env and so on",
            ),
            (None, None) => self.problems.add(Code::MissingKey, &node.at, "`image` does not say what to build", "dockerfile: Dockerfile, or layers: […]"),
            (Some(_), None) if has("dockerfile").is_none() => {
                self.problems.add(Code::MissingKey, &node.at, "`image` lacks `dockerfile`", "dockerfile: Dockerfile");
            }
            (None, Some(_)) if has("layers").is_none_or(|l| l.items().is_empty()) => {
                self.problems.add(Code::MissingKey, &node.at, "`image` lacks `layers`", "layers: [{name: model, files: [model/], to: /app}]");
            }
            _ => {}
        }
        let repository = text_or(Some(node), "repository", "");
        if let Some(at) = node.get("repository").map(|n| &n.at) {
            self.repository(&repository, at);
        }
        let tags = match node.get("tags") {
            Some(_) => texts(Some(node), "tags"),
            None => vec!["{{ git.sha }}".into()],
        };
        if let Some(at) = node.get("tags").filter(|n| n.items().is_empty()).map(|n| &n.at) {
            self.problems.add(Code::BadValue, at, "an image needs at least one tag", "tags: [\"{{ git.sha }}\"]");
        }
        let build = if has("layers").is_some() && docker.is_none() {
            Build::Layers(LayeredImage { pack: pack(node, model), ..self.layered(node) })
        } else {
            let platforms = self.platforms(node);
            if let Some(at) = node.get("platforms").filter(|_| platforms.len() > 1).map(|n| &n.at) {
                let help = "build with `base` and `layers`, or for one platform";
                self.problems.add(Code::Conflict, at, "the Docker engine builds for one platform", help);
            }
            let is_said = has("platform").or(has("platforms")).is_some();
            Build::Docker(DockerBuild {
                dockerfile: self.path(node, "dockerfile").unwrap_or_default(),
                context: self.path(node, "context").unwrap_or_else(|| ".".into()),
                tracked_only: node.get("context_from").and_then(Node::text) == Some("git"),
                args: pairs(node, "args"),
                target: node.get("target").and_then(Node::text).map(str::to_string),
                labels: pairs(node, "labels"),
                platform: platforms.into_iter().next().filter(|_| is_said),
                no_cache: matches!(node.get("no_cache").map(|n| &n.value), Some(Value::Bool(true))),
                cache_from: self.caches(node, "cache_from", &["registry"]),
                cache_to: self.caches(node, "cache_to", &["inline", "registry"]),
                secrets: self.build_secrets(node),
                ssh: texts(Some(node), "ssh"),
            })
        };
        let insecure = matches!(node.get("insecure").map(|n| &n.value), Some(Value::Bool(true)));
        let gates = self.gates(node, Some(StageKind::Image), &Known::default().and_image(true), true);
        let checks = self.image_checks(node);
        self.model_pack(node);
        let first_run_accepted = node.get("first_run").and_then(Node::text) == Some("accept");
        let (annotations, attest) = (pairs(node, "annotations"), attest(node));
        Image { repository, build, tags, insecure, annotations, attest, checks, gates, first_run_accepted }
    }

    fn caches(&mut self, node: &Node, key: &str, kinds: &[&str]) -> Vec<BuildCache> {
        let mut caches = Vec::new();
        for node in node.get(key).map(Node::items).unwrap_or_default() {
            // What is no text is told already.
            let Some(text) = node.text() else { continue };
            let message = match build_cache(text) {
                None => format!("`{text}` is no list of NAME=VALUE"),
                Some(cache) if !kinds.contains(&cache.kind.as_str()) => {
                    format!("`{key}` of the type {} is not done", cache.kind)
                }
                Some(cache) if cache.kind == "registry" && cache.image().is_none_or(str::is_empty) => {
                    format!("`{text}` names no image")
                }
                Some(cache) => {
                    caches.push(cache);
                    continue;
                }
            };
            let help = match kinds {
                ["registry"] => "ghcr.io/acme/churn:cache",
                _ => "type=inline, or type=registry,ref=ghcr.io/acme/churn:cache,mode=max",
            };
            self.problems.add(Code::BadValue, &node.at, message, help);
        }
        caches
    }

    fn build_secrets(&mut self, node: &Node) -> Vec<BuildSecret> {
        let mut secrets: Vec<BuildSecret> = Vec::new();
        for node in node.get("secrets").map(Node::items).unwrap_or_default() {
            let id = text_or(Some(node), "id", "");
            let said = |key: &str| node.get(key).and_then(Node::text).filter(|text| !text.is_empty());
            let from = match (said("env"), said("file")) {
                (Some(name), None) => SecretFrom::Variable(name.into()),
                (None, Some(path)) => SecretFrom::File(path.into()),
                _ => {
                    let message = "a secret comes either from a variable or from a file";
                    self.problems.add(Code::BadValue, &node.at, message, "{id: pip_token, env: PIP_TOKEN}, or file: …");
                    continue;
                }
            };
            if secrets.iter().any(|known| known.id == id) {
                let message = format!("the id {id} stands here twice");
                self.problems.add(Code::BadValue, &node.at, message, "one secret for each id");
                continue;
            }
            secrets.push(BuildSecret { id, from });
        }
        secrets
    }

    fn image_checks(&mut self, node: &Node) -> ImageChecks {
        let Some(checks) = node.get("checks") else { return ImageChecks::default() };
        let severity = |key: &str| match checks.get(key).and_then(Node::text) {
            Some("block") => Some(Severity::Block),
            Some("warn") => Some(Severity::Warn),
            _ => None,
        };
        for glob in checks.get("secrets_except").map(Node::items).unwrap_or_default() {
            if glob.text().is_some_and(|text| globset::Glob::new(text).is_err()) {
                self.problems.add(Code::BadValue, &glob.at, "this is no glob", "app/testdata/**");
            }
        }
        ImageChecks {
            non_root: severity("non_root"),
            healthcheck: severity("healthcheck"),
            secrets: severity("secrets"),
            secrets_except: texts(Some(checks), "secrets_except"),
        }
    }

    /// The form of an image name: OCI distribution spec, "Pulling manifests". Or a folder, as skopeo writes it.
    fn repository(&mut self, repository: &str, at: &Range<usize>) {
        if let Some(folder) = repository.strip_prefix("oci:") {
            let leads_out = folder.starts_with('/') || folder.split('/').any(|part| part == "..");
            if folder.is_empty() || folder.contains(':') || leads_out {
                let message = format!("`{folder}` is no folder beside this file");
                self.problems.add(Code::BadValue, at, message, "oci:dist/image");
            }
            return;
        }
        let (host, name) = repository.split_once('/').unwrap_or(("", repository));
        let has_tag = name.contains(':') || name.contains('@');
        let part = |p: &str| {
            !p.is_empty() && p.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        if host.is_empty() || !(host.contains('.') || host.contains(':') || host == "localhost") {
            let message = format!("`{repository}` does not name its registry");
            self.problems.add(Code::BadValue, at, message, "ghcr.io/acme/churn");
        } else if has_tag {
            self.problems.add(Code::BadValue, at, "`repository` carries a tag or digest", "put tags into `tags`");
        } else if !name.split('/').all(part) {
            let help = "lower-case letters, digits, ., _ and -, parted by /";
            self.problems.add(Code::BadValue, at, format!("`{name}` is no repository name"), help);
        }
    }

    fn layered(&mut self, node: &Node) -> LayeredImage {
        let mut layers = Vec::new();
        for layer in node.get("layers").map(Node::items).unwrap_or_default() {
            let to = text_or(Some(layer), "to", "/");
            if let Some(at) = layer.get("to").map(|n| &n.at)
                && (!to.starts_with('/') || to.split('/').any(|part| part == ".."))
            {
                self.problems.add(
                    Code::BadValue,
                    at,
                    "`to` is an absolute folder in the image, without ..",
                    "to: /app",
                );
            }
            self.paths(layer, "files");
            let files = texts(Some(layer), "files");
            if let Some(at) = layer.get("files").filter(|n| n.items().is_empty()).map(|n| &n.at) {
                self.problems.add(Code::BadValue, at, "a layer without files", "files: [model/]");
            }
            let compression = compression(layer).or(compression(node)).unwrap_or_default();
            layers.push(Layer { name: text_or(Some(layer), "name", ""), files, to, compression, kind: kind(layer) });
        }
        let mut ports = Vec::new();
        for port in node.get("ports").map(Node::items).unwrap_or_default() {
            ports.push(self.port(port));
        }
        let platforms = self.platforms(node);
        LayeredImage {
            base: node.get("base").and_then(Node::text).filter(|b| *b != "scratch").map(str::to_string),
            layers,
            entrypoint: texts(Some(node), "entrypoint"),
            command: texts(Some(node), "command"),
            env: pairs(node, "env"),
            workdir: node.get("workdir").and_then(Node::text).map(str::to_string),
            user: node.get("user").and_then(scalar),
            ports,
            labels: pairs(node, "labels"),
            platforms,
            pack: None,
        }
    }

    /// What is said of a ModelPack, and only of one; and what is said of containers, and only of them.
    fn model_pack(&mut self, node: &Node) {
        let layers = node.get("layers").map(Node::items).unwrap_or_default();
        let raw = |node: &'_ Node| {
            node.get("compression").filter(|said| said.text() == Some("raw")).map(|said| said.at.clone())
        };
        if !is_pack(node) {
            let mut said: Vec<(String, Range<usize>)> = Vec::new();
            said.extend(node.get("about").map(|about| ("`about`".into(), about.at.clone())));
            for owner in layers.iter().chain([node]) {
                said.extend(owner.get("kind").map(|kind| ("`kind`".into(), kind.at.clone())));
                said.extend(raw(owner).map(|at| ("`compression: raw`".into(), at)));
            }
            for (what, at) in said {
                self.problems.add(Code::Conflict, &at, format!("{what} is said of a ModelPack"), "format: modelpack");
            }
            return;
        }
        const OF_CONTAINERS: [&str; 10] =
            ["base", "entrypoint", "command", "env", "workdir", "user", "ports", "labels", "platform", "platforms"];
        for key in DOCKER.into_iter().chain(OF_CONTAINERS) {
            if let Some(at) = node.get(key).map(|said| said.at.clone()) {
                let message = format!("`{key}` is of a container, and a ModelPack is none");
                self.problems.add(
                    Code::Conflict,
                    &at,
                    message,
                    "remove it; `about` and `annotations` tell of the model",
                );
            }
        }
        for key in ["non_root", "healthcheck"] {
            if let Some(at) = node.get("checks").and_then(|checks| checks.get(key)).map(|said| said.at.clone()) {
                let message = format!("`{key}` is of a container, and a ModelPack is none");
                self.problems.add(Code::Conflict, &at, message, "checks: {secrets: block}");
            }
        }
        for layer in layers.iter().filter(|layer| layer.get("kind").is_none()) {
            let help = "kind: weight, or config, doc, code or dataset";
            self.problems.add(Code::MissingKey, &layer.at, "a layer of a ModelPack says what it holds", help);
        }
    }

    /// `platform` or `platforms`: linux/amd64 unless said.
    fn platforms(&mut self, node: &Node) -> Vec<String> {
        let named = match (node.get("platform"), node.get("platforms")) {
            (Some(_), Some(second)) => {
                let message = "`platform` and `platforms` say the same";
                self.problems.add(Code::Conflict, &second.at, message, "keep `platforms`");
                return Vec::new();
            }
            (Some(one), None) => vec![one],
            (None, Some(several)) if several.is_list() && several.items().is_empty() => {
                let help = "platforms: [linux/amd64, linux/arm64]";
                self.problems.add(Code::BadValue, &several.at, "no platform is named", help);
                return Vec::new();
            }
            (None, Some(several)) if several.is_list() => several.items().iter().collect(),
            (None, Some(one)) => vec![one],
            (None, None) => return vec!["linux/amd64".into()],
        };
        let mut platforms: Vec<String> = Vec::new();
        for node in named {
            let platform = node.text().unwrap_or_default().to_string();
            let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
            let problem = if !(2..=3).contains(&platform.split('/').count()) || !platform.split('/').all(is_part) {
                format!("`{platform}` is no platform")
            } else if platforms.contains(&platform) {
                format!("`{platform}` stands here twice")
            } else {
                platforms.push(platform);
                continue;
            };
            self.problems.add(Code::BadValue, &node.at, problem, "linux/amd64 or linux/arm64");
        }
        platforms
    }
}

fn is_pack(node: &Node) -> bool {
    node.get("format").and_then(Node::text) == Some("modelpack")
}

fn pack(node: &Node, model: &str) -> Option<Box<ModelPack>> {
    let about = node.get("about");
    let text = |key: &str| about?.get(key).and_then(scalar);
    let pack = || ModelPack {
        name: text("name").or_else(|| Some(model.to_string()).filter(|name| !name.is_empty())),
        family: text("family"),
        title: text("title"),
        description: text("description"),
        version: text("version"),
        revision: text("revision"),
        vendor: text("vendor"),
        doc_url: text("doc_url"),
        source_url: text("source_url"),
        authors: texts(about, "authors"),
        licenses: texts(about, "licenses"),
        architecture: text("architecture"),
        format: text("format"),
        param_size: text("param_size"),
        precision: text("precision"),
        quantization: text("quantization"),
    };
    is_pack(node).then(|| Box::new(pack()))
}

fn kind(layer: &Node) -> Option<ModelKind> {
    Some(match layer.get("kind").and_then(Node::text)? {
        "config" => ModelKind::Config,
        "doc" => ModelKind::Doc,
        "code" => ModelKind::Code,
        "dataset" => ModelKind::Dataset,
        _ => ModelKind::Weight,
    })
}

fn compression(node: &Node) -> Option<Compression> {
    match node.get("compression").and_then(Node::text)? {
        "none" => Some(Compression::None),
        "gzip" => Some(Compression::Gzip),
        "zstd" => Some(Compression::Zstd),
        "raw" => Some(Compression::Raw),
        _ => Some(Compression::Auto),
    }
}
