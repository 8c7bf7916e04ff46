"""A certificate authority and a transparency log on loopback, as far as keyless signing asks for them. Written from their
published interfaces (fulcio.proto, POST /api/v2/signingCert; Rekor's openapi.yaml, POST /api/v1/log/entries): requests are
checked as those would check them, certificates are really issued, entries really signed.

authorities.py FOLDER   writes roots.pem, log.pub, ct.pub and port into the folder, and serves until it is ended. `POST /time SECONDS`
moves the clock of the log; `POST /fault NAME` sets what goes wrong from then on, nothing by an empty name:

lost         the log takes an entry and breaks the connection off; asked again, it answers 409 with its name in Location
lost-said    the same, with the name in the message alone, and the entry is not yet in the tree when it is first asked for
lost-other   the same, and under the name is the first entry
other        the log answers with the first entry that it ever took
no-proof     the log proves no inclusion, as before 2021
no-root      its proofs have no checkpoint
path         its proofs lead elsewhere
checkpoint   its checkpoints are signed by another key
sct-absent   certificates hold no timestamp of the certificate-transparency log
sct-several  they hold one of another log beside it
sct-foreign  they hold one of another log alone
sct-forged   their timestamp is signed by another key
sct-time     their timestamp says another time than was signed
sct-issuer   their timestamp was signed for another issuer
sct-cut      their timestamp is cut off
"""

import base64
import datetime
import hashlib
import http.server
import json
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
SHA256 = ec.ECDSA(hashes.SHA256())
TIMESTAMPS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
ISSUER_V1 = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
ISSUER_V2 = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


def sha256(content):
    return hashlib.sha256(content).digest()


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


def builder(subject, key, issuer, issuer_key, minutes, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(subject).public_key(key).issuer_name(issuer)
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(minutes=1))
    made = made.not_valid_after(now + datetime.timedelta(minutes=minutes))
    known = [x509.SubjectKeyIdentifier.from_public_key(key), x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)]
    for extension, critical in extensions + [(identifier, False) for identifier in known]:
        made = made.add_extension(extension, critical)
    return made


def certificate(subject, key, issuer, signer, minutes, extensions):
    return builder(subject, key, issuer, signer.public_key(), minutes, extensions).sign(signer, hashes.SHA384())


def spki(key):
    return key.public_key().public_bytes(DER, SPKI)


def usage(sign):
    fields = dict.fromkeys(["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"], False)
    fields |= {"encipher_only": False, "decipher_only": False}
    return x509.KeyUsage(digital_signature=not sign, key_cert_sign=sign, **fields)


def sized(content, size=2):
    return len(content).to_bytes(size, "big") + content


def string(content):
    """An OCTET STRING of at most 65535 bytes in DER."""
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([0x04, *size] if len(content) < 128 else [0x04, 0x80 | len(size), *size]) + content


