//! Field specs: which fields of which kinds a transformation reaches. The default tables are Kustomize 5.5's.

use super::aliases;
use super::error::Result;
use super::fields::Fields;
use super::resource::Gvk;
use super::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    /// Empty parts match anything.
    pub gvk: Gvk,
    pub path: Vec<Step>,
    pub create: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub name: String,
    /// Written with `[]`: a list is expected and never created.
    pub list: bool,
}

/// What to put where the last field of a path is missing and may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Map,
    Scalar,
}

impl FieldSpec {
    /// `path` has steps separated by `/`; `\/` stands for a slash in a name.
    pub(crate) fn new(path: &str, group: &str, version: &str, kind: &str, create: bool) -> Self {
        let gvk = Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        let path = path.replace("\\/", "\0");
        let steps = path.split('/').filter(|s| !s.is_empty()).map(|step| {
            let (name, list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
            Step { name: name.replace('\0', "/"), list }
        });
        Self { gvk, path: steps.collect(), create }
    }

    pub(crate) fn from_value(value: Value) -> Result<Self> {
        let mut f = Fields::of(value)?;
        let (path, group, version) = (f.string("path")?, f.string("group")?, f.string("version")?);
        let (kind, create) = (f.string("kind")?, f.flag("create")?);
        f.finish()?;
        Ok(Self::new(&path, &group, &version, &kind, create))
    }

    /// Calls `set` on every node of `object` that the path leads to, if the object is of the kind. `set` also gets the
    /// way to the node.
    pub(crate) fn apply<'p>(&'p self, object: &mut Value, leaf: Leaf, set: &mut Set<'p, '_>) -> Result<(), String> {
        let gvk = Gvk::new(object.str_at(&["apiVersion"]), object.str_at(&["kind"]));
        if !gvk.is_selected(&self.gvk) {
            return Ok(());
        }
        walk(object, &self.path, self.create.then_some(leaf), &mut Vec::new(), set)
    }
}

/// What is done with a node, given the way to it.
pub(crate) type Set<'p, 's> = dyn FnMut(&mut Value, &[aliases::Step<'p>]) -> Result<(), String> + 's;

pub(crate) fn walk<'p>(
    node: &mut Value,
    path: &'p [Step],
    create: Option<Leaf>,
    way: &mut Vec<aliases::Step<'p>>,
    set: &mut Set<'p, '_>,
) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else { return set(node, way) };
    match node {
        Value::Null | Value::Blank => Ok(()),
        Value::List(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                way.push(aliases::Step::Index(at));
                walk(item, path, create, way, set)?;
                way.pop();
            }
            Ok(())
        }
        Value::Map(map) => {
            if let Some(next) = map.get_mut(&step.name).filter(|next| step.list && next.is_null()) {
                *next = Value::List(Vec::new());
            }
            let next = match create.filter(|_| !step.list) {
                None => map.get_mut(&step.name),
                Some(Leaf::Scalar) if rest.is_empty() => {
                    if map.get(&step.name).is_none() {
                        map.set(&step.name, Value::Null);
                    }
                    map.get_mut(&step.name)
                }
                Some(_) => Some(map.or_insert(&step.name, Value::map())),
            };
            let Some(next) = next else { return Ok(()) };
            way.push(aliases::Step::Name(&step.name));
            walk(next, rest, create, way, set)?;
            way.pop();
            Ok(())
        }
        other => Err(format!("expected a mapping or a list around {}, found {}", step.name, other.type_name())),
    }
}

/// Pod specs inside workloads, as most tables have them: the path of the pod spec and the kind.
const WORKLOADS: [(&str, &str); 8] = [
    ("spec/", "Pod"),
    ("template/spec/", "PodTemplate"),
    ("spec/template/spec/", "Deployment"),
    ("spec/template/spec/", "ReplicaSet"),
    ("spec/template/spec/", "DaemonSet"),
    ("spec/template/spec/", "StatefulSet"),
    ("spec/template/spec/", "Job"),
    ("spec/jobTemplate/spec/template/spec/", "CronJob"),
];

/// Where templates of the workloads keep their metadata: path, group, kind.
const TEMPLATES: [(&str, &str, &str); 8] = [
    ("spec/template/metadata", "", "ReplicationController"),
    ("spec/template/metadata", "", "Deployment"),
    ("spec/template/metadata", "", "ReplicaSet"),
    ("spec/template/metadata", "", "DaemonSet"),
    ("spec/template/metadata", "apps", "StatefulSet"),
    ("spec/template/metadata", "batch", "Job"),
    ("spec/jobTemplate/metadata", "batch", "CronJob"),
    ("spec/jobTemplate/spec/template/metadata", "batch", "CronJob"),
];

fn template_metadata(field: &str) -> Vec<FieldSpec> {
    let mut specs = vec![FieldSpec::new(&format!("metadata/{field}"), "", "", "", true)];
    for (path, group, kind) in TEMPLATES {
        let version = if kind == "ReplicationController" { "v1" } else { "" };
        specs.push(FieldSpec::new(&format!("{path}/{field}"), group, version, kind, true));
    }
    specs
}

