"""Random kustomizations: directories of objects, bases, components and what is done to them."""

from pathlib import Path

from differ_objects import IMAGES, KINDS, LABELS, NAMES, NAMESPACES, STRINGS, WORKLOADS, Plain, Source

HEAD = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
PATHS = ["spec.template.spec.containers.0.image", "metadata.name", "metadata.labels.app", "spec.replicas", "spec.size",
         "spec.template.spec.containers.[name=main].env.[name=A].value", "data.k", "spec.list.*.v", "spec.configMap",
         "metadata.annotations.note", "metadata.namespace", "spec.ports.0.port", "spec.list.[name=a].v"]  # fmt: skip


class Tree:
    def __init__(self, s: Source, folder: Path, only: set[str]) -> None:
        self.s, self.folder, self.only = s, folder, only
        self.known: list[dict] = []
        self.count = 0
        self.vars = False
        # Few features a tree, so that a difference is small and most trees build.
        self.likely = {name: s.pick([0, 0, 0, 25, 60]) for name in FEATURES}
        if only:
            self.likely = {name: 70 if name in only else 0 for name in FEATURES}

    def write(self) -> None:
        self.kustomization(self.folder / "top", 0, False)

    def file(self, folder: Path, name: str, text: str) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, newline="")
        return name

    def kustomization(self, folder: Path, depth: int, component: bool) -> None:
        s = self.s
        k: dict = {}
        # What this kustomization sees; a component sees what its parent does.
        start = 0 if component else len(self.known)
        folder.mkdir(parents=True, exist_ok=True)
        resources = []
        for i in range(s.r.randint(0 if component else 1, 3)):
            documents = [self.object() for _ in range(s.r.randint(1, 3))]
            texts = [s.yaml(d) for d in documents]
            if s.chance(5):
                listed = {"apiVersion": "v1", "kind": "List", "items": documents}
                texts = [s.yaml(listed)]
            resources.append(self.file(folder, f"r{i}.yaml", "---\n".join(texts)))
        for _ in range(s.pick([0, 0, 1, 1, 2]) if depth < 2 and not component else 0):
            self.count += 1
            base = f"base{self.count}"
            self.kustomization(self.folder / base, depth + 1, False)
            resources.insert(s.r.randint(0, len(resources)), f"../{base}")
        k["resources"] = resources
        if s.chance(self.likely["components"]) and depth < 2:
            self.count += 1
            self.kustomization(self.folder / f"comp{self.count}", depth + 1, True)
            k["components"] = [f"../comp{self.count}"]
        self.visible = self.known[start:] if s.chance(95) else self.known
        if not self.visible:
            self.visible = self.known or [self.object()]
        names = list(FEATURES)
        s.r.shuffle(names)
        for name in names:
            if name != "components" and s.chance(self.likely[name]):
                if name in ("sortOptions", "buildMetadata") and depth:
                    continue
                FEATURES[name](self, k, folder)
        if component:
            k = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"} | k
        elif s.chance(80):
            k = HEAD | k
        self.file(folder, "kustomization.yaml", s.yaml({key: v for key, v in k.items() if v != []} or HEAD))

    def object(self) -> dict:
        s = self.s
        for _ in range(20):
            kind, name, namespace = s.pick(KINDS), s.pick(NAMES), s.pick(NAMESPACES)
            key = (kind, name)
            if all((o["kind"], o["metadata"]["name"]) != key for o in self.known) or s.chance(5):
                made = s.object(kind, name, namespace)
                self.known.append(made)
                return made
        made = s.object("ConfigMap", f"n{len(self.known)}", "")
        self.known.append(made)
        return made

    def target(self, exact: bool = False) -> dict:
        s, o = self.s, self.s.pick(self.visible)
        if not exact and s.chance(25):
            return s.pick([{"kind": o["kind"]}, {"name": ".*"}, {"kind": "Deploy.*"}, {"labelSelector": "app"},
                           {"labelSelector": "app=web"}, {"annotationSelector": "note"}, {"namespace": "ns1"},
                           {"group": "apps"}, {"version": "v1"}, {"name": "w.*", "kind": "Deployment|Service"}])  # fmt: skip
        group, _, version = o["apiVersion"].rpartition("/")
        out = {"kind": o["kind"], "name": o["metadata"]["name"]}
        if s.chance(20):
            out |= {"version": version} | ({"group": group} if group else {})
        return out


