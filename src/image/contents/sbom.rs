//! The packages of an image as a CycloneDX 1.6 document (<https://cyclonedx.org/docs/1.6/json/>). It has neither time nor
//! serial number: the same image has the same document.

use super::{Contents, Package};
use serde_json::{Value, json};

pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";

/// The document of the image `repository@digest`: what any of its platforms has, once.
pub fn cyclonedx(platforms: &[Contents], repository: &str, digest: &str) -> Value {
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let reference = format!("pkg:oci/{}@{}?repository_url={}", quoted(name), quoted(digest), quoted(repository));
    let mut components = Vec::new();
    for (at, system) in platforms.iter().enumerate().filter_map(|(at, one)| Some((at, one.system.as_ref()?))) {
        if !platforms.iter().take(at).any(|before| before.system.as_ref() == Some(system)) {
            components.push(json!({
                "type": "operating-system", "bom-ref": format!("os:{}@{}", system.id, system.version),
                "name": system.id, "version": system.version, "description": system.name,
            }));
        }
    }
    let mut all: Vec<(String, &Package)> = Vec::new();
    for contents in platforms {
        all.extend(contents.packages.iter().map(|package| (purl(package, contents), package)));
    }
    // Sorted by package, as the lists of the platforms are; then what several platforms have comes together.
    all.sort_by(|(purl, package), (other, next)| (package, purl).cmp(&(next, other)));
    all.dedup();
    let mut packages: Vec<(String, Vec<&Package>)> = Vec::new();
    for (purl, package) in all {
        // The same package may lie in several places.
        match packages.last_mut() {
            Some((known, places)) if *known == purl => places.push(package),
            _ => packages.push((purl, vec![package])),
        }
    }
    components.extend(packages.iter().map(|(purl, places)| {
        let paths = places.iter().map(|place| json!({"location": place.path}));
        json!({
            "type": "library", "bom-ref": purl, "name": places[0].name, "version": places[0].version, "purl": purl,
            "evidence": {"occurrences": paths.collect::<Vec<_>>()},
        })
    }));
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "mlgate", "version": env!("CARGO_PKG_VERSION")}]},
            "component": {
                "type": "container", "bom-ref": reference, "name": repository, "version": digest, "purl": reference,
            },
        },
        "components": components,
    })
}

/// <https://github.com/package-url/purl-spec>
fn purl(package: &Package, contents: &Contents) -> String {
    let Package { kind, name, version, architecture, .. } = package;
    let version = quoted(version);
    match *kind {
        "deb" => {
            let system = contents.system.as_ref();
            let vendor = system.map_or("debian", |system| system.id.as_str());
            let mut qualifiers: Vec<String> =
                architecture.iter().map(|arch| format!("arch={}", quoted(arch))).collect();
            qualifiers
                .extend(system.map(|system| format!("distro={}-{}", quoted(&system.id), quoted(&system.version))));
            let qualifiers = if qualifiers.is_empty() { String::new() } else { format!("?{}", qualifiers.join("&")) };
            format!("pkg:deb/{}/{}@{version}{qualifiers}", quoted(vendor), quoted(&name.to_lowercase()))
        }
        "pypi" => format!("pkg:pypi/{}@{version}", quoted(&name.to_lowercase().replace(['_', '.'], "-"))),
        "npm" => {
            let parts: Vec<String> = name.split('/').map(quoted).collect();
            format!("pkg:npm/{}@{version}", parts.join("/"))
        }
        kind => format!("pkg:{kind}/{}@{version}", quoted(name)),
    }
}

/// Percent-encoding: all but letters, digits and `.-_~`; colons stay, as the specification has them.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::contents::System;

    #[test]
    fn packages_have_the_urls_of_their_kinds_and_are_listed_once() {
        let package = |kind, name: &str, version: &str, path: &str| {
            let architecture = (kind == "deb").then(|| "amd64".to_string());
            Package { kind, name: name.into(), version: version.into(), architecture, path: path.into() }
        };
        let contents = Contents {
            system: Some(System { id: "debian".into(), version: "12".into(), name: "Debian 12".into() }),
            packages: vec![
                package("cargo", "serde", "1.0.0", "bin/a"),
                package("cargo", "serde", "1.0.0", "bin/b"),
                package("deb", "libc6", "1:2.36-9+deb12u4", "var/lib/dpkg/status"),
                package("npm", "@scope/name", "1.0.0", "x"),
                package("pypi", "Flask_Login", "0.6", "y"),
            ],
            ..Contents::default()
        };
        let bom = cyclonedx(std::slice::from_ref(&contents), "ghcr.io/acme/churn", "sha256:aa");
        let urls: Vec<&str> = bom["components"].as_array().unwrap().iter().filter_map(|c| c["purl"].as_str()).collect();
        assert_eq!(
            urls,
            [
                "pkg:cargo/serde@1.0.0",
                "pkg:deb/debian/libc6@1:2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
                "pkg:npm/%40scope/name@1.0.0",
                "pkg:pypi/flask-login@0.6",
            ]
        );
        assert_eq!(bom["components"][1]["evidence"]["occurrences"].as_array().unwrap().len(), 2);
        // Another platform adds what it has more.
        let mut arm = contents.clone();
        arm.packages.push(package("deb", "libc6", "1:2.36-9+deb12u4", "var/lib/dpkg/status"));
        arm.packages[5].architecture = Some("arm64".into());
        let both = cyclonedx(&[contents, arm], "ghcr.io/acme/churn", "sha256:aa");
        let of_both: Vec<Value> = both["components"].as_array().unwrap().clone();
        let more = of_both.iter().filter(|c| !bom["components"].as_array().unwrap().contains(c)).collect::<Vec<_>>();
        assert_eq!((of_both.len(), more.len()), (6, 1), "{of_both:?}");
        assert!(more[0]["purl"].as_str().unwrap().contains("arch=arm64"), "{more:?}");
        let image = bom["metadata"]["component"]["purl"].as_str().unwrap();
        assert_eq!(image, "pkg:oci/churn@sha256:aa?repository_url=ghcr.io%2Facme%2Fchurn");
    }
}
