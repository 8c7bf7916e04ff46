//! `image:` and `signing:` as checked types.

use crate::model::{Gate, Severity};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub struct Image {
    /// `ghcr.io/acme/churn`
    pub repository: String,
    pub build: Build,
    /// After templates were filled in.
    pub tags: Vec<String>,
    /// Speak plain HTTP with the registry; loopback addresses always do.
    pub insecure: bool,
    /// Of the manifests, and of the index where there are several.
    pub annotations: Vec<(String, String)>,
    pub attest: Vec<Attest>,
    pub checks: ImageChecks,
    pub gates: Vec<Gate>,
    /// `first_run: accept`: gates against production let the first image pass, visibly.
    pub first_run_accepted: bool,
}

/// What must hold of a built image; None: it is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageChecks {
    pub non_root: Option<Severity>,
    pub healthcheck: Option<Severity>,
    pub secrets: Option<Severity>,
    /// Globs of paths in the image.
    pub secrets_except: Vec<String>,
}

/// What is attached to an image beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attest {
    TestResult,
    Provenance,
    Sbom,
}

/// Who signs, and whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    pub by: Option<SignBy>,
    pub trust: Vec<TrustedSigner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignBy {
    /// None: the environment holds it.
    Key {
        file: Option<PathBuf>,
    },
    Keyless {
        fulcio: String,
        rekor: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedSigner {
    Key(PathBuf),
    Identity(TrustedIdentity),
}

/// Whom a certificate must name, and the files with what vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIdentity {
    pub subject: String,
    pub issuer: String,
    pub roots: PathBuf,
    pub log_key: PathBuf,
    pub ct_log_key: Option<PathBuf>,
}

impl Image {
    /// Whether it is a ModelPack, which no container can be started from.
    pub fn is_model_pack(&self) -> bool {
        matches!(&self.build, Build::Layers(layered) if layered.pack.is_some())
    }

    /// The folder that `repository: oci:dist/image` names, relative to that of `mlops.yaml`.
    pub fn folder(&self) -> Option<&Path> {
        self.repository.strip_prefix("oci:").map(Path::new)
    }
}

#[derive(Clone, Debug)]
pub enum Build {
    /// By the Docker engine.
    Docker(DockerBuild),
    /// With no daemon.
    Layers(LayeredImage),
}

#[derive(Clone, Debug, Default)]
pub struct DockerBuild {
    pub dockerfile: PathBuf,
    pub context: PathBuf,
    /// `context_from: git`: what git does not track is no part of the context.
    pub tracked_only: bool,
    pub args: Vec<(String, String)>,
    pub target: Option<String>,
    pub labels: Vec<(String, String)>,
    /// None: the engine's own.
    pub platform: Option<String>,
    /// Every step runs anew.
    pub no_cache: bool,
    /// What the steps of this build may be taken over from.
    pub cache_from: Vec<BuildCache>,
    /// Where its steps are kept for others. BuildKit alone does it.
    pub cache_to: Vec<BuildCache>,
    /// For `RUN --mount=type=secret`: they get into no layer. BuildKit alone does it.
    pub secrets: Vec<BuildSecret>,
    /// Ids for `RUN --mount=type=ssh`; each means the agent of ssh. BuildKit alone does it.
    pub ssh: Vec<String>,
}

/// Steps of builds: `type=registry,ref=ghcr.io/acme/churn:cache,mode=max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildCache {
    /// `registry` or `inline`
    pub kind: String,
    pub attributes: Vec<(String, String)>,
}

impl BuildCache {
    /// The image that holds them.
    pub fn image(&self) -> Option<&str> {
        let reference = self.attributes.iter().find(|(name, _)| name == "ref");
        reference.filter(|_| self.kind == "registry").map(|(_, image)| image.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildSecret {
    /// As the Dockerfile names it.
    pub id: String,
    pub from: SecretFrom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// Of the environment.
    Variable(String),
    /// Relative to the folder of `mlops.yaml`, or absolute.
    File(PathBuf),
}

#[derive(Clone, Debug)]
pub struct LayeredImage {
    /// None: `scratch`.
    pub base: Option<String>,
    pub layers: Vec<Layer>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub env: Vec<(String, String)>,
    pub workdir: Option<String>,
    pub user: Option<String>,
    pub ports: Vec<u16>,
    pub labels: Vec<(String, String)>,
    /// One or more: `linux/amd64`. Several make one image with an index.
    pub platforms: Vec<String>,
    /// `format: modelpack`: an artifact that holds a model, instead of an image of a container.
    pub pack: Option<Box<ModelPack>>,
}

/// What is known of a model in a ModelPack, all of it freely worded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPack {
    pub name: Option<String>,
    pub family: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub version: Option<String>,
    pub revision: Option<String>,
    pub vendor: Option<String>,
    pub doc_url: Option<String>,
    pub source_url: Option<String>,
    pub authors: Vec<String>,
    pub licenses: Vec<String>,
    pub architecture: Option<String>,
    pub format: Option<String>,
    pub param_size: Option<String>,
    pub precision: Option<String>,
    pub quantization: Option<String>,
}

/// What a layer of a ModelPack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    Weight,
    /// What belongs to the weights: a tokenizer, `config.json`.
    Config,
    Doc,
    Code,
    Dataset,
}

/// How a layer is stored in the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Gzip where samples of the files get smaller by it, else none: model weights do not.
    #[default]
    Auto,
    None,
    Gzip,
    Zstd,
    /// Of a ModelPack: each file is a layer of its own, as it is.
    Raw,
}

#[derive(Clone, Debug)]
pub struct Layer {
    pub name: String,
    /// Files, folders or globs, relative to the folder of `mlops.yaml`; laid under `to` by that relative path,
    /// a folder's content without the folder's own name.
    pub files: Vec<String>,
    /// Absolute folder in the image.
    pub to: String,
    pub compression: Compression,
    /// Of a ModelPack.
    pub kind: Option<ModelKind>,
}
