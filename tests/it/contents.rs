//! What is in an image, against what the package managers themselves list.

use crate::parts;
use crate::repo::Repo;
use crate::support::{has, skipped};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn output(program: &str, args: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(args).output().map_err(|e| e.to_string())?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

/// `NAME VERSION` of each distribution beside which Python's own library finds metadata, copied into the image.
const PYTHON: &str = "
import importlib.metadata, pathlib, shutil, sys
for found in importlib.metadata.distributions():
    place = pathlib.Path(found._path)
    if place.name.endswith('.dist-info') and (place / 'METADATA').exists():
        to = pathlib.Path(sys.argv[1]) / 'usr/lib/python3/dist-packages' / place.name
        to.mkdir(parents=True, exist_ok=True)
        shutil.copy(place / 'METADATA', to)
        print(found.metadata['Name'], found.version)
";

#[test]
fn the_sbom_lists_what_dpkg_and_python_list() {
    let registry = match parts::registry() {
        Ok(registry) if has("dpkg-query") => registry,
        Ok(_) => return skipped("dpkg is not installed"),
        Err(why) => return skipped(&why),
    };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    for file in ["var/lib/dpkg/status", "etc/os-release"] {
        repo.write(&format!("rootfs/{file}"), &std::fs::read_to_string(Path::new("/").join(file)).unwrap());
    }
    let python = output("python3", &["-c", PYTHON, &repo.path("rootfs").display().to_string()]).unwrap();
    let config = repo.read("mlops.yaml").replace("layers: [", "layers: [{name: system, files: [rootfs/]}, ");
    repo.write("mlops.yaml", &config.replace("  tags: [", "  attest: [sbom]\n  tags: ["));
    repo.commit();
    repo.mlgate(&["run"]).exits(0);

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sign/sbom.py").display().to_string();
    let document = match output("python3", &[&script, &repository, &repo.digest()]) {
        Err(why) if why.contains("No module named") => return skipped(&why),
        document => document.unwrap(),
    };
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let listed = |kind: &str| -> BTreeSet<String> {
        let all = document["components"].as_array().unwrap().iter();
        let of_kind = all.filter(|c| c["purl"].as_str().is_some_and(|purl| purl.starts_with(&format!("pkg:{kind}/"))));
        of_kind.map(|c| format!("{} {}", c["name"].as_str().unwrap(), c["version"].as_str().unwrap())).collect()
    };
    let format = "--showformat=${db:Status-Status}\t${Package} ${Version}\n";
    let told = output("dpkg-query", &["--show", format]).unwrap();
    let told: BTreeSet<String> =
        told.lines().filter_map(|l| l.strip_prefix("installed\t")).map(str::to_string).collect();
    assert!(told.len() > 50, "{told:?}");
    assert_eq!(listed("deb"), told);
    let python: BTreeSet<String> = python.lines().map(str::to_string).collect();
    assert!(!python.is_empty());
    assert_eq!(listed("pypi"), python);
    assert_eq!(document["components"][0]["type"], "operating-system");
}

#[test]
fn an_image_that_runs_as_root_or_holds_a_secret_is_blocked_and_so_is_one_that_grew() {
    let registry = match parts::registry() {
        Ok(registry) => registry,
        Err(why) => return skipped(&why),
    };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let plain = repo.read("mlops.yaml");
    let with = |lines: &str| plain.replace("  tags: [", &format!("{lines}\n  tags: ["));
    let checks = "  checks: {non_root: block, healthcheck: warn, secrets: block, secrets_except: [model/testdata/**]}";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "Ab+/".repeat(20));
    repo.write("mlops.yaml", &with(checks));
    repo.write("model/server.txt", &key);
    repo.write("model/testdata/other.txt", &key);
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(1);
    let record = repo.record();
    let verdict = |id: &str| record["verdicts"].as_array().unwrap().iter().find(|v| v["id"] == id).unwrap().clone();
    assert_eq!(verdict("image.non_root")["outcome"], "failed");
    assert_eq!(verdict("image.healthcheck")["outcome"], "warned");
    let secrets = verdict("image.secrets");
    assert_eq!((&secrets["outcome"], &secrets["value"]), (&"failed".into(), &1.0.into()), "{secrets}");
    assert!(secrets["examples"].to_string().contains("/model/server.txt in layer 1"), "{secrets}");
    assert!(!said.contains("Ab+/"), "the key is not shown");

    std::fs::remove_file(repo.path("model/server.txt")).unwrap();
    repo.write(
        "mlops.yaml",
        &with(&format!("{checks}\n  user: 1000\n  first_run: accept\n  gates: [size < 1MB, size <= baseline + 10%]")),
    );
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    for environment in ["staging", "prod"] {
        repo.mlgate(&["promote", environment]).exits(0);
    }
    // Grown by far more than a tenth of what runs in production.
    repo.write("model/table.txt", &(0..2000).map(|i| format!("{}\n", i * 7919 % 10007)).collect::<String>());
    repo.commit();
    repo.mlgate(&["run"]).exits(1);
    let verdicts = repo.record()["verdicts"].clone();
    let grown = verdicts.as_array().unwrap().iter().find(|v| v["gate"] == "size <= baseline + 10%").unwrap();
    assert_eq!(grown["outcome"], "failed", "{grown}");
    // An age that nothing tells is no age below the bound.
    repo.write("mlops.yaml", &with("  gates: [base_age < 90d]"));
    repo.commit();
    repo.mlgate(&["run"]).exits(4);
}

