//! Images for real: a Docker engine, registries on loopback, skopeo as the judge of what was pushed.

mod buildkit;
mod faults;
mod jobs;
mod lifecycle;
mod login;
mod modelpack;
mod podman;
mod remote;
mod sshd;
mod submodules;

use crate::parts::{self, Registry, skopeo};
use crate::support::{config, context, free_port, skipped};
use mlgate::config::{Build, Compression, Config, DockerBuild, Image, Layer, LayeredImage};
use mlgate::image::{Access, Built, Proof, container, publish, pull_record, resolve, retag};
use mlgate::model::{Cleared, Decision, Evidence, Outcome, StageKind, Unit, Verdict};
use mlgate::stage::{self, Context};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn cleared() -> Cleared {
    let verdict = Verdict { outcome: Outcome::Passed, ..Verdict::new(StageKind::Quality, "quality.f1", "f1 >= 0.8") };
    match Decision::over(&[verdict]) {
        Decision::Cleared(cleared) => cleared,
        Decision::Blocked(_) => panic!("one passed verdict clears"),
    }
}

/// An environment with nothing but the engine and a folder for Docker's configuration.
fn access(engine: Option<&str>, home: Option<&Path>) -> Access {
    Access::from_lookup(|name| match name {
        "DOCKER_HOST" => engine.map(str::to_string),
        "DOCKER_CONFIG" => home.map(|home| home.display().to_string()),
        _ => None,
    })
}

async fn build(root: &Path, image: &Image, access: &Access) -> (Evidence, Option<Built>) {
    let config = Config { image: Some(image.clone()), ..config() };
    let ctx = Context { access, ..context(&config, root) };
    stage::image::run(&ctx, image, access).await
}

async fn built(root: &Path, image: &Image, access: &Access) -> Built {
    let (evidence, built) = build(root, image, access).await;
    assert!(evidence.faults.is_empty(), "{:?}", evidence.faults);
    let built = built.expect("an image");
    let size = evidence.measurements.iter().find(|m| m.id == "image.size").expect("its size");
    assert_eq!((size.value, size.unit), (built.bytes as f64, Unit::Bytes));
    built
}

fn layered(repository: &str, base: Option<&str>) -> (Image, LayeredImage) {
    let layer = |name: &str, files: &[&str], to: &str| Layer {
        name: name.into(),
        files: files.iter().map(|file| file.to_string()).collect(),
        to: to.into(),
        compression: Compression::default(),
        kind: None,
    };
    let layers = LayeredImage {
        base: base.map(str::to_string),
        layers: vec![layer("tools", &["bin/"], "/bin"), layer("model", &["model/", "notes/*.txt"], "/www")],
        entrypoint: ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"].map(String::from).into(),
        command: Vec::new(),
        env: vec![("MODEL".into(), "churn".into())],
        workdir: Some("/www".into()),
        user: Some("1000".into()),
        ports: vec![8080],
        labels: vec![("org.opencontainers.image.title".into(), "churn".into())],
        platforms: vec!["linux/amd64".into()],
        pack: None,
    };
    (image(repository, Build::Layers(layers.clone())), layers)
}

fn image(repository: &str, build: Build) -> Image {
    Image {
        repository: repository.into(),
        build,
        tags: vec!["v1".into(), "candidate".into()],
        insecure: false,
        annotations: Vec::new(),
        attest: Vec::new(),
        checks: Default::default(),
        gates: Vec::new(),
        first_run_accepted: false,
    }
}

/// A model's repository with static busybox as the server.
fn sources() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for folder in ["bin", "model/sub", "notes"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    fs::copy("/bin/busybox", dir.path().join("bin/busybox")).unwrap();
    fs::set_permissions(dir.path().join("bin/busybox"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(dir.path().join("model/weights.bin"), "the weights\n").unwrap();
    fs::write(dir.path().join("model/sub/labels.txt"), "yes\nno\n").unwrap();
    fs::write(dir.path().join("notes/card.txt"), "model card\n").unwrap();
    std::os::unix::fs::symlink("weights.bin", dir.path().join("model/latest")).unwrap();
    dir
}

/// What `skopeo inspect` says of a reference: the digest.
fn inspected(reference: &str) -> Result<String, String> {
    let text = skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &format!("docker://{reference}")]);
    text.map(|text| text.trim().to_string())
}

