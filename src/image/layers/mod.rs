//! An image without a daemon: a base image that stays in its registry, or none, plus one layer for each entry of
//! `layers`, which is hashed here and written nowhere. The same inputs give the same digest on every machine: paths are
//! sorted, times, owners and modes fixed, compression has no header of its own, and the image is `created` in 1970.

mod base;
mod config;
mod known;
pub(super) mod modelpack;
mod recipe;
mod select;

use super::layout::{CONFIG, Layer, Layout, size};
use super::pack::Packing;
use super::{Access, Base, Built};
use crate::config::{Compression, Image, LayeredImage};
use crate::model::Fault;
use crate::stamp::Clock;
use known::Known;
use oci_client::manifest::OciDescriptor;
pub(super) use recipe::Recipe;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The layers that are made from files here.
#[derive(Clone, Debug, Default)]
pub struct OwnLayers(pub(super) Vec<Arc<Made>>);

/// A layer that is written anew whenever it is read.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) recipe: Recipe,
    pub(super) packing: Packing,
    pub(super) layer: Layer,
}

/// Builds into the folder `layout`. Paths of `layered` are relative to `root`.
///
/// # Errors
/// When a pattern matches nothing, a file lies outside of `root` or cannot be read, two files go to one place, or
/// the base image cannot be found. All problems of the layers are told at once.
pub(crate) async fn build(
    root: &Path,
    layout: &Path,
    image: &Image,
    layered: &LayeredImage,
    access: &Access,
) -> Result<Built, Vec<Fault>> {
    let bases = base::find(image, layered, access).await.map_err(|fault| vec![fault])?;
    let folder = Layout::create(layout).map_err(|fault| vec![fault])?;
    let stopped = Arc::new(AtomicBool::new(false));
    let job = Job {
        root: root.to_path_buf(),
        // Mlgate's own folder, with the layouts of earlier builds, must not get into the next one.
        own: layout.parent().unwrap_or(layout).to_path_buf(),
        layers: layered.layers.clone(),
        is_pack: layered.pack.is_some(),
        on_base: !bases.is_empty(),
        stopped: Arc::clone(&stopped),
    };
    let _stop = StopOnDrop(stopped);
    let made = tokio::task::spawn_blocking(move || job.make()).await;
    let made = made.map_err(|e| vec![Fault::new("hash the layers", e, "")])??;
    let (mut manifests, mut bytes, mut layers) = (Vec::new(), 0, 0);
    let (bases, configs): (Vec<Base>, Vec<Value>) = bases.into_iter().unzip();
    for (number, platform) in layered.platforms.iter().enumerate() {
        let sealed = seal(&folder, image, layered, platform, &made, (configs.get(number), bases.get(number)));
        let sealed = sealed.map_err(|e| vec![Fault::new(format!("write the image to {}", layout.display()), e, "")])?;
        manifests.push((sealed.manifest, sealed.platform));
        // A pull transfers one platform; the largest one counts.
        (bytes, layers) = (bytes.max(sealed.bytes), layers.max(sealed.layers));
    }
    let digest = folder
        .seal(manifests, &image.annotations)
        .map_err(|e| vec![Fault::new("write the image's index", e, "")])?
        .digest;
    Ok(Built {
        repository: image.repository.clone(),
        output: image.folder().map(|folder| root.join(folder)),
        tags: image.tags.clone(),
        digest,
        bytes,
        layers,
        layout: layout.to_path_buf(),
        engine_image: None,
        bases,
        own: OwnLayers(made),
        access: access.clone(),
    })
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Job {
    root: PathBuf,
    own: PathBuf,
    layers: Vec<crate::config::Layer>,
    is_pack: bool,
    on_base: bool,
    stopped: Arc<AtomicBool>,
}

impl Job {
    fn make(&self) -> Result<Vec<Arc<Made>>, Vec<Fault>> {
        let canonical =
            |path: &Path| path.canonicalize().map_err(|e| Fault::new(format!("read {}", path.display()), e, ""));
        let root = canonical(&self.root).map_err(|fault| vec![fault])?;
        let own = canonical(&self.own).map_err(|fault| vec![fault])?;
        // Before the files are selected and read: a write in between must not look settled.
        let clock = Clock::of(&own).ok();
        let (mut recipes, mut named, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for layer in &self.layers {
            match select::entries(&root, &own, layer).and_then(|entries| self.recipes(layer, entries)) {
                Ok(more) => {
                    named.extend(more.iter().map(|_| layer));
                    recipes.extend(more);
                }
                Err(more) => faults.extend(more),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let known = Known::open(&own.join("layers.json"));
        let done = self.measure_all(&recipes, &known, clock.as_ref());
        let (mut made, mut kept) = (Vec::new(), Vec::new());
        for ((recipe, done), named) in recipes.into_iter().zip(done).zip(named) {
            match done {
                Ok((fingerprint, packing, mut layer)) => {
                    kept.extend(fingerprint.map(|fingerprint| (fingerprint, packing, layer.clone())));
                    if let Some(kind) = named.kind.filter(|_| self.is_pack) {
                        let is_raw = named.compression == Compression::Raw;
                        layer.descriptor.media_type = modelpack::media_type(kind, packing, is_raw);
                        layer.descriptor.annotations = modelpack::annotations(recipe.entries());
                    }
                    made.push(Arc::new(Made { recipe, packing, layer }));
                }
                Err(e) => faults.push(Fault::new(format!("hash the layer `{}`", named.name), e, "")),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Known::save(&own.join("layers.json"), &kept).map_err(|fault| vec![fault])?;
        Ok(made)
    }

    /// The one layer of a group of files, or one for each of them.
    fn recipes(&self, layer: &crate::config::Layer, entries: select::Entries) -> Result<Vec<Recipe>, Vec<Fault>> {
        if layer.compression != Compression::Raw {
            return Ok(vec![Recipe::new(entries, &layer.to, layer.compression, self.on_base)]);
        }
        let (mut recipes, mut faults) = (Vec::new(), Vec::new());
        for (place, entry) in entries {
            match entry {
                select::Entry::Folder => {}
                select::Entry::File { .. } => recipes.push(Recipe::raw(place, entry)),
                select::Entry::Link { .. } => {
                    let what = format!("select the files of the layer `{}`", layer.name);
                    let why = format!("{} is a link, which cannot be a layer of its own", place.display());
                    faults.push(Fault::new(what, why, "name what it leads to, or use another compression than raw"));
                }
            }
        }
        if faults.is_empty() { Ok(recipes) } else { Err(faults) }
    }

    /// Each layer on a thread, as many at a time as there are processors.
    fn measure_all(&self, recipes: &[Recipe], known: &Known, clock: Option<&Clock>) -> Vec<std::io::Result<Measured>> {
        let (next, threads) = (AtomicUsize::new(0), std::thread::available_parallelism().map_or(1, usize::from));
        let work = || {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(recipe) = recipes.get(number) else { return done };
                done.push((number, self.measure(recipe, known, clock)));
            }
        };
        let mut all = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads.min(recipes.len())).map(|_| scope.spawn(work)).collect();
            running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
        });
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, done)| done).collect()
    }

    fn measure(&self, recipe: &Recipe, known: &Known, clock: Option<&Clock>) -> std::io::Result<Measured> {
        let fingerprint = recipe.fingerprint(clock);
        let (packing, layer) = match fingerprint.as_deref().and_then(|name| known.layer(name)) {
            Some(known) => known,
            None => recipe.measure(&self.stopped)?,
        };
        Ok((fingerprint, packing, layer))
    }
}