/// Puts an index of the images with the tags `amd64` and `arm64` under the tag `both`.
const INDEX: &str = "
import json, sys, urllib.request
host, name = sys.argv[1].split('/', 1)
manifest = 'application/vnd.oci.image.manifest.v1+json'
def ask(method, path, body=None):
    headers = {'Accept': manifest} | ({'Content-Type': json.loads(body)['mediaType']} if body else {})
    return urllib.request.urlopen(urllib.request.Request(f'http://{host}/v2/{name}/manifests/{path}', body, headers, method=method)).read()
listed = []
for architecture in ('amd64', 'arm64'):
    body = ask('GET', architecture)
    digest = 'sha256:' + __import__('hashlib').sha256(body).hexdigest()
    platform = {'os': 'linux', 'architecture': architecture}
    listed.append({'mediaType': manifest, 'digest': digest, 'size': len(body), 'platform': platform})
index = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': listed}
ask('PUT', 'both', json.dumps(index).encode())
";

#[test]
fn every_platform_is_looked_into() {
    let registry = match parts::registry() {
        Ok(registry) => registry,
        Err(why) => return skipped(&why),
    };
    // A base of which one platform has a key in it, and runs as root.
    let base = registry.repository("base");
    for (architecture, user, file) in [("amd64", "user: app, ", "notes.txt"), ("arm64", "", "id_rsa")] {
        let repo = Repo::new(&base);
        repo.write(&format!("root/{file}"), "");
        repo.write(
            "mlops.yaml",
            &format!(
                "version: 1\nmodel: {{name: base, files: [root/]}}\nimage: {{repository: '{base}', tags: [{architecture}], \
                 platform: linux/{architecture}, {user}gates: [size < 1MB], layers: [{{name: root, files: [root/], to: /}}]}}\n"
            ),
        );
        repo.commit();
        repo.mlgate(&["run"]).exits(0);
    }
    output("python3", &["-c", INDEX, &base]).unwrap();

    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let both = format!(
        "  base: {base}:both\n  platforms: [linux/amd64, linux/arm64]\n  attest: [sbom]\n  \
         checks: {{non_root: warn, secrets: block}}\n  tags: ["
    );
    let config = repo.read("mlops.yaml").replace("  tags: [", &both);
    repo.write("mlops.yaml", &config);
    repo.commit();
    repo.mlgate(&["run"]).exits(1);
    let verdict = |id: &str| {
        let record = repo.record();
        record["verdicts"].as_array().unwrap().iter().find(|v| v["id"] == id).unwrap().clone()
    };
    let secrets = verdict("image.secrets");
    assert_eq!((&secrets["outcome"], &secrets["value"]), (&"failed".into(), &1.0.into()), "{secrets}");
    assert!(secrets["examples"].to_string().contains("/id_rsa in layer"), "{secrets}");
    let user = verdict("image.non_root");
    assert_eq!(user["outcome"], "warned");
    assert!(user["reason"].as_str().unwrap().starts_with("linux/arm64: it names no user"), "{user}");
    // One of its own layers on one layer of the base, twice.
    repo.write("mlops.yaml", &config.replace("secrets: block", "secrets: block, secrets_except: ['**/id_rsa']"));
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    assert_eq!(verdict("image.secrets")["reason"], "none in 4 layers of 2 platforms");
}