fn start_registry() -> Option<Registry> {
    if !Path::new("/bin/busybox").exists() {
        skipped("busybox is not installed");
        return None;
    }
    parts::registry().map_err(|why| skipped(&why)).ok()
}

fn record(finished: &str) -> Vec<u8> {
    format!("{{\"schema\": 1, \"run\": {{\"finished\": \"{finished}\"}},\n \"value\": 0.1000 }}").into_bytes()
}

#[tokio::test]
async fn the_same_inputs_are_the_same_image_and_are_pushed_once() {
    let Some(registry) = start_registry() else { return };
    let (one, other) = (sources(), sources());
    // Another machine: other times, owners and umask, and the files made in another order.
    for (file, mode) in [("model/weights.bin", 0o600), ("bin/busybox", 0o700), ("notes/card.txt", 0o666)] {
        let file = other.path().join(file);
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        let _ = chown(&file, Some(1234), Some(1234));
    }
    let repository = registry.repository("acme/churn");
    let (image, _) = layered(&repository, None);
    let access = access(None, None);
    let first = built(one.path(), &image, &access).await;
    let second = built(other.path(), &image, &access).await;
    assert_eq!(first.digest, second.digest);
    assert_eq!(registry.uploads(), 0, "building pushes nothing");

    let early = record("2026-01-01T00:00:00Z");
    let pushed = publish(&first, &Proof::of_record(&early), false, &cleared()).await.unwrap();
    assert_eq!(pushed.bytes, first.bytes);
    for tag in &image.tags {
        assert_eq!(inspected(&format!("{repository}:{tag}")).unwrap(), first.digest);
    }
    let copy = tempfile::tempdir().unwrap();
    let (from, to) = (format!("docker://{repository}@{}", first.digest), format!("dir:{}", copy.path().display()));
    skopeo(&["copy", "--src-tls-verify=false", &from, &to]).unwrap();
    let config = skopeo(&["inspect", "--tls-verify=false", "--config", &from]).unwrap();
    for wanted in ["\"User\": \"1000\"", "\"8080/tcp\"", "MODEL=churn", "\"architecture\": \"amd64\""] {
        assert!(config.contains(wanted), "{wanted} in {config}");
    }

    // By digest alone, byte for byte; again without sending anything but the new record.
    let (name, digest) = (repository.as_str(), first.digest.as_str());
    assert_eq!(pull_record(name, digest, false, &access).await.unwrap(), Some(early.clone()));
    let uploads = registry.uploads();
    assert_eq!(publish(&second, &Proof::of_record(&early), false, &cleared()).await.unwrap().bytes, 0);
    assert_eq!(registry.uploads(), uploads, "the registry had every blob");

    // A second record joins the first under the fallback tag, and what others put there stays.
    let late = record("2026-02-01T00:00:00Z");
    publish(&first, &Proof::of_record(&late), false, &cleared()).await.unwrap();
    publish(&first, &Proof::of_record(&record("2025-12-01T00:00:00Z")), false, &cleared()).await.unwrap();
    assert_eq!(pull_record(name, digest, false, &access).await.unwrap(), Some(late));
    let index = format!("docker://{repository}:{}", digest.replace(':', "-"));
    let index = skopeo(&["inspect", "--raw", "--tls-verify=false", &index]).unwrap();
    assert_eq!(index.matches("\"artifactType\":\"application/vnd.mlgate.record.v1+json\"").count(), 3, "{index}");

    retag(name, digest, "prod", false, &access, &cleared()).await.unwrap();
    assert_eq!(inspected(&format!("{repository}:prod")).unwrap(), first.digest);
    assert_eq!(resolve(name, "prod", false, &access).await.unwrap(), Some(first.digest.clone()));
    assert_eq!(resolve(name, "nothing", false, &access).await.unwrap(), None);
    let absent = format!("sha256:{}", "0".repeat(64));
    let fault = pull_record(name, &absent, false, &access).await.unwrap_err();
    assert!(fault.why.contains("neither this image nor a record"), "{fault}");
    let fault = retag(name, &absent, "prod", false, &access, &cleared()).await.unwrap_err();
    assert!(fault.why.contains("no such manifest"), "{fault}");
    assert_eq!(inspected(&format!("{repository}:prod")).unwrap(), first.digest, "a failed retag changes nothing");
}

