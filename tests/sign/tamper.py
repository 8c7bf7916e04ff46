"""Puts bundles where an attacker who may push would put them.

tamper.py copy  HOST/REPOSITORY FROM TO   attaches the bundles of the image FROM to the image TO
tamper.py alter HOST/REPOSITORY DIGEST    changes what the bundles of an image say, and keeps their signatures
tamper.py junk  HOST/REPOSITORY DIGEST    replaces them by what is no bundle
"""

import base64
import hashlib
import json
import sys
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def ask(method, url, body=None, kind="application/octet-stream"):
    headers = {"Accept": f"{MANIFEST}, {INDEX}"} | ({"Content-Type": kind} if body is not None else {})
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(), answer.headers


class Repository:
    def __init__(self, image):
        host, name = image.split("/", 1)
        self.base = f"http://{host}/v2/{name}"

    def get(self, path):
        return ask("GET", f"{self.base}/{path}")[0]

    def push(self, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        _, headers = ask("POST", f"{self.base}/blobs/uploads/", b"")
        place = headers["Location"]
        ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content)
        return {"digest": digest, "size": len(content)}

    def index(self, digest):
        return json.loads(self.get(f"manifests/{digest.replace(':', '-')}"))

    def put_index(self, digest, index):
        ask("PUT", f"{self.base}/manifests/{digest.replace(':', '-')}", json.dumps(index).encode(), INDEX)

    def attach(self, digest, manifest, content):
        """Puts `content` into a copy of an artifact's manifest, about `digest`; returns its entry."""
        (layer,) = manifest["layers"]
        manifest = manifest | {"layers": [layer | self.push(content)], "subject": manifest["subject"] | {"digest": digest}}
        body = json.dumps(manifest).encode()
        name = "sha256:" + hashlib.sha256(body).hexdigest()
        ask("PUT", f"{self.base}/manifests/{name}", body, MANIFEST)
        entry = {"mediaType": MANIFEST, "digest": name, "size": len(body), "artifactType": BUNDLE}
        return entry | {"annotations": manifest["annotations"]}


def altered(content):
    bundle = json.loads(content)
    envelope = bundle["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"]).replace(b'"finished": "2', b'"finished": "3')
    envelope["payload"] = base64.b64encode(payload).decode()
    return json.dumps(bundle).encode()


def main(how, image, source, target=None):
    repository = Repository(image)
    target = target or source
    change = {"copy": lambda content: content, "alter": altered, "junk": lambda content: b"<html>" * 1000}[how]
    made = []
    for entry in repository.index(source)["manifests"]:
        if entry["artifactType"] == BUNDLE:
            manifest = json.loads(repository.get(f"manifests/{entry['digest']}"))
            content = repository.get(f"blobs/{manifest['layers'][0]['digest']}")
            made.append(repository.attach(target, manifest, change(content)))
    assert made, "there is no bundle to start from"
    index = repository.index(target)
    index["manifests"] = [entry for entry in index["manifests"] if entry["artifactType"] != BUNDLE] + made
    repository.put_index(target, index)


main(*sys.argv[1:])