/// Annotations of objects and of the templates in them.
pub(crate) fn annotations() -> Vec<FieldSpec> {
    template_metadata("annotations")
}

/// Labels of objects and of the templates in them.
pub(crate) fn template_labels() -> Vec<FieldSpec> {
    let mut specs = template_metadata("labels");
    specs.push(FieldSpec::new("spec/volumeClaimTemplates[]/metadata/labels", "apps", "", "StatefulSet", true));
    specs
}

/// Labels of objects and templates, and the selectors that must follow them.
pub(crate) fn common_labels() -> Vec<FieldSpec> {
    let mut specs = template_labels();
    let mut add = |path: &str, group: &str, version: &str, kind: &str, create: bool| {
        specs.push(FieldSpec::new(path, group, version, kind, create));
    };
    add("spec/selector", "", "v1", "Service", true);
    add("spec/selector", "", "v1", "ReplicationController", true);
    for (kind, group) in [("Deployment", ""), ("ReplicaSet", ""), ("DaemonSet", ""), ("StatefulSet", "apps")] {
        add("spec/selector/matchLabels", group, "", kind, true);
    }
    for kind in ["Deployment", "StatefulSet"] {
        for affinity in ["podAffinity", "podAntiAffinity"] {
            let terms = format!("spec/template/spec/affinity/{affinity}");
            let preferred = "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm";
            for rule in [preferred, "requiredDuringSchedulingIgnoredDuringExecution"] {
                add(&format!("{terms}/{rule}/labelSelector/matchLabels"), "apps", "", kind, false);
            }
        }
        let spread = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels";
        add(spread, "apps", "", kind, false);
    }
    add("spec/selector/matchLabels", "batch", "", "Job", false);
    add("spec/jobTemplate/spec/selector/matchLabels", "batch", "", "CronJob", false);
    add("spec/selector/matchLabels", "policy", "", "PodDisruptionBudget", false);
    for path in ["spec/podSelector", "spec/ingress/from/podSelector", "spec/egress/to/podSelector"] {
        add(&format!("{path}/matchLabels"), "networking.k8s.io", "", "NetworkPolicy", false);
    }
    specs
}

/// Image references of any kind that has pod templates at the usual places.
pub(crate) fn images() -> Vec<FieldSpec> {
    [
        "spec/containers[]",
        "spec/initContainers[]",
        "spec/template/spec/containers[]",
        "spec/template/spec/initContainers[]",
    ]
    .map(|path| FieldSpec::new(&format!("{path}/image"), "", "", "", true))
    .into_iter()
    // Images that are mounted as volumes.
    .chain(
        ["spec", "spec/template/spec"]
            .map(|pod| FieldSpec::new(&format!("{pod}/volumes[]/image/reference"), "", "", "", false)),
    )
    .collect()
}

pub(crate) fn replicas() -> Vec<FieldSpec> {
    ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"]
        .map(|kind| FieldSpec::new("spec/replicas", "", "", kind, true))
        .to_vec()
}

/// Namespaces that stand elsewhere than in `metadata.namespace`.
pub(crate) fn namespaces() -> Vec<FieldSpec> {
    let webhook = "spec/conversion/webhook/clientConfig/service/namespace";
    vec![
        FieldSpec::new("metadata/name", "", "", "Namespace", true),
        FieldSpec::new("spec/service/namespace", "apiregistration.k8s.io", "", "APIService", true),
        FieldSpec::new(webhook, "apiextensions.k8s.io", "", "CustomResourceDefinition", false),
    ]
}

/// Where `$(NAME)` stands for the value of a var.
pub(crate) fn var_references() -> Vec<FieldSpec> {
    let mut specs = Vec::new();
    let mut add = |path: &str, kind: &str| specs.push(FieldSpec::new(path, "", "", kind, false));
    for (prefix, kind) in WORKLOADS.iter().filter(|(_, kind)| *kind != "PodTemplate") {
        for list in ["containers", "initContainers"] {
            for field in ["args", "command", "env/value", "volumeMounts/mountPath"] {
                add(&format!("{prefix}{list}/{field}"), kind);
            }
        }
        match *kind {
            // Kustomize's own table leaves out the pod's spec here.
            "CronJob" => add("spec/jobTemplate/spec/template/volumes/nfs/server", kind),
            "StatefulSet" => add("spec/volumeClaimTemplates/spec/nfs/server", kind),
            _ => add(&format!("{prefix}volumes/nfs/server"), kind),
        }
    }
    add("spec/template/metadata/annotations", "Deployment");
    for field in ["rules/host", "tls/hosts", "tls/secretName"] {
        add(&format!("spec/{field}"), "Ingress");
    }
    add("spec/ports/port", "Service");
    add("spec/ports/targetPort", "Service");
    add("spec/nfs/server", "PersistentVolume");
    add("metadata/labels", "");
    add("metadata/annotations", "");
    specs
}

/// Which fields hold names of which kind.
#[derive(Debug)]
pub(crate) struct NameReference {
    pub target: Gvk,
    pub fields: Vec<FieldSpec>,
}

