//! An image without a daemon: a base image that stays in its registry, or none, plus one layer for each entry of
//! `layers`. The same inputs give the same digest on every machine: paths are sorted, times, owners and modes fixed,
//! compression has no header of its own, and the image is `created` in 1970.

mod base;
mod config;
mod select;
mod tarball;

use super::layout::{CONFIG, Layer, Layout, size};
use super::{Access, Base, Built};
use crate::config::{Image, LayeredImage};
use crate::model::Fault;
use serde_json::Value;
use std::path::{Path, PathBuf};

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
    let base = base::find(image, layered, access).await.map_err(|fault| vec![fault])?;
    let folder = Layout::create(layout).map_err(|fault| vec![fault])?;
    let job = Job {
        root: root.to_path_buf(),
        // The layouts of earlier builds lie in mlgate's own folder and must not get into the next one.
        without: layout.parent().unwrap_or(layout).to_path_buf(),
        folder: folder.clone(),
        layers: layered.layers.clone(),
        on_base: base.is_some(),
    };
    // Writing stops at the next block when this future is dropped.
    let _stop = folder.stop_on_drop();
    let written = tokio::task::spawn_blocking(move || job.write());
    let own = written.await.map_err(|e| vec![Fault::new("write the layers", e, "")])??;
    let (base, base_config) = base.map_or((None, None), |(base, config)| (Some(base), Some(config)));
    seal(&folder, layered, own, base_config, base.as_ref())
        .map_err(|e| vec![Fault::new(format!("write the image to {}", layout.display()), e, "")])
        .map(|(digest, bytes, layers)| Built {
            repository: image.repository.clone(),
            tags: image.tags.clone(),
            digest,
            bytes,
            layers,
            layout: layout.to_path_buf(),
            engine_image: None,
            base,
            access: access.clone(),
        })
}

struct Job {
    root: PathBuf,
    without: PathBuf,
    folder: Layout,
    layers: Vec<crate::config::Layer>,
    on_base: bool,
}

impl Job {
    fn write(&self) -> Result<Vec<Layer>, Vec<Fault>> {
        let canonical =
            |path: &Path| path.canonicalize().map_err(|e| Fault::new(format!("read {}", path.display()), e, ""));
        let root = canonical(&self.root).map_err(|fault| vec![fault])?;
        let without = canonical(&self.without).map_err(|fault| vec![fault])?;
        let (mut written, mut faults) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            let made = select::entries(&root, &without, layer).and_then(|entries| {
                tarball::write(&self.folder, &entries, &layer.to, self.on_base)
                    .map_err(|e| vec![Fault::new(format!("write the layer `{}`", layer.name), e, "")])
            });
            match made {
                Ok(layer) => written.push(layer),
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() { Ok(written) } else { Err(faults) }
    }
}

fn seal(
    folder: &Layout,
    layered: &LayeredImage,
    own: Vec<Layer>,
    base_config: Option<Value>,
    base: Option<&Base>,
) -> std::io::Result<(String, u64, usize)> {
    let config = config::merged(layered, &own, base_config);
    let config = folder.write(CONFIG, &serde_json::to_vec(&config)?)?;
    let below = base.map(|base| base.layers.clone()).unwrap_or_default();
    let layers: Vec<_> = below.into_iter().chain(own.into_iter().map(|layer| layer.descriptor)).collect();
    let bytes = size(&config) + layers.iter().map(size).sum::<u64>();
    let count = layers.len();
    let manifest = folder.seal(config, layers)?;
    Ok((manifest.digest, bytes, count))
}
