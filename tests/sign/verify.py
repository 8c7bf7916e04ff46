"""Reads the signatures of an image from its registry and verifies them, knowing nothing of mlgate: the layout is cosign's
(attestations under the tag sha256-….att, bundles as referrers), the cryptography OpenSSL's.

verify.py HOST/REPOSITORY sha256:… PUBLIC_KEY    prints the types of the verified predicates, one a line for each layout.
"""

import base64
import hashlib
import json
import sys
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def get(image, path):
    host, repository = image.split("/", 1)
    request = urllib.request.Request(f"http://{host}/v2/{repository}/{path}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def blob(image, descriptor):
    content = get(image, f"blobs/{descriptor['digest']}")
    assert descriptor["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
    assert descriptor["size"] == len(content)
    return content


def verified(envelope, key, digest):
    """The predicate's type of an envelope that `key` signed about the image `digest`."""
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(envelope["payload"], validate=True)
    kind = envelope["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    (signature,) = envelope["signatures"]
    key.verify(base64.b64decode(signature["sig"], validate=True), message, ec.ECDSA(hashes.SHA256()))
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert [subject["digest"]["sha256"] for subject in statement["subject"]] == [digest.removeprefix("sha256:")]
    return statement["predicateType"]


def main(image, digest, key_file):
    with open(key_file, "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    hint = hashlib.sha256(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).digest()
    tag = digest.replace(":", "-")

    attestations = json.loads(get(image, f"manifests/{tag}.att"))
    assert attestations["mediaType"] == MANIFEST
    config = json.loads(blob(image, attestations["config"]))
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in attestations["layers"]]
    for layer in attestations["layers"]:
        assert layer["mediaType"] == "application/vnd.dsse.envelope.v1+json"
        assert layer["annotations"]["dev.cosignproject.cosign/signature"] == ""
        kind = verified(json.loads(blob(image, layer)), key, digest)
        assert layer["annotations"]["predicateType"] == kind
        print("att", kind)

    for entry in json.loads(get(image, f"manifests/{tag}"))["manifests"]:
        if entry["artifactType"] != BUNDLE:
            continue
        manifest = json.loads(get(image, f"manifests/{entry['digest']}"))
        assert manifest["artifactType"] == BUNDLE and manifest["subject"]["digest"] == digest
        (layer,) = manifest["layers"]
        bundle = json.loads(blob(image, layer))
        assert layer["mediaType"] == bundle["mediaType"] == BUNDLE
        assert base64.b64decode(bundle["verificationMaterial"]["publicKey"]["hint"]) == hint
        kind = verified(bundle["dsseEnvelope"], key, digest)
        assert manifest["annotations"]["dev.sigstore.bundle.predicateType"] == kind
        print("bundle", kind)


if __name__ == "__main__":
    main(*sys.argv[1:])
