//! What the renderer knows of the Kubernetes API: which kinds have no namespace and which lists merge by a key.
//! Facts of the Kubernetes 1.21.2 OpenAPI schema (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`,
//! `x-kubernetes-list-map-keys`), the version that Kustomize 5 carries; `openapi.path` puts another in its place.

use super::openapi::{self, Document, Scopes, Target};
use super::value::Value;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::OnceLock;

/// API version, namespaced kinds, cluster-scoped kinds.
const KINDS: [(&str, &str, &str); 35] = [
    ("admissionregistration.k8s.io/v1", "", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1beta1", "", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io/v1", "", "CustomResourceDefinition"),
    ("apiextensions.k8s.io/v1beta1", "", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "", "APIService"),
    ("apiregistration.k8s.io/v1beta1", "", "APIService"),
    ("apps/v1", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet", ""),
    ("autoscaling/v1", "HorizontalPodAutoscaler Scale", ""),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", ""),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", ""),
    ("batch/v1", "CronJob Job", ""),
    ("batch/v1beta1", "CronJob", ""),
    ("certificates.k8s.io/v1", "", "CertificateSigningRequest"),
    ("certificates.k8s.io/v1beta1", "", "CertificateSigningRequest"),
    ("coordination.k8s.io/v1", "Lease", ""),
    ("coordination.k8s.io/v1beta1", "Lease", ""),
    ("discovery.k8s.io/v1", "EndpointSlice", ""),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", ""),
    ("events.k8s.io/v1", "Event", ""),
    ("events.k8s.io/v1beta1", "Event", ""),
    ("extensions/v1beta1", "Ingress", ""),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "", "FlowSchema PriorityLevelConfiguration"),
    ("networking.k8s.io/v1", "Ingress NetworkPolicy", "IngressClass"),
    ("networking.k8s.io/v1beta1", "Ingress", "IngressClass"),
    ("node.k8s.io/v1", "", "RuntimeClass"),
    ("node.k8s.io/v1beta1", "", "RuntimeClass"),
    ("policy/v1", "PodDisruptionBudget", ""),
    ("policy/v1beta1", "PodDisruptionBudget", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role RoleBinding", "ClusterRole ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1beta1", "Role RoleBinding", "ClusterRole ClusterRoleBinding"),
    ("scheduling.k8s.io/v1", "", "PriorityClass"),
    ("scheduling.k8s.io/v1beta1", "", "PriorityClass"),
    ("storage.k8s.io/v1", "", "CSIDriver CSINode StorageClass VolumeAttachment"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", "CSIDriver CSINode StorageClass VolumeAttachment"),
    (
        "v1",
        "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController \
         ResourceQuota Secret Service ServiceAccount",
        "ComponentStatus Namespace Node PersistentVolume",
    ),
];

/// The scope of every kind of the built-in schema, by API version and kind.
fn known() -> &'static HashMap<(&'static str, &'static str), bool> {
    static KNOWN: OnceLock<HashMap<(&str, &str), bool>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let all = KINDS.iter().flat_map(|(version, namespaced, cluster)| {
            let of = move |kinds: &'static str, is_cluster| {
                kinds.split(' ').filter(|k| !k.is_empty()).map(move |kind| ((*version, kind), is_cluster))
            };
            of(namespaced, false).chain(of(cluster, true))
        });
        all.collect()
    })
}

thread_local! {
    /// What a build on this thread has learned of the scopes of kinds. Ids are compared everywhere, also where no build
    /// is at hand.
    static LEARNED: Learned = const { Learned { scopes: RefCell::new(None), asked: Cell::new(false) } };
}

struct Learned {
    /// What the paths of a custom schema say.
    scopes: RefCell<Option<Scopes>>,
    /// A kind was asked for that only a look into the whole built-in schema could tell.
    asked: Cell<bool>,
}

/// Whether objects of a kind have no namespace. Kinds that no schema knows have one.
pub(crate) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    if let Some(cluster) = known().get(&(api_version, kind)) {
        return *cluster;
    }
    LEARNED.with(|learned| match &*learned.scopes.borrow() {
        None => {
            learned.asked.set(true);
            false
        }
        Some(scopes) => scopes.get(&(api_version.to_owned(), kind.to_owned())).copied().unwrap_or_default(),
    })
}

