"""Fetches the CycloneDX document that is attached to an image, checks it against the published schema, and prints it.

sbom.py HOST/REPOSITORY sha256:…
"""

import json
import sys
import urllib.request

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


def main(image, digest):
    host, repository = image.split("/", 1)

    def get(path):
        request = urllib.request.Request(f"http://{host}/v2/{repository}/{path}", headers={"Accept": ACCEPT})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    for entry in get(f"manifests/{digest.replace(':', '-')}")["manifests"]:
        if entry.get("annotations", {}).get("in-toto.io/predicate-type") == "https://cyclonedx.org/bom":
            (layer,) = get(f"manifests/{entry['digest']}")["layers"]
            document = get(f"blobs/{layer['digest']}")["predicate"]
            wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
            assert wrong is None, wrong
            return print(json.dumps(document))
    sys.exit("no document is attached")


main(*sys.argv[1:])
