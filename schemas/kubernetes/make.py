#!/usr/bin/env python3
"""Makes kubernetes.zst: what objects of each Kubernetes version look like, in the form that src/kube/pack.rs reads.

    pip download --no-deps kubernetes-validate==1.37.0 && unzip -q kubernetes_validate-*.whl -d WHEEL
    python3 schemas/kubernetes/make.py WHEEL

The package kubernetes-validate (Apache-2.0) carries the OpenAPI documents that Kubernetes publishes (Apache-2.0), one for
each version. They are turned into lines of text, one a type, and compressed by the `zstd` command:

    versions<TAB>name<TAB>apiVersion/kind,…<TAB>field[!]:type …

where `versions` is a mask in hexadecimal (bit 0 is the first version of the first line), `!` marks a required field, and
a type is one of: s text, i int32, l int64, n number, b boolean, q quantity, x integer or text, t time, y base64,
o any mapping, * anything, [T list, {T mapping to T, #N the type called N, s(A|B) one of these texts.
"""

import json
import pathlib
import subprocess
import sys

FIRST, LAST = 27, 37

# Closed choices. The published documents tell them in prose only; they are those of the API reference
# (https://kubernetes.io/docs/reference/kubernetes-api/). Only choices that have no empty member and no open end.
ENUMS = {
    "Container.imagePullPolicy": "Always IfNotPresent Never",
    "Container.terminationMessagePolicy": "File FallbackToLogsOnError",
    "ContainerPort.protocol": "TCP UDP SCTP",
    "CronJobSpec.concurrencyPolicy": "Allow Forbid Replace",
    "DaemonSetUpdateStrategy.type": "OnDelete RollingUpdate",
    "DeploymentStrategy.type": "Recreate RollingUpdate",
    "HPAScalingPolicy.type": "Pods Percent",
    "HPAScalingRules.selectPolicy": "Max Min Disabled",
    "HTTPGetAction.scheme": "HTTP HTTPS",
    "HTTPIngressPath.pathType": "Exact Prefix ImplementationSpecific",
    "JobSpec.completionMode": "NonIndexed Indexed",
    "LabelSelectorRequirement.operator": "In NotIn Exists DoesNotExist",
    "MetricSpec.type": "ContainerResource External Object Pods Resource",
    "MetricTarget.type": "AverageValue Utilization Value",
    "NetworkPolicyPort.protocol": "TCP UDP SCTP",
    "NetworkPolicySpec.policyTypes": "Ingress Egress",
    "NodeSelectorRequirement.operator": "In NotIn Exists DoesNotExist Gt Lt",
    "PersistentVolumeClaimSpec.accessModes": "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod",
    "PersistentVolumeClaimSpec.volumeMode": "Block Filesystem",
    "PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": "IfHealthyBudget AlwaysAllow",
    "PodSecurityContext.fsGroupChangePolicy": "OnRootMismatch Always",
    "PodSpec.dnsPolicy": "ClusterFirst ClusterFirstWithHostNet Default None",
    "PodSpec.preemptionPolicy": "Never PreemptLowerPriority",
    "PodSpec.restartPolicy": "Always OnFailure Never",
    "SeccompProfile.type": "Localhost RuntimeDefault Unconfined",
    "ServicePort.protocol": "TCP UDP SCTP",
    "ServiceSpec.externalTrafficPolicy": "Cluster Local",
    "ServiceSpec.internalTrafficPolicy": "Cluster Local",
    "ServiceSpec.ipFamilyPolicy": "SingleStack PreferDualStack RequireDualStack",
    "ServiceSpec.sessionAffinity": "ClientIP None",
    "ServiceSpec.type": "ClusterIP ExternalName LoadBalancer NodePort",
    "StatefulSetSpec.podManagementPolicy": "OrderedReady Parallel",
    "StatefulSetUpdateStrategy.type": "OnDelete RollingUpdate",
    "TopologySpreadConstraint.nodeAffinityPolicy": "Honor Ignore",
    "TopologySpreadConstraint.nodeTaintsPolicy": "Honor Ignore",
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule ScheduleAnyway",
}

