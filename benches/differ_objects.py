"""Random choices from a seed, random Kubernetes objects, and YAML in random styles."""

import json
import random

NAMES = ["web", "api", "db", "cache-1", "job.x", "model"]
NAMESPACES = ["", "", "", "default", "ns1", "ns-two"]
LABELS = ["app", "tier", "app.kubernetes.io/name", "x"]
STRINGS = [
    "v1", "yes", "on", "null", "1", "1.0", "0x1F", "true", "", "a: b", "# no", "it's", 'say "x"', "2024-01-02", "1e3",
    "multi\nline\n", "multi\nline", " lead", "trail ", "tab\there", "é✓", "a b c " * 18 + "end", "- x", "{x}", "0777",
    "1_000", "~", "n", "12:30", "$(VAR)", "*", "&a", "!t", "%p", "@x", "`q`", "x: |", "line \nwith space\n", "\n\nx",
]  # fmt: skip
NUMBERS = ["0", "1", "8080", "-3", "1.5", "1e3", "0.1", "1e21", "0o17", "017", "0x10", "1_000", "123456789012", ".5"]
IMAGES = ["nginx", "nginx:1.7.9", "nginx@sha256:" + "a" * 64, "r.io:5000/acme/model:v1", "busybox", "acme/model"]


class Plain(str):
    """A scalar to be written as it is, without quotes."""