def pairs(s: Source) -> dict:
    return {key: s.pick(["new", "1", "yes", "a"]) for key in s.some([*LABELS, "added"], 2)} or {"added": "x"}


def selected(t: Tree, o: dict) -> dict:
    out = {"apiVersion": o["apiVersion"], "kind": o["kind"], "metadata": {"name": o["metadata"]["name"]}}
    if ns := o["metadata"].get("namespace"):
        out["metadata"]["namespace"] = ns
    return out


def merge_patch(t: Tree, o: dict) -> dict:
    s = t.s
    out = selected(t, o)
    if s.chance(8):
        return out | {"$patch": "delete"}
    if s.chance(30):
        out["metadata"]["labels"] = {"patched": s.pick(["x", None]), "app": s.pick(["p", None])}
    if s.chance(30):
        out["metadata"]["annotations"] = {"note": s.pick(["x", None]), "new": s.pick(STRINGS)}
    if o["kind"] in WORKLOADS:
        pod = {"containers": s.some([patch_container(s, n) for n in ("main", "side", "extra")], 3)}
        if s.chance(20):
            pod["volumes"] = [{"name": s.pick("vwx"), "emptyDir": s.pick([{}, None])}]
        if s.chance(8):
            pod["volumes"] = s.pick([[{"$patch": "replace"}, {"name": "z"}], [{"name": "v", "$patch": "delete"}], None])
        if s.chance(10):
            pod["tolerations"] = s.pick([[{"key": "z"}], [], None])
        if s.chance(10):
            pod["topologySpreadConstraints"] = [{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 2}]
        spec = {"template": {"spec": pod}}
        if s.chance(20):
            spec["template"]["metadata"] = {"annotations": {"a": "b"}}
        if o["kind"] == "CronJob":
            spec = {"jobTemplate": {"spec": spec}}
        if s.chance(20):
            spec["replicas"] = s.pick([7, None])
        if s.chance(5):
            spec["$patch"] = s.pick(["replace", "merge"])
        out["spec"] = spec
    elif o["kind"] == "Service":
        out["spec"] = {"ports": [s.port("port")], "type": s.pick(["NodePort", None])}
    elif o["kind"] == "ConfigMap":
        out["data"] = {"k": s.pick([*STRINGS, None]), "new": s.pick(STRINGS)}
    elif o["kind"] == "Foo":
        out["spec"] = {"list": s.pick([[{"name": "a", "w": 2}], [], None]), "size": Plain("2"), "deep": {"x": {"y": None}}}
    elif s.chance(30):
        out["spec"] = {"added": {"x": s.pick(STRINGS)}}
    return out


def patch_container(s: Source, name: str) -> dict:
    out: dict = {"name": name}
    if s.chance(50):
        out["image"] = s.pick([*IMAGES, None])
    if s.chance(40):
        out["env"] = [{"name": n, "value": s.pick([*STRINGS, None])} for n in s.some("ABX", 2)]
    if s.chance(25):
        out["ports"] = [s.port("containerPort")]
    if s.chance(25):
        out["args"] = s.pick([["z"], [], None])
    if s.chance(8):
        out["$patch"] = s.pick(["delete", "replace", "merge"])
    if s.chance(10):
        out["resources"] = s.pick([{"limits": None}, {"$patch": "delete"}, {"requests": {"cpu": 1}}])
    if s.chance(10):
        out["volumeMounts"] = [{"mountPath": "/a", "name": "n"}, {"mountPath": "/z", "name": "z"}]
    return out


