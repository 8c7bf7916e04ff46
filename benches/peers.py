"""Times mlgate beside its peers in the same run and prints ratios as a Markdown table.

    cargo build --release && python3 benches/peers.py target/release/mlgate

Peers that are not installed are left out and named: kubectl for `render`;
scikit-learn for `quality`. Each command runs in turn with its peer, five times; medians of CPU seconds
(user + system, children included), wall seconds and peak memory count. Nothing but this machine is touched.
"""

import importlib.util
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from timing import median, once

ROUNDS = 5
REPO = Path(__file__).resolve().parent.parent
EXAMPLE = REPO / "examples" / "breast-cancer"


def compare(
    name: str, ours: list[str], peer_name: str, peer: list[str] | None, cwd: Path, rounds: int = ROUNDS
) -> None:
    runs = {"ours": [], "peer": []}
    for _ in range(rounds + 1):  # the first warms the file cache
        for side, command in (("ours", ours), ("peer", peer)):
            if command:
                run = once(command, cwd)
                if run is None:
                    sys.exit(1)
                runs[side].append(run)
    mine = median(runs["ours"][1:])
    row = [name, f"{mine.cpu:.3f} s", f"{mine.wall:.3f} s", f"{mine.memory:.0f} MiB"]
    if peer:
        other = median(runs["peer"][1:])
        row += [peer_name, f"{other.cpu:.3f} s", f"{other.wall:.3f} s", f"{other.memory:.0f} MiB"]
        row += [f"{mine.cpu / other.cpu:.3f}"]
    else:
        row += [peer_name if peer_name == "no peer" else f"{peer_name}: not installed", "", "", "", ""]
    print("| " + " | ".join(row) + " |", flush=True)


APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{i}, labels: {{app: app-{i}}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app-{i}}}}}
  template:
    metadata: {{labels: {{app: app-{i}}}}}
    spec:
      serviceAccountName: app-{i}
      containers:
      - name: main
        image: registry.example.com/app:v1
        env:
        - name: LEVEL
          value: "info"
        - name: KEY
          valueFrom: {{configMapKeyRef: {{name: app-{i}, key: key}}}}
        ports: [{{containerPort: 8080, name: http}}]
        resources:
          limits: {{cpu: 500m, memory: 256Mi}}
---
apiVersion: v1
kind: Service
metadata: {{name: app-{i}}}
spec:
  selector: {{app: app-{i}}}
  ports: [{{port: 80, targetPort: http}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: app-{i}}}
data:
  key: "value {i}"
  settings.yaml: |
    level: info
    items: [1, 2, 3]
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: app-{i}}}
"""
OVERLAY = """\
resources: [../base]
namespace: prod
namePrefix: p-
labels: [{pairs: {team: ml}, includeSelectors: true}]
commonAnnotations: {owner: ml}
images: [{name: registry.example.com/app, newTag: v2}]
patches:
- target: {kind: Deployment}
  patch: |-
    - {"op": "replace", "path": "/spec/replicas", "value": 3}
"""


def make_overlay(folder: Path, resources: int) -> str:
    """A base of that many objects that refer to one another, and an overlay that touches them all."""
    for name in ("base", "overlay"):
        (folder / name).mkdir(parents=True)
    (folder / "base" / "all.yaml").write_text("---\n".join(APP.format(i=i) for i in range(resources // 4)))
    (folder / "base" / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (folder / "overlay" / "kustomization.yaml").write_text(OVERLAY)
    return str(folder / "overlay")


SKLEARN = """
import pandas as pd
from sklearn import metrics as m
d = pd.read_parquet("predictions/candidate.parquet")
y, p = d.malignant, d.score
t = p >= 0.5
print(m.f1_score(y, t), m.roc_auc_score(y, p), m.log_loss(y, p), m.recall_score(y, t), m.accuracy_score(y, t))
"""


def main() -> None:
    mlgate = str(Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/mlgate").resolve())
    has = lambda module: importlib.util.find_spec(module) is not None  # noqa: E731
    python = sys.executable
    print(f"{os.cpu_count()} cores, medians of {ROUNDS} runs; the ratio is of CPU time\n")
    print("| mlgate | CPU | wall | peak | peer | CPU | wall | peak | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        example = work / "breast-cancer"
        shutil.copytree(EXAMPLE, example)
        compare("check", [mlgate, "check"], "no peer", None, example)
        kubectl = shutil.which("kubectl")
        overlay = "k8s/overlays/prod"
        peer = [kubectl, "kustomize", overlay] if kubectl else None
        compare("render, small overlay", [mlgate, "render", overlay], "kubectl kustomize", peer, example)
        for count, rounds in ((400, 3), (4000, 1), (16000, 1)):
            overlay = make_overlay(work / f"overlay-{count}", count)
            # The peer takes minutes beyond.
            peer = [kubectl, "kustomize", overlay] if kubectl and count <= 4000 else None
            ours = [mlgate, "render", overlay]
            compare(f"render, {count:,} resources", ours, "kubectl kustomize" if peer else "no peer", peer, example, rounds)
        peer = [python, "-c", SKLEARN] if has("sklearn") and has("pyarrow") else None
        compare("run quality, 228 rows, intervals", [mlgate, "run", "quality"], "scikit-learn, points", peer, example)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
