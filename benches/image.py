"""Times a daemonless push beside its peers in the same run and prints a Markdown table.

    apt-get install docker-registry skopeo docker.io busybox-static
    cargo build --release && python3 benches/image.py target/release/mlgate [--engine unix:///var/run/docker.sock]

A run of one test and the image. A model of 500 MB of noise on a base image in the same registry; each round writes a new model, and only that changed.
The peers: a bare upload (a script that hashes a file while it streams it, nothing else), skopeo copying the same layer
from a layout, and `docker build` with `docker push` (whose CPU is the daemon's and not counted). Medians count. Then: the
same again with nothing changed, and a layer of 4 GB.
"""

import argparse
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from timing import Run, median, once, row, table

CONFIG = """
version: 1
model: {{name: churn{files}}}
tests: {{smoke: {{run: "true"}}}}
image:
  repository: {registry}/churn
  base: {registry}/base:v1
  layers:
    - {{name: code, files: [serve.sh], to: /app}}
    - {{name: model, files: [model/], to: /app/model}}
  entrypoint: [/bin/busybox, sh, /app/serve.sh]
  tags: [v1]
"""
RESTED = "the same, the model a minute old"
BASE = """
version: 1
model: {{name: base}}
tests: {{smoke: {{run: "true"}}}}
image:
  repository: {registry}/base
  layers: [{{name: bin, files: [bin/], to: /bin}}]
  tags: [v1]
"""
BARE = """
import hashlib, http.client, sys, os, urllib.parse
host, file = sys.argv[1:]
link = http.client.HTTPConnection(host)
def ask(method, path, body=None, headers={}):
    link.request(method, path, body, headers)
    answer = link.getresponse(); answer.read()
    assert answer.status < 300, (method, path, answer.status)
    return answer.getheader("Location")
place = ask("POST", "/v2/bare/blobs/uploads/")
digest = hashlib.sha256()
def pieces():
    with open(file, "rb", buffering=0) as source:
        while piece := source.read(1 << 18):
            digest.update(piece)
            yield piece
place = ask("PATCH", place, pieces(), {"Content-Length": str(os.path.getsize(file)), "Content-Type": "application/octet-stream"})
ask("PUT", place + "&digest=sha256:" + digest.hexdigest())
"""


def start_registry(folder: Path) -> tuple[subprocess.Popen, str, Path]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config, log = folder / "registry.yml", folder / "registry.log"
    storage = f"{{filesystem: {{rootdirectory: {folder / 'registry'}}}, delete: {{enabled: true}}}}"
    config.write_text(f'version: 0.1\nlog: {{level: info}}\nstorage: {storage}\nhttp: {{addr: "{host}"}}\n')
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)], stdout=log.open("w"), stderr=subprocess.STDOUT
    )
    for _ in range(200):
        try:
            socket.create_connection(host.rsplit(":", 1)).close()
            return process, host, log
        except OSError:
            time.sleep(0.05)
    raise SystemExit("docker-registry did not start")


def uploads(log: Path) -> int:
    return sum('"PATCH /v2/' in line for line in log.read_text().splitlines())


def noise(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - start)))


def layout(folder: Path, model: Path) -> None:
    """An OCI layout whose one layer is the model as a plain archive: what skopeo pushes."""
    shutil.rmtree(folder, ignore_errors=True)
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes, media: str) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{media}", "digest": f"sha256:{digest}", "size": len(data)}

    with tarfile.open(folder / "layer", "w") as archive:
        archive.add(model, "app/model/weights.bin")
    with (folder / "layer").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = (folder / "layer").stat().st_size
    (folder / "layer").rename(blobs / digest)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{digest}", "size": size}
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode(), "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("mlgate", nargs="?", default="target/release/mlgate")
    arguments.add_argument("--engine", help="a Docker engine to compare with, as in DOCKER_HOST")
    arguments.add_argument("--size", type=int, default=500_000_000)
    arguments.add_argument("--large", type=int, default=4 << 30)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    mlgate = str(Path(asked.mlgate).resolve())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        registry, host, log = start_registry(work)
        try:
            measure(asked, mlgate, work, host, log)
        finally:
            registry.terminate()
            registry.wait()


def measure(asked: argparse.Namespace, mlgate: str, work: Path, host: str, log: Path) -> None:
    base, project = work / "base", work / "project"
    (base / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", base / "bin/busybox")
    (base / "mlops.yaml").write_text(BASE.format(registry=host))
    (project / "model").mkdir(parents=True)
    (project / "serve.sh").write_text("exec busybox httpd -f\n")
    (project / "mlops.yaml").write_text(CONFIG.format(registry=host, files=""))
    (project / "hashed.yaml").write_text(CONFIG.format(registry=host, files=", files: [model/]"))
    (project / "Dockerfile").write_text(f"FROM {host}/base:v1\nCOPY serve.sh /app/\nCOPY model /app/model\n")
    (project / ".dockerignore").write_text(".mlgate\n")
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    (project / ".gitignore").write_text("model/\n.mlgate/\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "code"]):
        subprocess.run(git + arguments, cwd=project, check=True)
    pushed = [mlgate, "run"]
    if once(pushed, base) is None:
        sys.exit("the base could not be pushed")
    (work / "bare.py").write_text(BARE)
    model = project / "model/weights.bin"
    commands = {
        "a bare upload": [sys.executable, str(work / "bare.py"), host, str(model)],
        "mlgate": pushed,
        "mlgate, the model's digest in the record": [mlgate, "--config", "hashed.yaml", "run"],
        RESTED: [mlgate, "--config", "hashed.yaml", "run"],
    }
    if shutil.which("skopeo"):
        copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{work / 'layout'}"]
        commands["skopeo copy"] = [*copy, f"docker://{host}/skopeo:v1"]
    if asked.engine:
        docker = f"docker --host {asked.engine}"
        both = f"{docker} build -q -t {host}/docker:v1 . && {docker} push -q {host}/docker:v1"
        commands["docker build + docker push"] = ["sh", "-c", both]
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            noise(model, asked.size)
            if name == "skopeo copy":
                layout(work / "layout", model)
            if name == RESTED:
                time.sleep(62)
            done = once(command, project)
            if done is None:
                sys.exit(f"{name} failed")
            runs[name].append(done)
            shutil.rmtree(work / "layout", ignore_errors=True)
    medians = {name: median(of) for name, of in runs.items()}
    table(f"{asked.size // 1_000_000} MB of noise, only the model changed; medians of {asked.rounds}")
    ours = medians["mlgate"]
    for name, run in medians.items():
        row(name, run, None if name.startswith("mlgate") or name == RESTED else ours)
    for name, run in medians.items():
        if not (name.startswith("mlgate") or name == RESTED):
            print(f"wall, mlgate / {name}: {ours.wall / run.wall:.2f}")

    time.sleep(3)  # a file written a moment ago is read again
    once(pushed, project)
    before = uploads(log)
    again = [once(pushed, project) for _ in range(asked.rounds)]
    table("nothing changed")
    row("mlgate", median(again), None)
    sent = uploads(log) - before
    print(f"uploads: {sent} (the records of {asked.rounds} runs, no layer)" if sent <= asked.rounds else f"{sent} uploads!")

    model.unlink()
    with model.open("wb") as file:
        file.truncate(asked.large)
    (project / "mlops.yaml").write_text(CONFIG.format(registry=host, files="").replace("tags:", "compression: none\n  tags:"))
    table(f"a layer of {asked.large >> 30} GB, sparse, stored")
    row("mlgate", once(pushed, project), None)


if __name__ == "__main__":
    main()
