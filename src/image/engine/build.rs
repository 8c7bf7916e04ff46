//! Building by the Docker engine: the context streams in, the image streams out into an OCI layout. The manifest is
//! made here, so its digest is known before anything is pushed; the config is the engine's, so the image keeps its id.

use super::buildkit::BuildKit;
use super::context::Context;
use super::output::{SILENT, Said};
use super::{classic, connect};
use crate::config::{Build, Image};
use crate::image::archive::{Unpacked, unpack};
use crate::image::layout::{Layout, size};
use crate::image::{Access, Built, OwnLayers, pipe};
use crate::model::Fault;
use bollard::Docker;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    let engine = connect(access).await?;
    let kit = if access.is_classic { None } else { BuildKit::of(&engine, &what).await? };
    let id = match kit {
        Some(kit) => kit.build(&what, root, asked, Arc::new(context.whole()), access, say).await?,
        None => classic::build(&engine, &what, asked, Arc::new(context), access, say).await?,
    };
    let (folder, unpacked) = take_over(&engine.docker, &id, layout).await?;
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
