//! Layers over layers, as engines write them, and as attackers do.

use super::*;
use crate::image::layout::{LAYER, descriptor};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

pub(super) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(super) fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    packed(&builder.into_inner().unwrap())
}

pub(super) fn walked(layers: &[Vec<u8>]) -> io::Result<Found> {
    layers.iter().enumerate().try_fold(Found::default(), |found, (number, bytes)| {
        let described = descriptor(LAYER, crate::digest::of(bytes), bytes.len() as u64);
        walk(found, number, &described, bytes.as_slice())
    })
}

#[test]
fn what_a_later_layer_removes_is_no_package_and_still_a_secret() {
    let status = "Package: bash\nStatus: install ok installed\nVersion: 1\n";
    let npm = "{\"name\": \"left-pad\", \"version\": \"1.0.0\"}";
    let below = layer(&[
        ("var/lib/dpkg/status", status),
        ("app/node_modules/left-pad/package.json", npm),
        ("app/.env", "PASSWORD=hunter2"),
        ("srv/.env", "PASSWORD=hunter2"),
        ("keep/.env", ""),
    ]);
    let above = layer(&[
        ("var/lib/dpkg/status", &status.replace("bash", "dash")),
        ("app/.wh.node_modules", ""),
        ("app/.wh..env", ""),
        ("srv/.wh..wh..opq", ""),
    ]);
    let found = walked(&[below, above]).unwrap();
    let names: Vec<String> = found.packages.all().into_iter().map(|package| package.name).collect();
    assert_eq!(names, ["dash"]);
    let secrets: Vec<_> = found.secrets.values().flatten().map(|s| (s.path.as_str(), s.number, s.removed_in)).collect();
    assert_eq!(secrets, [("app/.env", 0, Some(1)), ("keep/.env", 0, None), ("srv/.env", 0, Some(1))]);
}

#[test]
fn bombs_and_what_is_no_archive_are_refused() {
    // 128 MiB of zeros in 128 kB.
    let mut header = ::tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(128 << 20);
    header.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(header.as_bytes()).unwrap();
    io::copy(&mut io::repeat(0).take(128 << 20), &mut gzip).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(walked(&[bomb]).err().unwrap().to_string().contains("far too many for its size"));
    assert!(walked(&[b"<html>".to_vec()]).is_err());
    let good = layer(&[("a", "b")]);
    assert!(walked(&[good[..good.len() / 2].to_vec()]).is_err());
    assert!(walked(&[packed(&[1; 700])]).is_err());
}
