//! The engine's archive of images (`docker save`, `docker load`): `manifest.json`, which names a config and layers.
//! Reading turns it into an OCI layout as it streams by; writing makes one from a layout.

use super::blobs::Content;
use super::layout::{CONFIG, Layer, Layout, size};
use super::pipe::{self, Bounded};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures_util::{Stream, StreamExt};
use oci_client::manifest::OciDescriptor;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

/// Entries up to this size are held until `manifest.json`, which may come last, says what they are. Larger ones are
/// taken for layers and compressed as they come.
const SMALL: u64 = 1024 * 1024;
/// Of all small entries together: a guard against an archive made to fill the memory.
const MOST_SMALL: u64 = 256 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    layers: Vec<String>,
}

/// What was taken out of an archive.
pub(super) struct Unpacked {
    pub(super) config: OciDescriptor,
    pub(super) layers: Vec<OciDescriptor>,
}

#[derive(Default)]
struct Found {
    small: HashMap<PathBuf, Vec<u8>>,
    large: HashMap<PathBuf, Layer>,
    /// Old engines store a layer that occurs twice as a link to the first.
    links: HashMap<PathBuf, PathBuf>,
}

/// Reads an archive with one image into a layout. The config is kept as it is, so the image keeps its id; every layer
/// is checked against the digest that the config has for it.
pub(super) fn unpack(archive: impl Read, layout: &Layout) -> io::Result<Unpacked> {
    let mut found = sort(archive, layout)?;
    let listed = found.small.get(Path::new("manifest.json"));
    let listed = listed.ok_or_else(|| io::Error::other("the engine's archive has no manifest.json"))?;
    let [listed] = <[Listed; 1]>::deserialize(&mut serde_json::Deserializer::from_slice(listed))?;
    let missing = |name: &str| io::Error::other(format!("the engine's archive lacks {name}"));
    let config = found.small.get(Path::new(&listed.config)).ok_or_else(|| missing(&listed.config))?;
    let parsed: Value = serde_json::from_slice(config)?;
    let expected: Vec<&str> =
        parsed["rootfs"]["diff_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let config = layout.write(CONFIG, config)?;
    if expected.len() != listed.layers.len() {
        let text = format!("the config lists {} layers, the archive {}", expected.len(), listed.layers.len());
        return Err(io::Error::other(text));
    }
    let mut layers = Vec::new();
    for (name, expected) in listed.layers.iter().zip(expected) {
        let layer = found.take_layer(Path::new(name), layout)?.ok_or_else(|| missing(name))?;
        if layer.diff_id != expected {
            return Err(io::Error::other(format!("the layer {name} is {}, the config says {expected}", layer.diff_id)));
        }
        layers.push(layer.descriptor);
    }
    // Large entries that belong to no layer of this image, such as another platform's.
    let kept: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    for (_, layer) in
        found.large.drain().filter(|(_, layer)| kept.iter().all(|digest| *digest != layer.descriptor.digest))
    {
        std::fs::remove_file(layout.blob(&layer.descriptor.digest))?;
    }
    Ok(Unpacked { config, layers })
}

fn sort(archive: impl Read, layout: &Layout) -> io::Result<Found> {
    let (mut found, mut held) = (Found::default(), 0);
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = clean(&entry.path()?);
        if let Some(target) = entry.link_name()? {
            let from = name.parent().unwrap_or(Path::new(""));
            let target =
                if entry.header().entry_type().is_hard_link() { clean(&target) } else { clean(&from.join(target)) };
            found.links.insert(name, target);
        } else if entry.size() > SMALL {
            let bytes = entry.size();
            found.large.insert(name, compress(&mut entry, bytes, layout)?);
        } else if entry.header().entry_type().is_file() {
            held += entry.size();
            if held > MOST_SMALL {
                return Err(io::Error::other("the engine's archive has too many small entries"));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            found.small.insert(name, bytes);
        }
    }
    Ok(found)
}

impl Found {
    fn take_layer(&mut self, name: &Path, layout: &Layout) -> io::Result<Option<Layer>> {
        let name = clean(name);
        let name = self.links.get(&name).cloned().unwrap_or(name);
        if let Some(layer) = self.large.get(&name) {
            return Ok(Some(layer.clone()));
        }
        self.small.get(&name).map(|bytes| compress(bytes.as_slice(), bytes.len() as u64, layout)).transpose()
    }
}

/// Compresses a layer of `bytes` bytes our way; engines that keep layers compressed have them unpacked first.
fn compress(mut layer: impl Read, bytes: u64, layout: &Layout) -> io::Result<Layer> {
    let mut start = Vec::new();
    layer.by_ref().take(4).read_to_end(&mut start)?;
    let (is_gzip, is_zstd) = (start.starts_with(&[0x1f, 0x8b]), start == [0x28, 0xb5, 0x2f, 0xfd]);
    let mut whole = io::Cursor::new(start).chain(layer);
    let mut writer = layout.layer()?;
    match (is_gzip, is_zstd) {
        (true, _) => io::copy(&mut Bounded::new(MultiGzDecoder::new(whole), bytes), &mut writer)?,
        (_, true) => io::copy(&mut Bounded::new(zstd::Decoder::new(whole)?, bytes), &mut writer)?,
        _ => io::copy(&mut whole, &mut writer)?,
    };
    writer.finish()
}

/// A name without `.` and `..`.
fn clean(path: &Path) -> PathBuf {
    let mut name = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => name.push(part),
            Component::ParentDir => drop(name.pop()),
            _ => {}
        }
    }
    name
}