def operations(t: Tree) -> list:
    s = t.s
    pool = [
        {"op": "add", "path": "/metadata/annotations/new", "value": s.pick(STRINGS)},
        {"op": "add", "path": "/metadata/labels/new", "value": "x"},
        {"op": "add", "path": "/metadata/labels", "value": {"only": "x"}},
        {"op": "add", "path": "/metadata/annotations", "value": {"only": "x"}},
        {"op": "replace", "path": "/metadata/name", "value": "renamed"},
        {"op": "replace", "path": "/metadata/namespace", "value": "moved"},
        {"op": "remove", "path": "/metadata/annotations"},
        {"op": "remove", "path": "/metadata/labels/app"},
        {"op": "add", "path": "/spec/replicas", "value": 9},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "j:1"},
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "j", "image": "j"}},
        {"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "J", "value": "1"}]},
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "J"}},
        {"op": "remove", "path": "/spec/template/spec/containers/0"},
        {"op": "add", "path": "/spec/x~1y", "value": s.pick([None, {}, [], 1.0, Plain("1e3"), True, "t"])},
        {"op": "test", "path": "/kind", "value": s.pick(["Deployment", "Service", "Foo"])},
        {"op": "copy", "from": "/metadata/name", "path": "/spec/copied"},
        {"op": "move", "from": "/metadata/labels", "path": "/moved"},
        {"op": "replace", "path": "/data/k", "value": s.pick(STRINGS)},
        {"op": "replace", "path": "/spec/list/1/v", "value": 3},
        {"op": "remove", "path": "/spec/list/-1"},
        {"op": "add", "path": "/spec/list/0", "value": {"name": "z"}},
    ]
    safe = [o for o in pool if o["op"] in ("add", "copy") and "containers" not in o["path"] and "list" not in o["path"]]
    return s.some(pool if s.chance(40) else safe, 2) or pool[:1]


def patches(t: Tree, k: dict, folder: Path) -> None:
    s, out = t.s, []
    for i in range(s.r.randint(1, 3)):
        entry: dict = {}
        if s.chance(55):
            o = s.pick(t.visible)
            body = merge_patch(t, o)
            text = s.yaml(body)
            if s.chance(15):
                text += "---\n" + s.yaml(merge_patch(t, s.pick(t.visible)))
            if s.chance(40):
                entry["target"] = t.target()
            if s.chance(10):
                entry["options"] = {s.pick(["allowNameChange", "allowKindChange"]): True}
        else:
            text = s.yaml(operations(t))
            entry["target"] = t.target()
        if s.chance(40):
            entry["path"] = t.file(folder, f"p{i}.yaml", text)
        else:
            entry["patch"] = text
        out.append(entry)
    k["patches"] = out


def strategic(t: Tree, k: dict, folder: Path) -> None:
    texts = [t.s.yaml(merge_patch(t, t.s.pick(t.visible))) for _ in range(t.s.r.randint(1, 2))]
    k["patchesStrategicMerge"] = [
        t.file(folder, f"m{i}.yaml", text) if t.s.chance(50) else text for i, text in enumerate(texts)
    ]


def json6902(t: Tree, k: dict, folder: Path) -> None:
    k["patchesJson6902"] = [{"target": t.target(True), "patch": t.s.yaml(operations(t))}]


def labels(t: Tree, k: dict, folder: Path) -> None:
    s, out = t.s, []
    for _ in range(s.r.randint(1, 2)):
        entry: dict = {"pairs": pairs(s)}
        if s.chance(40):
            entry["includeSelectors"] = s.chance(70)
        if s.chance(40):
            entry["includeTemplates"] = s.chance(80)
        if s.chance(25):
            entry["fields"] = [{"path": s.pick(["spec/labels", "spec/a/b", "spec/list/l"]), "create": s.chance(50),
                                "kind": s.pick(["Foo", "Deployment"])}]  # fmt: skip
        out.append(entry)
    k["labels"] = out


def images(t: Tree, k: dict, folder: Path) -> None:
    s, out = t.s, []
    for _ in range(s.r.randint(1, 2)):
        entry = {"name": s.pick(["nginx", "r.io:5000/acme/model", "busybox", "acme/model", "ngin.", "acme/.*"])}
        if s.chance(50):
            entry["newName"] = s.pick(["new", "r.io:1/n"])
        if s.chance(50):
            entry["newTag"] = s.pick(["v2", "1.0"])
        if s.chance(30):
            entry["digest"] = "sha256:" + "b" * 64
        if s.chance(15):
            entry["tagSuffix"] = "-x"
        out.append(entry)
    k["images"] = out


def replicas(t: Tree, k: dict, folder: Path) -> None:
    scaled = [o for o in t.visible if o["kind"] in ("Deployment", "ReplicaSet", "StatefulSet")]
    if scaled:
        k["replicas"] = [{"name": t.s.pick(scaled)["metadata"]["name"], "count": t.s.r.randint(0, 9)}]


def options(s: Source) -> dict:
    out: dict = {}
    if s.chance(40):
        out["disableNameSuffixHash"] = s.chance(70)
    if s.chance(30):
        out["labels"] = pairs(s)
    if s.chance(30):
        out["annotations"] = {"note": s.pick(STRINGS)}
    if s.chance(15):
        out["immutable"] = s.chance(70)
    return out