/// The kinds whose names other objects hold, and where they hold them.
pub(crate) fn name_references() -> Vec<NameReference> {
    let reference = |group: &str, version: &str, kind: &str, fields: Vec<FieldSpec>| NameReference {
        target: Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() },
        fields,
    };
    let field = |path: &str, group: &str, kind: &str| FieldSpec::new(path, group, "", kind, false);
    let in_pods = |paths: &[&str]| -> Vec<FieldSpec> {
        WORKLOADS
            .iter()
            .flat_map(|(prefix, kind)| {
                paths.iter().map(move |p| FieldSpec::new(&format!("{prefix}{p}"), "", "", kind, false))
            })
            .collect()
    };
    // These tables name replication controllers, but neither replica sets nor pod templates.
    let in_controllers = |path: &str| -> Vec<FieldSpec> {
        let kinds = WORKLOADS.iter().filter(|(_, kind)| !matches!(*kind, "ReplicaSet" | "PodTemplate"));
        kinds
            .chain(&[("spec/template/spec/", "ReplicationController")])
            .map(|(prefix, kind)| FieldSpec::new(&format!("{prefix}{path}"), "", "", kind, false))
            .collect()
    };
    let mut all = Vec::new();
    for kind in ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"] {
        all.push(reference("", "", kind, vec![field("spec/scaleTargetRef/name", "", "HorizontalPodAutoscaler")]));
    }

    let mut config_map = in_pods(&[
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
    ]);
    config_map.push(field("spec/configSource/configMap", "", "Node"));
    let role_names = [field("rules/resourceNames", "", "Role"), field("rules/resourceNames", "", "ClusterRole")];
    config_map.extend(role_names.clone());
    config_map.push(field(
        "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap",
        "",
        "Ingress",
    ));
    all.push(reference("", "v1", "ConfigMap", config_map));

    let mut secret = in_pods(&[
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
    ]);
    for path in ["spec/tls/secretName", "metadata/annotations/ingress.kubernetes.io\\/auth-secret"] {
        secret.push(field(path, "", "Ingress"));
    }
    for name in ["auth-secret", "auth-tls-secret"] {
        secret.push(field(&format!("metadata/annotations/nginx.ingress.kubernetes.io\\/{name}"), "", "Ingress"));
    }
    secret.push(field("imagePullSecrets/name", "", "ServiceAccount"));
    for name in ["secretName", "adminSecretName", "userSecretName", "secretRef"] {
        secret.push(field(&format!("parameters/{name}"), "", "StorageClass"));
    }
    secret.extend(role_names);
    let knative = "spec/template/spec/containers/env/valueFrom/secretKeyRef/name";
    secret.push(FieldSpec::new(knative, "serving.knative.dev", "v1", "Service", false));
    secret.push(field("spec/azureFile/secretName", "", "PersistentVolume"));
    all.push(reference("", "v1", "Secret", secret));

    let mut service = vec![field("spec/serviceName", "apps", "StatefulSet")];
    for path in [
        "rules/http/paths/backend/serviceName",
        "backend/serviceName",
        "rules/http/paths/backend/service/name",
        "defaultBackend/service/name",
    ] {
        service.push(field(&format!("spec/{path}"), "", "Ingress"));
    }
    service.push(field("spec/service/name", "apiregistration.k8s.io", "APIService"));
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        service.push(field("webhooks/clientConfig/service", "admissionregistration.k8s.io", kind));
    }
    service.push(field("spec/rules/backendRefs/name", "", "HTTPRoute"));
    all.push(reference("", "v1", "Service", service));

    let rbac = "rbac.authorization.k8s.io";
    all.push(reference(rbac, "", "Role", vec![field("roleRef/name", rbac, "RoleBinding")]));
    let bindings = |path: &str| ["RoleBinding", "ClusterRoleBinding"].map(|kind| field(path, rbac, kind)).to_vec();
    all.push(reference(rbac, "", "ClusterRole", bindings("roleRef/name")));
    let mut account = bindings("subjects");
    account.extend(in_controllers("serviceAccountName"));
    all.push(reference("", "v1", "ServiceAccount", account));
    all.push(reference("", "v1", "PersistentVolumeClaim", in_controllers("volumes/persistentVolumeClaim/claimName")));
    let volume =
        vec![field("spec/volumeName", "", "PersistentVolumeClaim"), field("rules/resourceNames", "", "ClusterRole")];
    all.push(reference("", "v1", "PersistentVolume", volume));
    let mut class: Vec<_> =
        ["PersistentVolume", "PersistentVolumeClaim"].map(|kind| field("spec/storageClassName", "", kind)).to_vec();
    class.push(field("spec/volumeClaimTemplates/spec/storageClassName", "", "StatefulSet"));
    all.push(reference("storage.k8s.io", "v1", "StorageClass", class));
    all.push(reference("scheduling.k8s.io", "v1", "PriorityClass", in_controllers("priorityClassName")));
    let policy = vec![field("spec/policyName", "admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding")];
    all.push(reference("admissionregistration.k8s.io", "", "ValidatingAdmissionPolicy", policy));
    all
}