/// The layer's fingerprint, when it has one, and what it came to.
type Measured = (Option<String>, Packing, Layer);

struct Sealed {
    manifest: OciDescriptor,
    platform: Value,
    bytes: u64,
    layers: usize,
}

fn seal(
    folder: &Layout,
    image: &Image,
    layered: &LayeredImage,
    platform: &str,
    made: &[Arc<Made>],
    (base_config, base): (Option<&Value>, Option<&Base>),
) -> std::io::Result<Sealed> {
    let own: Vec<Layer> = made.iter().map(|made| made.layer.clone()).collect();
    let (config, media_type, artifact) = match &layered.pack {
        Some(pack) => (modelpack::config(pack, &own), modelpack::CONFIG, Some(modelpack::MANIFEST)),
        None => (config::merged(layered, platform, &own, base_config.cloned()), CONFIG, None),
    };
    let platform = config::platform_of(&config);
    let config = folder.write(media_type, &serde_json::to_vec(&config)?)?;
    let below = base.map(|base| base.layers.clone()).unwrap_or_default();
    let layers: Vec<_> = below.into_iter().chain(own.into_iter().map(|layer| layer.descriptor)).collect();
    let bytes = size(&config) + layers.iter().map(size).sum::<u64>();
    let count = layers.len();
    let manifest = folder.write_manifest(config, layers, artifact, &image.annotations)?;
    Ok(Sealed { manifest, platform, bytes, layers: count })
}