#[tokio::test]
async fn base_layers_are_mounted_or_streamed_and_never_stored() {
    let (Some(registry), Some(elsewhere)) = (start_registry(), start_registry()) else { return };
    let dir = sources();
    let access = access(None, None);
    let (image, _) = layered(&registry.repository("base"), None);
    let base = built(dir.path(), &image, &access).await;
    publish(&base, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();

    fs::write(dir.path().join("model/weights.bin"), "better weights\n").unwrap();
    let name = format!("{}:v1", registry.repository("base"));
    let (mut same, mut layers) = layered(&registry.repository("churn"), Some(&name));
    layers.layers.remove(0);
    layers.entrypoint.clear();
    same.build = Build::Layers(layers);
    let (evidence, on_base) = build(dir.path(), &same, &access).await;
    let on_base = on_base.unwrap_or_else(|| panic!("{:?}", evidence.faults));
    assert_eq!((evidence.inputs[0].kind.as_str(), &evidence.inputs[0].digest), ("image.base", &base.digest));
    assert!(evidence.notes[0].contains(&base.digest), "{:?}", evidence.notes);
    assert_eq!(on_base.layers, 3);
    let kept = fs::read_dir(on_base.layout.join("blobs/sha256")).unwrap().count();
    assert_eq!(kept, 2, "config and manifest; no layer at all");

    let pushed = publish(&on_base, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    assert_eq!(pushed.reused, 2, "both layers of the base were mounted");
    let moved = Built { repository: elsewhere.repository("churn"), ..on_base.clone() };
    let pushed = publish(&moved, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    assert_eq!(pushed.bytes, on_base.bytes, "everything was streamed to the other registry");
    for repository in [registry.repository("churn"), elsewhere.repository("churn")] {
        assert_eq!(inspected(&format!("{repository}:v1")).unwrap(), on_base.digest);
        let copy = tempfile::tempdir().unwrap();
        let from = format!("docker://{repository}:v1");
        skopeo(&["copy", "--src-tls-verify=false", &from, &format!("dir:{}", copy.path().display())]).unwrap();
        let config = skopeo(&["inspect", "--tls-verify=false", "--config", &from]).unwrap();
        assert!(config.contains("httpd"), "the base's entrypoint is kept: {config}");
    }

    let (absent, _) = layered(&registry.repository("churn"), Some(&format!("{}:none", registry.repository("base"))));
    let (evidence, none) = build(dir.path(), &absent, &access).await;
    assert!(none.is_none() && evidence.faults[0].why.contains("the registry has no none"), "{:?}", evidence.faults);
}

#[tokio::test]
async fn an_image_for_two_platforms_is_an_index_on_an_index() {
    let Some(registry) = start_registry() else { return };
    let dir = sources();
    let access = access(None, None);
    let both = |name: &str, base: Option<&str>, compression| {
        let (image, mut layers) = layered(&registry.repository(name), base);
        layers.platforms = vec!["linux/amd64".into(), "linux/arm64".into()];
        layers.layers.iter_mut().for_each(|layer| layer.compression = compression);
        Image { build: Build::Layers(layers), ..image }
    };
    let base = built(dir.path(), &both("base", None, Compression::Zstd), &access).await;
    publish(&base, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    fs::write(dir.path().join("model/weights.bin"), "better weights\n").unwrap();
    let name = format!("{}:v1", registry.repository("base"));
    let image = both("churn", Some(&name), Compression::None);
    let (evidence, on_base) = build(dir.path(), &image, &access).await;
    let on_base = on_base.unwrap_or_else(|| panic!("{:?}", evidence.faults));
    let platforms: Vec<&str> = on_base.bases.iter().map(|base| base.platform.as_str()).collect();
    assert_eq!((on_base.layers, platforms), (4, vec!["linux/amd64", "linux/arm64"]));
    assert!(evidence.inputs[1].name.ends_with("for linux/arm64"), "{:?}", evidence.inputs);
    publish(&on_base, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();

    let from = format!("docker://{}:v1", registry.repository("churn"));
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &from]).unwrap();
    assert!(raw.contains("application/vnd.oci.image.index.v1+json"), "{raw}");
    for architecture in ["amd64", "arm64"] {
        let copy = tempfile::tempdir().unwrap();
        let to = format!("dir:{}", copy.path().display());
        skopeo(&["copy", "--src-tls-verify=false", "--override-arch", architecture, &from, &to]).unwrap();
        let config = skopeo(&["inspect", "--config", &to]).unwrap();
        assert!(config.contains(&format!("\"architecture\": \"{architecture}\"")), "{config}");
        let layers = fs::read_to_string(copy.path().join("manifest.json")).unwrap();
        assert_eq!(layers.matches("layer.v1.tar+zstd").count(), 2, "the base's: {layers}");
        assert_eq!(layers.matches("layer.v1.tar\"").count(), 2, "its own: {layers}");
    }
    let record = pull_record(&on_base.repository, &on_base.digest, false, &access).await.unwrap();
    assert_eq!(record.as_deref(), Some(&b"{}"[..]), "the record is about the index");

    let mut absent = both("churn", Some(&name), Compression::Auto);
    if let Build::Layers(layers) = &mut absent.build {
        layers.platforms.push("linux/s390x".into());
    }
    let (evidence, none) = build(dir.path(), &absent, &access).await;
    assert!(none.is_none() && evidence.faults[0].why.contains("not there for linux/s390x"), "{:?}", evidence.faults);
}

#[tokio::test]
async fn without_a_registry_the_image_is_a_layout_on_disk_whole_or_not_at_all() {
    let Some(registry) = start_registry() else { return };
    let dir = sources();
    let access = access(None, None);
    let (base, _) = layered(&registry.repository("base"), None);
    publish(&built(dir.path(), &base, &access).await, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    let name = format!("{}:v1", registry.repository("base"));
    let (to_folder, _) = layered("oci:dist/image", Some(&name));
    let ready = built(dir.path(), &to_folder, &access).await;
    let folder = dir.path().join("dist/image");
    assert!(!folder.exists(), "building writes nothing there");
    let written = publish(&ready, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    assert!(written.bytes > 0, "the layers of the base among them, each once");
    for tag in ["v1", "candidate"] {
        let from = format!("oci:{}:{tag}", folder.display());
        let copy = tempfile::tempdir().unwrap();
        skopeo(&["copy", &from, &format!("dir:{}", copy.path().display())]).unwrap();
        let digest = skopeo(&["inspect", "--format", "{{.Digest}}", &from]).unwrap();
        assert_eq!(digest.trim(), ready.digest);
    }
    publish(&ready, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    assert_eq!(fs::read_dir(dir.path().join("dist")).unwrap().count(), 1, "replaced, and nothing beside it");

    // What is no layout is not touched.
    let (elsewhere, _) = layered("oci:notes", Some(&name));
    let fault = publish(&built(dir.path(), &elsewhere, &access).await, &Proof::of_record(b"{}"), false, &cleared())
        .await
        .unwrap_err();
    assert!(fault.why.contains("is no image layout") && dir.path().join("notes/card.txt").is_file(), "{fault}");

    // A disk that gets full on the way leaves the old image as it was.
    let small = dir.path().join("small");
    fs::create_dir(&small).unwrap();
    let mount =
        |arguments: &[&str]| std::process::Command::new(arguments[0]).args(&arguments[1..]).arg(&small).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=256k", "none"]).is_ok_and(|status| status.success()) {
        return skipped("a small disk cannot be mounted here");
    }
    let (full, _) = layered("oci:small/image", Some(&name));
    let done = publish(&built(dir.path(), &full, &access).await, &Proof::of_record(b"{}"), false, &cleared()).await;
    let left = fs::read_dir(&small).unwrap().count();
    mount(&["umount"]).unwrap();
    let fault = done.unwrap_err();
    assert!(fault.why.contains("No space left") && fault.hint.contains("disk full"), "{fault}");
    assert_eq!(left, 0, "nothing half-written stays");
}

#[tokio::test]
async fn a_registry_that_is_down_or_closed_is_a_named_fault() {
    let Some(mut registry) = start_registry() else { return };
    let dir = sources();
    let repository = registry.repository("churn");
    let (image, _) = layered(&repository, None);
    let access_none = access(None, None);
    let ready = built(dir.path(), &image, &access_none).await;
    registry.stop();
    let fault = publish(&ready, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap_err();
    assert!(fault.why.contains("Connection refused") && fault.why.contains("tried 5 times"), "{fault}");
    assert!(pull_record(&repository, &ready.digest, false, &access_none).await.is_err());
    assert!(resolve(&repository, "v1", false, &access_none).await.is_err());

    let closed = match parts::registry_with_password() {
        Ok(registry) => registry,
        Err(why) => return skipped(&why),
    };
    let ready = Built { repository: closed.repository("churn"), ..ready };
    let fault = publish(&ready, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap_err();
    assert!(fault.why.contains("401") && fault.hint.contains("docker login"), "{fault}");
    let login = |password: &str| {
        let home = tempfile::tempdir().unwrap();
        let (user, host) = (parts::ACCOUNT.0, &closed.host);
        let config =
            format!("{{\"auths\": {{\"{host}\": {{\"username\": \"{user}\", \"password\": \"{password}\"}}}}}}");
        fs::write(home.path().join("config.json"), config).unwrap();
        home
    };
    let wrong = login("wrong-word");
    let ready = Built { access: access(None, Some(wrong.path())), ..ready };
    let fault = publish(&ready, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap_err();
    assert!(fault.why.contains("401") && !fault.to_string().contains("wrong-word"), "{fault}");
    let right = login(parts::ACCOUNT.1);
    let ready = Built { access: access(None, Some(right.path())), ..ready };
    assert_eq!(resolve(&ready.repository, "v1", false, &ready.access).await.unwrap(), None, "nothing was tagged");
    publish(&ready, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap();
    let tag = resolve(&ready.repository, "v1", false, &ready.access).await.unwrap();
    assert_eq!(tag, Some(ready.digest.clone()));
    assert!(pull_record(&ready.repository, &ready.digest, false, &ready.access).await.unwrap().is_some());
}

#[tokio::test]
async fn every_problem_of_the_layers_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bin")).unwrap();
    fs::write(dir.path().join("outside"), "x").unwrap();
    let (image, _) = layered("localhost:1/churn", None);
    let (evidence, none) = build(dir.path(), &image, &access(None, None)).await;
    let told: Vec<String> = evidence.faults.iter().map(ToString::to_string).collect();
    assert!(none.is_none() && told.len() == 3, "{told:?}");
    assert!(
        told[0].contains("`bin/` matches nothing") && told[2].contains("`notes/*.txt` matches nothing"),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_a_named_fault() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let image = image("localhost:1/churn", docker());
    for (host, why) in [
        ("unix:///nowhere/docker.sock".to_string(), "there is no socket"),
        (format!("tcp://127.0.0.1:{}", free_port()), "refused"),
        ("npipe:////./pipe/docker_engine".to_string(), "does not speak"),
    ] {
        let (evidence, none) = build(dir.path(), &image, &access(Some(&host), None)).await;
        let fault = evidence.faults.first().unwrap_or_else(|| panic!("{host} gave no fault"));
        assert!(none.is_none() && fault.to_string().contains(why) && !fault.hint.is_empty(), "{fault}");
    }
}

fn docker() -> Build {
    Build::Docker(DockerBuild {
        dockerfile: "Dockerfile".into(),
        context: ".".into(),
        args: vec![("GREETING".into(), "hello".into())],
        labels: vec![("org.opencontainers.image.title".into(), "churn".into())],
        platform: Some("linux/amd64".into()),
        ..DockerBuild::default()
    })
}

const DOCKERFILE: &str = r#"FROM scratch
ARG GREETING
COPY bin/busybox /bin/busybox
RUN ["/bin/busybox", "mkdir", "-p", "/www"]
RUN ["/bin/busybox", "sh", "-c", "echo $GREETING > /www/index.html; dd if=/dev/urandom of=/www/big bs=1M count=3"]
EXPOSE 8080
ENTRYPOINT ["/bin/busybox", "httpd", "-f", "-v", "-p", "8080", "-h", "/www"]
"#;

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    for _ in 0..200 {
        if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await {
            let request = format!("GET {path} HTTP/1.0\r\n\r\n");
            let mut answer = String::new();
            if stream.write_all(request.as_bytes()).await.is_ok()
                && stream.read_to_string(&mut answer).await.is_ok()
                && !answer.is_empty()
            {
                return answer;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{address} never answered");
}

/// This process's containers, running or not, as the engine lists them.
async fn containers(host: &str) -> Vec<String> {
    let named = format!("name=^/mlgate-{}-", std::process::id());
    let arguments = ["--host", host, "ps", "--all", "--quiet", "--filter", &named];
    let listed = std::process::Command::new("docker").args(arguments).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_builds_what_is_pushed_and_probed() {
    let Some(registry) = start_registry() else { return };
    let engine = match parts::engine() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let dir = sources();
    fs::write(dir.path().join("Dockerfile"), DOCKERFILE).unwrap();
    fs::write(dir.path().join(".dockerignore"), "*\n!bin\n").unwrap();
    let access = access(Some(&engine.host), None);
    let repository = registry.repository("acme/churn");
    let image = image(&repository, docker());
    let ready = built(dir.path(), &image, &access).await;
    let again = built(dir.path(), &image, &access).await;
    assert_eq!(ready.digest, again.digest, "from the engine's cache, the same image");

    publish(&ready, &Proof::of_record(&record("2026-01-01T00:00:00Z")), false, &cleared()).await.unwrap();
    assert_eq!(inspected(&format!("{repository}:v1")).unwrap(), ready.digest);
    let title = "\"org.opencontainers.image.title\": \"churn\"";
    let config = skopeo(&["inspect", "--tls-verify=false", "--config", &format!("docker://{repository}:v1")]).unwrap();
    assert!(config.contains(title), "{config}");
    let archive = dir.path().join("copy.tar");
    let (from, to) = (format!("docker://{repository}:v1"), format!("docker-archive:{}", archive.display()));
    skopeo(&["copy", "--src-tls-verify=false", &from, &to]).unwrap();
    let listed = std::process::Command::new("tar").arg("xOf").arg(&archive).arg("manifest.json").output().unwrap();
    let id = ready.engine_image.clone().expect("built by the engine");
    let config = format!("{}.json", id.trim_start_matches("sha256:"));
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&config), "the image keeps the engine's id {id}");

    let running = container::start(&ready, 8080, &[]).await.unwrap();
    assert!(running.address().ip().is_loopback());
    assert!(get(running.address(), "/index.html").await.contains("hello"));
    let mut log = running.log_tail().await;
    for _ in 0..100 {
        if !log.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        log = running.log_tail().await;
    }
    assert!(log.join("\n").contains("response:200"), "{log:?}");
    assert_eq!(running.exit_code().await.unwrap(), None);
    assert_eq!(containers(&engine.host).await.len(), 1);
    drop(running);
    assert_eq!(containers(&engine.host).await.len(), 0);

    let nowhere =
        Access::from_lookup(|name| (name == "DOCKER_HOST").then(|| format!("tcp://127.0.0.1:{}", free_port())));
    let fault = container::start(&Built { access: nowhere, ..ready.clone() }, 8080, &[]).await.unwrap_err();
    assert!(fault.why.contains("refused"), "{fault}");

    // Started from layers that the engine has not seen, the base's streamed from the registry.
    let base = format!("{repository}@{}", ready.digest);
    let (on_base, _) = layered(&registry.repository("layered"), Some(&base));
    let on_base = built(dir.path(), &on_base, &access).await;
    let running = container::start(&on_base, 8080, &[("MODE".into(), "probe".into())]).await.unwrap();
    assert!(get(running.address(), "/weights.bin").await.contains("the weights"));
    assert!(get(running.address(), "/index.html").await.contains("hello"), "of the base");
    drop(running);

    // One that ends at once tells what it printed; a start that is cancelled at any moment leaves nothing.
    let (ending, mut layers) = layered(&registry.repository("ending"), None);
    layers.entrypoint = ["/bin/busybox", "sh", "-c", "echo no weights; exit 3"].map(String::from).into();
    let ending = Image { build: Build::Layers(layers), ..ending };
    let ending = built(dir.path(), &ending, &access).await;
    match container::start(&ending, 8080, &[]).await {
        Err(fault) => assert!(fault.why.contains("no weights") && fault.hint.contains("8080"), "{fault}"),
        Ok(running) => {
            let mut code = None;
            for _ in 0..100 {
                code = running.exit_code().await.unwrap();
                if code.is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(code, Some(3));
        }
    }
    for milliseconds in [5, 20, 60, 120] {
        let start = container::start(&ready, 8080, &[]);
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), start).await;
    }
    assert_eq!(containers(&engine.host).await, [""; 0], "every container is removed");

    let failing = format!("{DOCKERFILE}RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo out of disk; exit 7\"]\n");
    fs::write(dir.path().join("Dockerfile"), failing).unwrap();
    let (evidence, none) = build(dir.path(), &image, &access).await;
    let fault = evidence.faults.first().expect("a fault").to_string();
    assert!(none.is_none() && fault.contains("[4/4] RUN") && fault.contains("code: 7"), "{fault}");
    assert!(fault.contains("out of disk"), "{fault}");
}