class Source:
    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)

    def chance(self, percent: int) -> bool:
        return self.r.randrange(100) < percent

    def pick(self, values):
        return self.r.choice(list(values))

    def some(self, values, most: int):
        values = list(values)
        return self.r.sample(values, self.r.randint(0, min(most, len(values))))

    # YAML

    def yaml(self, value) -> str:
        """A document in a style of its own."""
        style = {"indent": self.pick([2, 2, 2, 4]), "dash": self.pick([0, 0, 2]), "comments": self.chance(15)}
        if self.chance(5):
            return json.dumps(strip(value), indent=self.pick([None, 2])) + "\n"
        text = "".join(line + "\n" for line in self.block(value, style))
        if self.chance(5):
            text = text.replace("\n", "\r\n") if "|" not in text else text
        return text

    def block(self, value, style) -> list[str]:
        if isinstance(value, dict) and value:
            lines = []
            for key, inner in value.items():
                if style["comments"] and self.chance(10):
                    lines.append("# a comment")
                lines += self.entry(self.key(key) + ":", inner, style, style["dash"])
            return lines
        if isinstance(value, list) and value:
            lines = []
            for inner in value:
                nested = self.block(inner, style) if isinstance(inner, (dict, list)) and inner else None
                if nested is None or self.chance(8):
                    lines.append("- " + self.flow(inner))
                else:
                    lines.append("- " + nested[0])
                    lines += [("  " + line) if line else "" for line in nested[1:]]
            return lines
        return [self.flow(value)]

    def entry(self, head: str, inner, style, dash: int) -> list[str]:
        if isinstance(inner, str) and not isinstance(inner, Plain) and "\n" in inner and self.literal(inner):
            chomp = "" if inner.endswith("\n") else "-"
            return [f"{head} |{chomp}"] + [("  " + line) if line else "" for line in inner.rstrip("\n").split("\n")]
        if not isinstance(inner, (dict, list)) or not inner or self.chance(6):
            comment = "  # why" if style["comments"] and self.chance(10) else ""
            return [f"{head} {self.flow(inner)}{comment}"]
        pad = " " * (dash if isinstance(inner, list) else style["indent"])
        return [head] + [(pad + line) if line else "" for line in self.block(inner, style)]

    def literal(self, text: str) -> bool:
        body = text.rstrip("\n")
        fine = text in (body, body + "\n") and not body.startswith((" ", "\n")) and "\t" not in body
        return fine and self.chance(70)

    def key(self, key: str) -> str:
        return key if plain(key) else json.dumps(key)

    def flow(self, value) -> str:
        if isinstance(value, Plain):
            return str(value)
        if isinstance(value, bool) or value is None:
            return json.dumps(value)
        if isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, str):
            if plain(value) and self.chance(85):
                return value
            if "\n" not in value and "\t" not in value and self.chance(30):
                return "'" + value.replace("'", "''") + "'"
            return json.dumps(value, ensure_ascii=self.chance(50))
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.key(k)}: {self.flow(v)}" for k, v in value.items()) + "}"
        return "[" + ", ".join(self.flow(v) for v in value) + "]"

    # Objects

    def metadata(self, name: str, namespace: str = "") -> dict:
        meta: dict = {"name": name}
        if namespace:
            meta["namespace"] = namespace
        if self.chance(40):
            meta["labels"] = {key: self.pick(["a", "b", "web", "1"]) for key in self.some(LABELS, 2)}
        if self.chance(30):
            meta["annotations"] = {key: self.pick(STRINGS) for key in self.some(["note", "x/y", "a.b"], 2)}
        return meta

    def env(self) -> list:
        out = []
        for name in self.some(["A", "B", "C", "D"], 3):
            kind = self.r.randrange(5)
            if kind == 0:
                out.append({"name": name, "valueFrom": {"configMapKeyRef": {"name": self.pick(NAMES), "key": "k"}}})
            elif kind == 1:
                out.append({"name": name, "valueFrom": {"secretKeyRef": {"name": self.pick(NAMES), "key": "k"}}})
            else:
                out.append({"name": name, "value": self.pick(STRINGS)})
        return out

    def container(self, name: str) -> dict:
        out: dict = {"name": name, "image": self.pick(IMAGES)}
        if self.chance(50):
            out["env"] = self.env()
        if self.chance(20):
            kind = self.pick(["configMapRef", "secretRef"])
            out["envFrom"] = [{kind: {"name": self.pick(NAMES)}}]
        if self.chance(40):
            out["ports"] = [self.port("containerPort") for _ in range(self.r.randint(1, 2))]
        if self.chance(30):
            out["args"] = [self.pick(STRINGS) for _ in range(2)]
        if self.chance(30):
            out["volumeMounts"] = [{"name": "v", "mountPath": p} for p in self.some(["/a", "/b", "/c"], 2)]
        if self.chance(20):
            out["resources"] = {"limits": {"cpu": self.pick(["1", "500m", Plain("0.5"), 2]), "memory": "1Gi"}}
        return out

    def port(self, key: str) -> dict:
        out: dict = {key: self.pick([80, 8080, 443])}
        if self.chance(40):
            out["protocol"] = self.pick(["TCP", "UDP"])
        if self.chance(40):
            out["name"] = self.pick(["http", "metrics"])
        return out

    def pod_spec(self) -> dict:
        names = self.some(["main", "side", "init"], 3) or ["main"]
        out: dict = {"containers": [self.container(n) for n in names]}
        if self.chance(20):
            out["initContainers"] = [self.container("setup")]
        if self.chance(35):
            kinds = [
                {"name": "v", "configMap": {"name": self.pick(NAMES)}},
                {"name": "w", "secret": {"secretName": self.pick(NAMES)}},
                {"name": "p", "persistentVolumeClaim": {"claimName": self.pick(NAMES)}},
                {"name": "e", "emptyDir": {}},
                {"name": "j", "projected": {"sources": [{"configMap": {"name": self.pick(NAMES)}}]}},
            ]
            out["volumes"] = self.some(kinds, 3)
        if self.chance(25):
            out["serviceAccountName"] = self.pick(NAMES)
        if self.chance(10):
            out["imagePullSecrets"] = [{"name": self.pick(NAMES)}]
        if self.chance(10):
            out["topologySpreadConstraints"] = [
                {"topologyKey": "zone", "whenUnsatisfiable": self.pick(["DoNotSchedule", "ScheduleAnyway"]),
                 "maxSkew": 1, "labelSelector": {"matchLabels": {"app": "web"}}}
            ]  # fmt: skip
        if self.chance(10):
            out["tolerations"] = [{"key": "k", "operator": "Exists"}]
        if self.chance(8):
            out["hostAliases"] = [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}]
        return out

    def template(self) -> dict:
        meta = {"labels": {"app": self.pick(NAMES)}} if self.chance(80) else {}
        out: dict = {"spec": self.pod_spec()}
        if meta:
            out["metadata"] = meta
        return out

    def object(self, kind: str, name: str, namespace: str) -> dict:
        return objects_of(self, kind, name, namespace)


def strip(value):
    if isinstance(value, Plain):
        return float(value) if value in (".5", "1.5") else str(value)
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items()}
    return [strip(v) for v in value] if isinstance(value, list) else value


def plain(text: str) -> bool:
    words = {"yes", "no", "on", "off", "y", "n", "true", "false", "null"}
    safe = all(c.isalnum() and c.isascii() or c in "-_./" for c in text) and text[:1].isalpha()
    return safe and text.lower() not in words


VERSIONS = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1",
    "Job": "batch/v1", "CronJob": "batch/v1", "Ingress": "networking.k8s.io/v1", "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1", "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1", "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1", "NetworkPolicy": "networking.k8s.io/v1", "Foo": "example.com/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1", "StorageClass": "storage.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1", "PriorityClass": "scheduling.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1", "Rollout": "argoproj.io/v1alpha1",
}  # fmt: skip
CORE = ["Service", "ConfigMap", "Secret", "ServiceAccount", "Namespace", "PersistentVolumeClaim", "Pod",
        "PersistentVolume", "ReplicationController"]  # fmt: skip