/// An archive for `docker load`. Layers are opened one after the other, each by `open`.
pub(super) fn pack<F>(
    config: Vec<u8>,
    layers: Vec<OciDescriptor>,
    mut open: impl FnMut(OciDescriptor) -> F + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static
where
    F: Future<Output = io::Result<Content>> + Send,
{
    // A layer that occurs twice is packed once and named twice.
    let mut once: Vec<OciDescriptor> = Vec::new();
    for layer in &layers {
        if !once.iter().any(|known| known.digest == layer.digest) {
            once.push(layer.clone());
        }
    }
    let (send, receive) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(8);
    tokio::spawn(async move {
        let done: io::Result<()> = async {
            let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            let name = |layer: &OciDescriptor| format!("{}.tar.gz", layer.digest.trim_start_matches("sha256:"));
            let names: Vec<_> = layers.iter().map(name).collect();
            let manifest = json!([{"Config": "config.json", "RepoTags": null, "Layers": names}]).to_string();
            for (name, bytes) in [("config.json", config), ("manifest.json", manifest.into_bytes())] {
                let entry = [&header(name, bytes.len() as u64)?[..], &bytes, &padding(bytes.len() as u64)].concat();
                send.send(Ok(entry.into())).await.map_err(gone)?;
            }
            for layer in once {
                let bytes = size(&layer);
                send.send(Ok(header(&name(&layer), bytes)?.into())).await.map_err(gone)?;
                let mut stream = open(layer.clone()).await?;
                let mut sent = 0;
                while let Some(chunk) = stream.next().await {
                    let chunk = chunk?;
                    sent += chunk.len() as u64;
                    send.send(Ok(chunk)).await.map_err(gone)?;
                }
                if sent != bytes {
                    let text = format!("the layer {} has {sent} bytes instead of {bytes}", layer.digest);
                    return Err(io::Error::other(text));
                }
                send.send(Ok(padding(bytes).into())).await.map_err(gone)?;
            }
            send.send(Ok(vec![0; 1024].into())).await.map_err(gone)
        }
        .await;
        if let Err(error) = done {
            let _ = send.send(Err(error)).await;
        }
    });
    pipe::receive(receive)
}

fn header(name: &str, bytes: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    let mut block = Vec::with_capacity(512);
    block.write_all(header.as_bytes())?;
    Ok(block)
}

fn padding(bytes: u64) -> Vec<u8> {
    vec![0; ((512 - bytes % 512) % 512) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    fn archive(entries: &[(&str, &[u8])], link: Option<(&str, &str)>) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, *bytes).unwrap();
        }
        if let Some((name, target)) = link {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, name, target).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn unpacked(archive: &[u8]) -> io::Result<(tempfile::TempDir, Layout, Unpacked)> {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("image")).unwrap();
        let unpacked = unpack(archive, &layout)?;
        Ok((dir, layout, unpacked))
    }

    #[test]
    fn small_large_packed_and_linked_layers_are_found() {
        let (small, large) = (vec![1; 2048], vec![2; 3 * SMALL as usize]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&large).unwrap();
        let gz = gz.finish().unwrap();
        let zstd = zstd::encode_all(large.as_slice(), 1).unwrap();
        let diff_ids = [&small, &large, &small, &large, &large].map(|layer| digest::of(layer));
        let config = json!({"rootfs": {"diff_ids": diff_ids}});
        let config = config.to_string().into_bytes();
        let layers = ["a", "b", "d", "e", "f"].map(|folder| format!("{folder}/layer.tar"));
        let manifest = json!([{"Config": "c.json", "Layers": layers}]);
        let manifest = manifest.to_string().into_bytes();
        let entries: [(&str, &[u8]); 7] = [
            ("a/layer.tar", &small),
            ("b/layer.tar", &large),
            ("e/layer.tar", &gz),
            ("f/layer.tar", &zstd),
            ("other/layer.tar", &vec![3; 2 * SMALL as usize]),
            ("c.json", &config),
            ("manifest.json", &manifest),
        ];
        let (_dir, layout, found) = unpacked(&archive(&entries, Some(("d/layer.tar", "../a/layer.tar")))).unwrap();
        assert_eq!(found.config.digest, digest::of(&config));
        let digests: Vec<_> = found.layers.iter().map(|layer| layer.digest.clone()).collect();
        assert_eq!(digests[2..], [&digests[0], &digests[1], &digests[1]].map(String::clone));
        let kept = std::fs::read_dir(layout.blob(&digests[0]).parent().unwrap()).unwrap().count();
        assert_eq!(kept, 3, "config and two layers, the other one is gone");
    }

    #[test]
    fn a_layer_that_is_not_what_the_config_says_is_refused() {
        let config = json!({"rootfs": {"diff_ids": [digest::of(b"wanted")]}}).to_string().into_bytes();
        let manifest = json!([{"Config": "c.json", "Layers": ["a/layer.tar"]}]).to_string().into_bytes();
        let of = |entries: &[(&str, &[u8])]| unpacked(&archive(entries, None)).err().unwrap().to_string();
        let (c, m) = (("c.json", config.as_slice()), ("manifest.json", manifest.as_slice()));
        assert!(of(&[("a/layer.tar", b"other"), c, m]).contains("the config says"));
        assert!(of(&[c, m]).contains("lacks a/layer.tar"));
        assert!(of(&[c]).contains("no manifest.json"));
    }

    #[tokio::test]
    async fn what_is_packed_unpacks_to_the_same_layers() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("image")).unwrap();
        let mut writer = layout.layer().unwrap();
        writer.write_all(&[5; 5000]).unwrap();
        let layer = writer.finish().unwrap();
        let config = json!({"rootfs": {"diff_ids": [layer.diff_id, layer.diff_id]}}).to_string().into_bytes();
        let bytes = layout.read(&layer.descriptor.digest).unwrap();
        let layers = vec![layer.descriptor.clone(), layer.descriptor.clone()];
        let stream = pack(config, layers, move |_| {
            let bytes = Bytes::from(bytes.clone());
            async move { Ok(futures_util::stream::iter([Ok(bytes)]).boxed()) }
        });
        let archive = stream.map(|chunk| chunk.unwrap().to_vec()).concat().await;
        let (_dir, _, found) = unpacked(&archive).unwrap();
        let digests: Vec<_> = found.layers.iter().map(|layer| &layer.digest).collect();
        assert_eq!(digests, [&layer.descriptor.digest; 2]);
    }
}