/// The schema in force: the built-in one, a custom one, or both.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    custom: Option<Document>,
    /// A version was chosen, so that no other choice counts.
    chosen: bool,
    /// The built-in schema was in use before the custom one was named, and then stays in use.
    used: Cell<bool>,
}

impl Schema {
    /// The built-in schema alone, at the start of a build.
    pub(crate) fn new() -> Self {
        forget();
        Self::default()
    }

    /// Whether a schema was chosen: the first choice of a build counts, that of the outermost kustomization before all.
    pub(crate) fn is_chosen(&self) -> bool {
        self.chosen
    }

    pub(crate) fn choose_built_in(&mut self) {
        self.chosen = true;
    }

    pub(crate) fn choose(&mut self, custom: Document) {
        LEARNED.with(|learned| {
            learned.scopes.replace(Some(custom.scopes()));
            self.used.set(self.used.get() || learned.asked.get());
        });
        self.custom = Some(custom);
        self.chosen = true;
    }

    /// Where an object of a kind begins.
    pub(crate) fn root(&self, api_version: &str, kind: &str) -> Place<'_> {
        let Some(custom) = &self.custom else {
            self.used.set(true);
            return Place::root(api_version, kind);
        };
        match custom.kind(api_version, kind) {
            Some(node) => Place::Custom(Custom { document: custom, both: self.used.get(), node }),
            None if self.used.get() => Place::root(api_version, kind),
            None => Place::Unknown,
        }
    }
}

fn forget() {
    LEARNED.with(|learned| {
        learned.scopes.take();
        learned.asked.set(false);
    });
}

impl Drop for Schema {
    fn drop(&mut self) {
        forget();
    }
}

/// How a strategic-merge patch treats a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListMerge<'s> {
    /// The patch's list takes the place of the other.
    Replace,
    /// Elements are scalars; those of the patch are added.
    Set,
    /// Elements with the same values of these keys are one and the same.
    ByKeys(Vec<&'s str>),
}

/// A node of a custom schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Custom<'s> {
    document: &'s Document,
    /// The built-in schema counts beside it.
    both: bool,
    node: &'s Value,
}