class Transparency:
    """A certificate-transparency log (RFC 6962, section 3.2), as far as its word goes."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())

    def timestamp(self, body, issuer, fault=""):
        at = int(time.time() * 1000).to_bytes(8, "big")
        signed = b"\0\0" + at + b"\0\1" + sha256(issuer) + sized(body, 3) + sized(b"")
        signature = (ec.generate_private_key(ec.SECP256R1()) if fault == "sct-forged" else self.key).sign(signed, SHA256)
        if fault == "sct-time":
            at = (int.from_bytes(at, "big") - 1).to_bytes(8, "big")
        return b"\0" + sha256(spki(self.key)) + at + sized(b"") + b"\4\3" + sized(signature)


class Authority:
    """A root and one certificate below it, on P-384 as Fulcio's are; what it issues, a log has seen."""

    def __init__(self):
        self.logs = [Transparency(), Transparency()]
        self.root_key = root_key = ec.generate_private_key(ec.SECP384R1())
        self.key = ec.generate_private_key(ec.SECP384R1())
        authority = [(x509.BasicConstraints(ca=True, path_length=None), True), (usage(True), True)]
        self.root = certificate(name("root"), root_key.public_key(), name("root"), root_key, 60, authority)
        code = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
        below = [(x509.BasicConstraints(ca=True, path_length=0), True), (usage(True), True), code]
        self.between = certificate(name("between"), self.key.public_key(), name("root"), root_key, 60, below)

    def sign(self, request, fault):
        token = request["credentials"]["oidcIdentityToken"]
        head, claims, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        assert claims["aud"] == "sigstore", "the audience is not sigstore"
        assert claims["exp"] > time.time(), "the token has expired"
        asked = request["publicKeyRequest"]
        assert asked["publicKey"]["algorithm"] == "ECDSA"
        key = serialization.load_pem_public_key(asked["publicKey"]["content"].encode())
        assert isinstance(key.curve, ec.SECP256R1)
        proof = base64.b64decode(asked["proofOfPossession"], validate=True)
        key.verify(proof, claims["sub"].encode(), SHA256)
        issuer = claims["iss"].encode()
        extensions = [
            (usage(False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
            (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(claims["job_workflow_ref"])]), True),
            (x509.UnrecognizedExtension(ISSUER_V1, issuer), False),
            (x509.UnrecognizedExtension(ISSUER_V2, bytes([0x0C, len(issuer)]) + issuer), False),
        ]
        leaf = self.seen(builder(x509.Name([]), key, self.between.subject, self.key.public_key(), 10, extensions), fault)
        chain = [one.public_bytes(PEM).decode() for one in (leaf, self.between, self.root)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def seen(self, made, fault):
        before = made.sign(self.key, hashes.SHA384())
        if fault == "sct-absent":
            return before
        body = before.tbs_certificate_bytes
        (own, other), issuer = self.logs, spki(self.root_key if fault == "sct-issuer" else self.key)
        logs = {"sct-several": [other, own], "sct-foreign": [other]}.get(fault, [own])
        timestamps = sized(b"".join(sized(log.timestamp(body, issuer, fault)) for log in logs))
        value = string(timestamps)[:-1] if fault == "sct-cut" else string(timestamps)
        leaf = made.add_extension(x509.UnrecognizedExtension(TIMESTAMPS, value), False).sign(self.key, hashes.SHA384())
        # What it was before, as the library has it.
        assert fault == "sct-cut" or leaf.tbs_precertificate_bytes == body
        return leaf


def split(leaves):
    """The largest power of two below their number (RFC 6962, section 2.1)."""
    return 1 << (len(leaves) - 1).bit_length() - 1


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    at = split(leaves)
    return sha256(b"\1" + root(leaves[:at]) + root(leaves[at:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    at = split(leaves)
    if index < at:
        return path(index, leaves[:at]) + [root(leaves[at:])]
    return path(index - at, leaves[at:]) + [root(leaves[:at])]


class Conflict(Exception):
    pass


class Log:
    TREE = "%016x" % 7
    # As of a log that has begun a new tree: an entry's number in the log is not its number in the tree.
    BEFORE = 1000

    def __init__(self):
        self.key, self.other, self.moved = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1()), 0
        self.id = sha256(spki(self.key)).hex()
        self.bodies, self.times, self.asked = [b"one", b"two", b"three"], [0, 0, 0], set()

    def add(self, proposed):
        assert (proposed["apiVersion"], proposed["kind"]) == ("0.0.1", "dsse")
        content = proposed["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        payload = base64.b64decode(envelope["payload"], validate=True)
        kind = envelope["payloadType"].encode()
        message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        (verifier,), (signature,) = content["verifiers"], envelope["signatures"]
        verifier_pem = base64.b64decode(verifier, validate=True)
        key = x509.load_pem_x509_certificate(verifier_pem).public_key()
        key.verify(base64.b64decode(signature["sig"], validate=True), message, SHA256)
        hashed = lambda content: {"algorithm": "sha256", "value": sha256(content).hex()}
        spec = {
            "envelopeHash": hashed(content["envelope"].encode()),
            "payloadHash": hashed(payload),
            "signatures": [{"signature": signature["sig"], "verifier": verifier}],
        }
        body = json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}, separators=(",", ":"), sort_keys=True).encode()
        if body in self.bodies:
            raise Conflict(self.name(self.bodies.index(body)))
        self.bodies.append(body)
        self.times.append(int(time.time()) + self.moved)
        return len(self.bodies) - 1

    def name(self, index):
        return self.TREE + self.leaf(index).hex()

    def leaf(self, index):
        return sha256(b"\0" + self.bodies[index])

    def entry(self, index, fault):
        name = self.name(index)
        if fault in ("other", "lost-other"):
            index = 3
        entry = {
            "body": base64.b64encode(self.bodies[index]).decode(),
            "integratedTime": self.times[index],
            "logID": self.id,
            "logIndex": self.BEFORE + index,
        }
        promised = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
        verification = {"signedEntryTimestamp": base64.b64encode(self.key.sign(promised, SHA256)).decode()}
        if fault != "no-proof":
            verification["inclusionProof"] = self.proof(index, fault)
        return {name: entry | {"verification": verification}}

    def proof(self, index, fault):
        leaves = [self.leaf(at) for at in range(len(self.bodies))]
        text = f"log.example - 7\n{len(leaves)}\n{base64.b64encode(root(leaves)).decode()}\n"
        key = self.other if fault == "checkpoint" else self.key
        packed = base64.b64encode(bytes.fromhex(self.id[:8]) + key.sign(text.encode(), SHA256)).decode()
        proof = {
            "checkpoint": f"{text}\n\u2014 log.example {packed}\n",
            "hashes": [one.hex() for one in path(index, leaves)],
            "logIndex": index,
            "rootHash": root(leaves).hex(),
            "treeSize": len(leaves),
        }
        if fault == "path":
            proof["hashes"][0] = leaves[index].hex()
        if fault == "no-root":
            del proof["checkpoint"]
        return proof


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        entries = "/api/v1/log/entries/"
        log = self.server.log
        if self.path.startswith(entries):
            name = self.path.removeprefix(entries)
            first = name not in log.asked
            log.asked.add(name)
            known = [index for index in range(len(log.bodies)) if log.name(index) == name]
            if not known or first and self.server.fault == "lost-said":
                return self.say(404, {"code": 404, "message": "no such entry"})
            return self.say(200, log.entry(known[0], self.server.fault))
        # GitHub's endpoint for tokens of a job.
        if not self.path.startswith("/token") or "audience=sigstore" not in self.path:
            return self.say(404, {"message": "no such place"})
        if self.headers["Authorization"] != "Bearer of-the-job":
            return self.say(401, {"message": "no rights"})
        self.say(200, {"value": self.server.token})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            if self.path == "/api/v2/signingCert":
                return self.say(201, self.server.authority.sign(json.loads(body), self.server.fault))
            if self.path == "/api/v1/log/entries":
                index = self.server.log.add(json.loads(body))
                if self.server.fault.startswith("lost"):
                    return
                return self.say(201, self.server.log.entry(index, self.server.fault))
            if self.path == "/fault":
                self.server.fault = body.decode()
                return self.say(200, {})
            if self.path == "/time":
                self.server.log.moved = int(body)
                return self.say(200, {})
            self.say(404, {"message": "no such place"})
        except Conflict as error:
            message = f"an equivalent entry already exists in the transparency log with UUID {error}"
            place = {} if self.server.fault == "lost-said" else {"Location": f"/api/v1/log/entries/{error}"}
            self.say(409, {"code": 409, "message": message}, place)
        except Exception as error:
            self.say(400, {"code": 3, "message": f"{type(error).__name__}: {error}"})

    def say(self, status, value, headers={}):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for one in headers.items():
            self.send_header(*one)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def token():
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sigstore",
        "sub": "repo:acme/churn:ref:refs/heads/main",
        "exp": int(time.time()) + 600,
        "job_workflow_ref": "https://github.com/acme/churn/.github/workflows/release.yml@refs/heads/main",
    }
    return f"{part({'alg': 'none'})}.{part(claims)}.c2lnbmF0dXJl"


def main(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.authority, server.log, server.token, server.fault = Authority(), Log(), token(), ""
    write = lambda file, content: open(f"{folder}/{file}", "wb").write(content)
    write("roots.pem", server.authority.root.public_bytes(PEM) + server.authority.between.public_bytes(PEM))
    write("log.pub", server.log.key.public_key().public_bytes(PEM, SPKI))
    write("ct.pub", server.authority.logs[0].key.public_key().public_bytes(PEM, SPKI))
    # Of somebody else.
    write("other-roots.pem", Authority().root.public_bytes(PEM))
    write("other-log.pub", Log().key.public_key().public_bytes(PEM, SPKI))
    write("port", str(server.server_port).encode())
    server.serve_forever()


main(*sys.argv[1:])