def generators(t: Tree, k: dict, folder: Path) -> None:
    s = t.s
    for field in s.some(["configMapGenerator", "secretGenerator"], 2) or ["configMapGenerator"]:
        out = []
        for i in range(s.r.randint(1, 2)):
            entry: dict = {"name": s.pick([s.pick(NAMES), *[f"gen{t.count}{i}"] * 4])}
            if s.chance(50):
                entry["literals"] = [f"{key}={s.pick(STRINGS)}" for key in s.some("abc", 2)]
            if s.chance(40):
                name = t.file(folder, f"f{i}.txt", s.pick([*STRINGS, "x: 1\ny: 2\n", "\r\nx\r\n", "a\n\n\n"]))
                entry["files"] = [s.pick([name, f"k.y={name}"])]
            if s.chance(25):
                lines = ["# c", "A=1", "  B = x ", "C=a=b", "", 'D="q"', "E="]
                entry["envs"] = [t.file(folder, f"e{i}.env", "\n".join(s.some(lines, 5)) + s.pick(["", "\n"]))]
            kind = "ConfigMap" if field[0] == "c" else "Secret"
            there = [o for o in t.visible if o["kind"] == kind]
            if there and s.chance(25):
                entry["behavior"] = s.pick(["merge", "merge", "replace", "create"])
                entry["name"] = s.pick(there)["metadata"]["name"]
            if s.chance(20):
                entry["namespace"] = s.pick(["ns1", "default"])
            if s.chance(30):
                entry["options"] = options(s)
            if field == "secretGenerator" and s.chance(30):
                entry["type"] = s.pick(["kubernetes.io/tls", "Opaque"])
            made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": entry["name"]}}
            t.known.append(made)
            t.visible.append(made)
            out.append(entry)
        k[field] = out
    if s.chance(30):
        k["generatorOptions"] = options(s)


def replacements(t: Tree, k: dict, folder: Path) -> None:
    s, out = t.s, []
    for _ in range(s.r.randint(1, 2)):
        source = t.target(True)
        if s.chance(60):
            source["fieldPath"] = s.pick(PATHS if s.chance(20) else ["metadata.name", "kind", "metadata.labels"])
        if s.chance(20):
            source["options"] = {"delimiter": s.pick([":", "/", "."]), "index": s.r.randint(0, 1)}
        target: dict = {"select": t.target(s.chance(60))}
        if s.chance(85):
            target["fieldPaths"] = s.some(PATHS, 2) or [PATHS[1]]
        if s.chance(60):
            target["options"] = {"create": s.chance(90)}
        if s.chance(20):
            target["options"] = {"delimiter": s.pick([":", "/", "-"]), "index": s.r.randint(-1, 3)}
        if s.chance(15):
            target["reject"] = [t.target(True)]
        entry = {"source": source, "targets": [target]}
        out.append(entry)
    if s.chance(20):
        out = [{"path": t.file(folder, "repl.yaml", s.yaml(out))}]
    k["replacements"] = out


def vars_(t: Tree, k: dict, folder: Path) -> None:
    if t.s.chance(90) and t.vars:
        return
    t.vars = True
    o = t.s.pick(t.visible)
    ref = {"apiVersion": o["apiVersion"], "kind": o["kind"], "name": o["metadata"]["name"]}
    entry: dict = {"name": "VAR", "objref": ref}
    if t.s.chance(40):
        entry["fieldref"] = {"fieldpath": t.s.pick(["metadata.namespace", "metadata.name", "spec.replicas", "kind"])}
    k["vars"] = [entry]


def configurations(t: Tree, k: dict, folder: Path) -> None:
    s = t.s
    pool = {
        "nameReference": [{"kind": "ConfigMap", "version": "v1", "fieldSpecs": [{"path": "spec/configMap", "kind": "Foo"}]}],
        "namePrefix": [{"path": "spec/configMap", "kind": "Foo"}],
        "commonLabels": [{"path": "spec/sel", "create": s.chance(50), "kind": "Foo"}],
        "commonAnnotations": [{"path": "spec/notes", "create": True, "kind": "Foo"}],
        "images": [{"path": "spec/image", "kind": "Foo"}],
        "namespace": [{"path": "spec/ns", "create": True, "kind": "Foo"}, {"path": "metadata/namespace", "create": True}][
            : s.r.randint(1, 2)
        ],
        "replicas": [{"path": "spec/size", "create": True, "kind": "Foo"}],
        "varReference": [{"path": "data/k", "kind": "ConfigMap"}, {"path": "spec", "kind": "Foo"}],
        "labels": [{"path": "spec/l", "create": True, "kind": "Foo"}],
        "templateLabels": [{"path": "spec/t", "create": True, "kind": "Foo"}],
    }
    chosen = s.some(pool, 4) or ["images"]
    k["configurations"] = [t.file(folder, "config.yaml", s.yaml({name: pool[name] for name in chosen}))]