KINDS = [*VERSIONS, *CORE, "Deployment", "Deployment", "Service", "ConfigMap", "Foo"]
WORKLOADS = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout"]


def objects_of(s: Source, kind: str, name: str, namespace: str) -> dict:
    out: dict = {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": s.metadata(name, namespace)}
    app = {"app": s.pick(NAMES)}
    match kind:
        case "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Rollout":
            out["spec"] = {"selector": {"matchLabels": app}, "template": s.template()}
            if s.chance(50):
                out["spec"]["replicas"] = s.r.randint(0, 5)
            if kind == "StatefulSet":
                out["spec"]["serviceName"] = s.pick(NAMES)
                if s.chance(40):
                    out["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {"x": 1}}]
        case "ReplicationController":
            out["spec"] = {"selector": app, "template": s.template()}
        case "Job":
            out["spec"] = {"template": s.template()}
        case "CronJob":
            out["spec"] = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": s.template()}}}
        case "Pod":
            out["spec"] = s.pod_spec()
        case "Service":
            out["spec"] = {"ports": [s.port("port") for _ in range(s.r.randint(1, 3))]}
            if s.chance(70):
                out["spec"]["selector"] = app
        case "ConfigMap":
            out["data"] = {k: s.pick(STRINGS) for k in s.some(["k", "a.txt", "B", "c-d", "10", "9"], 4)}
        case "Secret":
            out["data"] = {"k": "eA=="}
            out["type"] = "Opaque"
        case "Ingress":
            backend = {"service": {"name": s.pick(NAMES), "port": {"number": 80}}}
            out["spec"] = {"rules": [{"host": "h", "http": {"paths": [{"path": "/", "backend": backend}]}}]}
            if s.chance(40):
                out["spec"]["tls"] = [{"secretName": s.pick(NAMES)}]
        case "Role" | "ClusterRole":
            rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
            if s.chance(50):
                rule["resourceNames"] = [s.pick(NAMES)]
            out["rules"] = [rule]
        case "RoleBinding" | "ClusterRoleBinding":
            role = "ClusterRole" if kind.startswith("Cluster") else s.pick(["Role", "ClusterRole"])
            ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": s.pick(NAMES)}
            subjects = [{"kind": "ServiceAccount", "name": s.pick([*NAMES, "default"])} for _ in range(s.r.randint(1, 2))]
            for subject in subjects:
                if s.chance(60):
                    subject["namespace"] = s.pick(["default", "ns1", "other"])
            out |= {"roleRef": ref, "subjects": subjects}
        case "HorizontalPodAutoscaler":
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": s.pick(NAMES)}
            out["spec"] = {"scaleTargetRef": target, "maxReplicas": 3}
        case "PodDisruptionBudget":
            out["spec"] = {"minAvailable": 1, "selector": {"matchLabels": app}}
        case "NetworkPolicy":
            out["spec"] = {"podSelector": {"matchLabels": app}, "ingress": [{"from": [{"podSelector": {"matchLabels": {}}}]}]}
        case "CustomResourceDefinition":
            out["metadata"]["name"] = f"{name}s.example.com"
            out["spec"] = {"group": "example.com", "scope": s.pick(["Namespaced", "Cluster"]), "names": {"kind": "Foo"}}
        case "PersistentVolumeClaim":
            out["spec"] = {"accessModes": ["ReadWriteOnce"], "storageClassName": s.pick(NAMES)}
            if s.chance(30):
                out["spec"]["volumeName"] = s.pick(NAMES)
        case "PersistentVolume":
            out["spec"] = {"capacity": {"storage": "1Gi"}, "storageClassName": s.pick(NAMES)}
        case "ValidatingWebhookConfiguration":
            service = {"name": s.pick(NAMES), "namespace": s.pick(["default", "ns1"]), "path": "/"}
            out["webhooks"] = [{"name": "h.example.com", "clientConfig": {"service": service}}]
        case "APIService":
            out["spec"] = {"service": {"name": s.pick(NAMES), "namespace": "default"}, "version": "v1"}
        case "Foo":
            out["spec"] = {"size": Plain(s.pick(NUMBERS)), "list": [{"name": "a", "v": 1}, {"name": "b", "v": s.pick(STRINGS)}],
                           "configMap": s.pick(NAMES), "image": s.pick(IMAGES), "flag": s.pick([True, False, None])}
            if s.chance(30):
                out["spec"]["containers"] = [s.container("main")]
            if s.chance(20):
                out["spec"]["empty"] = s.pick([{}, [], None, ""])
        case "PriorityClass":
            out["value"] = 10
        case "StorageClass":
            out["provisioner"] = "x"
    return out
