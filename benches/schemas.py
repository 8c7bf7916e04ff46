#!/usr/bin/env python3
"""Holds mlgate's schema checks against those of kubernetes-validate, object by object, on whatever YAML there is.

    pip install kubernetes-validate==1.37.0
    python3 benches/schemas.py target/release/mlgate 1.31 FILE.yaml …

Prints each object that only one of the two refuses. mlgate refuses more by intent (names, selectors, base64, mounts);
an object that only the peer refuses is a fault of mlgate, and the exit code says so. Kinds that the version does not know
are left out.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml


def objects(file):
    """The Kubernetes objects of a file, each once."""
    found = {}
    for document in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader):
        metadata = document.get("metadata") or {} if isinstance(document, dict) else {}
        if metadata.get("name") and document.get("kind") and document.get("apiVersion"):
            key = document["apiVersion"], document["kind"], metadata.get("namespace"), metadata["name"]
            found.setdefault(key, document)
    return list(found.values())


def refused_by_peer(document, version):
    """Why the peer refuses the object, None when it does not; LookupError when it knows no schema for it."""
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message[:120]
    except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError):
        raise LookupError(document["kind"]) from None
    return None


def refused_by_mlgate(mlgate, document, version):
    """Why mlgate refuses the object; None when it does not."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "k8s").mkdir()
        (root / "k8s" / "kustomization.yaml").write_text("resources: [object.yaml]\n")
        (root / "k8s" / "object.yaml").write_text(yaml.safe_dump(document))
        config = {
            "version": 1,
            "model": {"name": "bench"},
            "overlay": {"kubernetes": version},
            "environments": {"all": {"overlay": "k8s"}},
        }
        (root / "mlops.yaml").write_text(json.dumps(config))
        subprocess.run([mlgate, "-C", folder, "run"], capture_output=True, check=False)
        record = json.loads((root / ".mlgate" / "record.json").read_text())
    verdict = next((v for v in record["verdicts"] if v["id"] == "overlay.all.schema"), None)
    if verdict is None:
        return "it cannot be rendered"
    return verdict["examples"][0] if verdict["outcome"] == "failed" else None


def main():
    mlgate, version, files = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:]
    counts = {"neither": 0, "both": 0, "mlgate only": 0, "peer only": 0, "unknown to the peer": 0}
    for file in map(pathlib.Path, files):
        for document in objects(file):
            try:
                theirs = refused_by_peer(document, version)
            except LookupError:
                counts["unknown to the peer"] += 1
                continue
            ours = refused_by_mlgate(mlgate, document, version)
            which = {(0, 0): "neither", (1, 1): "both", (1, 0): "mlgate only", (0, 1): "peer only"}
            which = which[bool(ours), bool(theirs)]
            counts[which] += 1
            if which.endswith("only"):
                print(f"{which}: {file}: {document['kind']} {document['metadata']['name']}: {ours or theirs}")
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 1 if counts["peer only"] else 0


if __name__ == "__main__":
    sys.exit(main())