def spec(s: Source, path: str) -> list:
    return [{"path": path, "create": s.chance(70)} | ({"kind": "Foo"} if s.chance(20) else {})]


def transformers(t: Tree, k: dict, folder: Path) -> None:
    s, out = t.s, []
    pool = [
        ("PrefixTransformer", {"prefix": "pt-", "fieldSpecs": spec(s, "metadata/name")}),
        ("SuffixTransformer", {"suffix": "-st", "fieldSpecs": spec(s, "metadata/name")}),
        ("PrefixSuffixTransformer", {"prefix": "q-", "fieldSpecs": spec(s, "metadata/name")}),
        ("NamespaceTransformer", {"metadata": {"name": "n", "namespace": "tns"}, "unsetOnly": s.chance(50), "fieldSpecs": spec(s, "metadata/namespace"),
                                  "setRoleBindingSubjects": s.pick(["none", "defaultOnly", "allServiceAccounts"])}),
        ("LabelTransformer", {"labels": pairs(s), "fieldSpecs": spec(s, "metadata/labels")}),
        ("AnnotationsTransformer", {"annotations": pairs(s), "fieldSpecs": spec(s, "metadata/annotations")}),
        ("ImageTagTransformer", {"imageTag": {"name": "nginx", "newTag": "tt"}, "fieldSpecs": spec(s, "spec/image")}),
        ("ReplicaCountTransformer", {"replica": {"name": s.pick(NAMES), "count": 4}, "fieldSpecs": spec(s, "spec/replicas")}),
        ("PatchTransformer", {"patch": s.yaml(operations(t)), "target": t.target()}),
        ("ValueAddTransformer", {"value": s.pick(["added", "ns1"]), "filePath": s.pick(["", "x/y/z.yaml"]), "targets": [
            {"fieldPath": s.pick(["spec/value", "metadata/annotations/va", "metadata/name"]),
             "filePathPosition": s.r.randint(0, 2)}
            | ({"selector": t.target()} if s.chance(60) else {})]}),
        ("HashTransformer", {}),
    ]  # fmt: skip
    for i in range(s.r.randint(1, 2)):
        kind, body = s.pick(pool)
        text = s.yaml({"apiVersion": "builtin", "kind": kind, "metadata": {"name": f"t{i}"}} | body)
        out.append(t.file(folder, f"t{i}.yaml", text) if s.chance(60) else text)
    k["transformers"] = out


def sort_options(t: Tree, k: dict, folder: Path) -> None:
    lists = {"orderFirst": t.s.some(KINDS, 4), "orderLast": t.s.some(KINDS, 3)}
    k["sortOptions"] = t.s.pick([{"order": "fifo"}, {"order": "legacy"}, {"order": "legacy", "legacySortOptions": lists}])


def build_metadata(t: Tree, k: dict, folder: Path) -> None:
    k["buildMetadata"] = t.s.some(["originAnnotations", "transformerAnnotations", "managedByLabel"], 3)


FEATURES = {
    "components": None,
    "namespace": lambda t, k, f: k.update(namespace=t.s.pick(["kns", "default", "ns1"])),
    "namePrefix": lambda t, k, f: k.update(namePrefix=t.s.pick(["pre-", "a."])),
    "nameSuffix": lambda t, k, f: k.update(nameSuffix="-suf"),
    "labels": labels,
    "commonLabels": lambda t, k, f: k.update(commonLabels=pairs(t.s)),
    "commonAnnotations": lambda t, k, f: k.update(commonAnnotations={"note": t.s.pick(STRINGS), "c": "d"}),
    "images": images,
    "replicas": replicas,
    "generators": generators,
    "patches": patches,
    "patchesStrategicMerge": strategic,
    "patchesJson6902": json6902,
    "replacements": replacements,
    "vars": vars_,
    "configurations": configurations,
    "transformers": transformers,
    "sortOptions": sort_options,
    "buildMetadata": build_metadata,
}