# Types that are no mapping of fields, or whose fields say less than their meaning.
SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "t",
}


def kind_of(schema):
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(k for k in kind if k != "null")
    return kind


def short(name):
    for prefix in ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.", "io.k8s."):
        if name.startswith(prefix):
            return name[len(prefix):]
    return name


def shape(schema, definitions, enum=None):
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        target = definitions[name]
        if name in SPECIAL:
            return SPECIAL[name]
        if "properties" in target:
            return "#" + short(name)
        return "o" if kind_of(target) == "object" else "*"
    kind = kind_of(schema)
    if kind == "array":
        return "[" + shape(schema["items"], definitions, enum)
    if kind == "object":
        inner = schema.get("additionalProperties")
        return "{" + shape(inner, definitions) if isinstance(inner, dict) else "o"
    if kind == "integer":
        return "i" if schema.get("format") == "int32" else "l"
    if kind == "string":
        if schema.get("format") == "byte":
            return "y"
        return "s" + (f"({'|'.join(enum)})" if enum else "")
    return {"number": "n", "boolean": "b", None: "*"}[kind]


def line(name, schema, definitions, used):
    kinds = sorted(
        "/".join(filter(None, (k["group"], k["version"], k["kind"])))
        for k in schema.get("x-kubernetes-group-version-kind", [])
    )
    fields, required = [], set(schema.get("required", []))
    for field, inner in sorted(schema["properties"].items()):
        # What the cluster writes is nobody's to put into a file; it is let through unread.
        if kinds and field == "status":
            fields.append("status:o")
            continue
        key = f"{name.rsplit('.', 1)[1]}.{field}"
        enum = ENUMS.get(key, "").split()
        if enum:
            used.add(key)
        fields.append(f"{field}{'!' if field in required else ''}:{shape(inner, definitions, enum)}")
    return "\t".join((short(name), ",".join(kinds), " ".join(fields)))


def reachable(definitions):
    """Names of the types that an object in a file can hold: those below a kind that has metadata."""
    def is_object(schema):
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        metadata = schema.get("properties", {}).get("metadata", {}).get("$ref", "")
        return len(kinds) == 1 and metadata.endswith(".ObjectMeta")

    todo = [name for name, schema in definitions.items() if is_object(schema)]
    found = set()

    def refs(schema):
        if "$ref" in schema:
            yield schema["$ref"].rsplit("/", 1)[1]
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                yield from refs(schema[key])

    while todo:
        name = todo.pop()
        if name in found or "properties" not in definitions[name] or name in SPECIAL:
            continue
        found.add(name)
        top = "x-kubernetes-group-version-kind" in definitions[name]
        for field, inner in definitions[name]["properties"].items():
            if not (top and field == "status"):
                todo.extend(refs(inner))
    return found


def main():
    folder = pathlib.Path(sys.argv[1]) / "kubernetes_validate" / "kubernetes-json-schema"
    masks, used = {}, set()
    versions = [f"1.{minor}" for minor in range(FIRST, LAST + 1)]
    for bit, version in enumerate(versions):
        definitions = json.loads((folder / f"v{version}.0-local" / "_definitions.json").read_text())["$defs"]
        names = reachable(definitions)
        assert len({short(name) for name in names}) == len(names), "short names collide"
        for name in names:
            text = line(name, definitions[name], definitions, used)
            masks[text] = masks.get(text, 0) | 1 << bit
    assert used == set(ENUMS), f"no such field: {set(ENUMS) - used}"
    lines = sorted((text, f"{mask:x}\t{text}") for text, mask in masks.items())
    text = " ".join(versions) + "\n" + "".join(f"{whole}\n" for _, whole in lines)
    out = pathlib.Path(__file__).with_name("kubernetes.zst")
    subprocess.run(["zstd", "-q", "-f", "--ultra", "-22", "-o", str(out)], input=text.encode(), check=True)
    print(f"{out}: {len(lines)} types, {len(text)} bytes as text, {out.stat().st_size} compressed")


if __name__ == "__main__":
    main()
