"""Verifies the keyless signatures of an image by sigstore-python, knowing nothing of mlgate: certificate, its timestamp in the
certificate-transparency log, entry and inclusion in the log, and the signature.

judge.py HOST/REPOSITORY sha256:… FOLDER IDENTITY ISSUER    prints the types of the verified predicates, one a line. The folder
holds roots.pem, log.pub and ct.pub of who is trusted.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from verify import BUNDLE, blob, get

DER = serialization.Encoding.DER
ALWAYS = {"start": "2020-01-01T00:00:00Z"}


def text(content):
    return base64.b64encode(content).decode()


def log(file):
    key = serialization.load_pem_public_key(file.read_bytes())
    der = key.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "baseUrl": "http://localhost",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": text(der), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": ALWAYS},
        "logId": {"keyId": text(hashlib.sha256(der).digest())},
    }


def trusted(folder):
    # The issuer first and the root last, as the format wants it.
    chain = x509.load_pem_x509_certificates((folder / "roots.pem").read_bytes())
    chain.sort(key=lambda certificate: certificate.issuer == certificate.subject)
    authority = {
        "subject": {"organization": "test", "commonName": "test"},
        "uri": "http://localhost",
        "certChain": {"certificates": [{"rawBytes": text(made.public_bytes(DER))} for made in chain]},
        "validFor": ALWAYS,
    }
    root = {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log(folder / "log.pub")],
        "ctlogs": [log(folder / "ct.pub")],
        "certificateAuthorities": [authority],
        "timestampAuthorities": [],
    }
    file = folder / "trusted_root.json"
    file.write_text(json.dumps(root))
    return TrustedRoot.from_file(str(file))


def main(image, digest, folder, identity, issuer):
    verifier = Verifier(trusted_root=trusted(Path(folder)))
    wanted = policy.Identity(identity=identity, issuer=issuer)
    index = json.loads(get(image, f"manifests/{digest.replace(':', '-')}"))
    for referrer in index["manifests"]:
        if referrer.get("artifactType") != BUNDLE:
            continue
        (layer,) = json.loads(get(image, f"manifests/{referrer['digest']}"))["layers"]
        kind, payload = verifier.verify_dsse(Bundle.from_json(blob(image, layer)), wanted)
        assert kind == "application/vnd.in-toto+json", kind
        statement = json.loads(payload)
        assert [subject["digest"]["sha256"] for subject in statement["subject"]] == [digest.removeprefix("sha256:")]
        print(statement["predicateType"])


main(*sys.argv[1:])