impl<'s> Custom<'s> {
    fn place(self, target: Target<'s>) -> Place<'s> {
        match target {
            Target::Node(node) => Place::Custom(Self { node, ..self }),
            Target::Elsewhere(name) if self.both => match name {
                "io.k8s.api.core.v1.PodTemplateSpec" => Place::PodTemplate,
                "io.k8s.api.core.v1.PodSpec" => Place::PodSpec,
                "io.k8s.api.core.v1.Container" => Place::Container,
                "io.k8s.api.core.v1.EphemeralContainer" => Place::EphemeralContainer,
                "io.k8s.api.batch.v1.JobSpec" => Place::JobSpec,
                "io.k8s.api.batch.v1.JobTemplateSpec" => Place::JobTemplate,
                "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" => Place::Metadata,
                _ => Place::Unknown,
            },
            _ => Place::Unknown,
        }
    }

    fn list(self, name: &str) -> (ListMerge<'s>, Place<'s>) {
        match self.document.field(self.node, name) {
            Target::Node(list) => (openapi::list_merge(list), self.place(self.document.elements(list))),
            _ => (ListMerge::Replace, Place::Unknown),
        }
    }
}

/// A place in the schema, as far as merging needs to know it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'s> {
    Unknown,
    Custom(Custom<'s>),
    Root(Kind),
    Metadata,
    /// `spec` of a kind.
    Spec(Kind),
    /// A pod template, and a job template around one.
    PodTemplate,
    JobTemplate,
    JobSpec,
    PodSpec,
    Container,
    EphemeralContainer,
    Status(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pod,
    PodTemplate,
    /// A controller with a pod template in `spec.template`.
    Workload,
    CronJob,
    Service,
    ServiceAccount,
    Webhooks,
    Node,
    CsiNode,
    Other,
}

impl<'s> Place<'s> {
    fn root(api_version: &str, kind: &str) -> Self {
        if !known().contains_key(&(api_version, kind)) {
            return Self::Unknown;
        }
        Self::Root(match kind {
            "Pod" => Kind::Pod,
            "PodTemplate" => Kind::PodTemplate,
            "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "ReplicationController" | "Job" => {
                Kind::Workload
            }
            "CronJob" => Kind::CronJob,
            "Service" => Kind::Service,
            "ServiceAccount" => Kind::ServiceAccount,
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => Kind::Webhooks,
            "Node" => Kind::Node,
            "CSINode" => Kind::CsiNode,
            _ => Kind::Other,
        })
    }

    /// The place of a field of a mapping here.
    pub(crate) fn field(self, name: &str) -> Self {
        match (self, name) {
            (Self::Custom(custom), _) => custom.place(custom.document.field(custom.node, name)),
            (Self::Root(_) | Self::PodTemplate | Self::JobTemplate, "metadata") => Self::Metadata,
            (Self::Root(Kind::Pod), "spec") => Self::PodSpec,
            (Self::Root(Kind::PodTemplate), "template") => Self::PodTemplate,
            (Self::Root(kind), "spec") => Self::Spec(kind),
            (Self::Root(kind), "status") => Self::Status(kind),
            (Self::Spec(Kind::Workload) | Self::JobSpec, "template") => Self::PodTemplate,
            (Self::Spec(Kind::CronJob), "jobTemplate") => Self::JobTemplate,
            (Self::JobTemplate, "spec") => Self::JobSpec,
            (Self::PodTemplate, "spec") => Self::PodSpec,
            _ => Self::Unknown,
        }
    }

    /// How the list in a field of a mapping here merges, and the place of its elements.
    pub(crate) fn list(self, name: &str) -> (ListMerge<'s>, Self) {
        use ListMerge::{ByKeys, Set};
        match (self, name) {
            (Self::Custom(custom), _) => custom.list(name),
            (Self::Metadata, "finalizers") => (Set, Self::Unknown),
            (Self::Metadata, "ownerReferences") => (ByKeys(vec!["uid"]), Self::Unknown),
            (Self::PodSpec, "containers" | "initContainers") => (ByKeys(vec!["name"]), Self::Container),
            (Self::PodSpec, "ephemeralContainers") => (ByKeys(vec!["name"]), Self::EphemeralContainer),
            (Self::PodSpec, "volumes" | "imagePullSecrets") => (ByKeys(vec!["name"]), Self::Unknown),
            (Self::PodSpec, "hostAliases") => (ByKeys(vec!["ip"]), Self::Unknown),
            (Self::PodSpec, "topologySpreadConstraints") => {
                (ByKeys(vec!["topologyKey", "whenUnsatisfiable"]), Self::Unknown)
            }
            (Self::Container | Self::EphemeralContainer, "env") => (ByKeys(vec!["name"]), Self::Unknown),
            (Self::Container | Self::EphemeralContainer, "volumeMounts") => (ByKeys(vec!["mountPath"]), Self::Unknown),
            (Self::Container | Self::EphemeralContainer, "volumeDevices") => {
                (ByKeys(vec!["devicePath"]), Self::Unknown)
            }
            (Self::Container, "ports") => (ByKeys(vec!["containerPort", "protocol"]), Self::Unknown),
            (Self::Spec(Kind::Service), "ports") => (ByKeys(vec!["port", "protocol"]), Self::Unknown),
            (Self::Root(Kind::ServiceAccount), "secrets") => (ByKeys(vec!["name"]), Self::Unknown),
            (Self::Root(Kind::Webhooks), "webhooks") => (ByKeys(vec!["name"]), Self::Unknown),
            (Self::Spec(Kind::Node), "podCIDRs") => (Set, Self::Unknown),
            (Self::Spec(Kind::CsiNode), "drivers") => (ByKeys(vec!["name"]), Self::Unknown),
            (Self::Status(_), "conditions") => (ByKeys(vec!["type"]), Self::Unknown),
            (Self::Status(Kind::Pod), "podIPs") => (ByKeys(vec!["ip"]), Self::Unknown),
            (Self::Status(Kind::Node), "addresses") => (ByKeys(vec!["type"]), Self::Unknown),
            _ => (ListMerge::Replace, Self::Unknown),
        }
    }
}
