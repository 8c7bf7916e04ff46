//! What the renderer knows of the Kubernetes API: which kinds have no namespace and which lists merge by a key.
//! Facts of the Kubernetes 1.21.2 OpenAPI schema (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`,
//! `x-kubernetes-list-map-keys`), the version that Kustomize 5 carries.

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

/// Whether objects of a kind have no namespace. Kinds that the schema does not know have one.
pub(crate) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    KINDS
        .iter()
        .any(|(known, _, cluster)| *known == api_version && cluster.split(' ').any(|k| k == kind && !k.is_empty()))
}

fn is_known(api_version: &str, kind: &str) -> bool {
    !kind.is_empty()
        && KINDS.iter().any(|(known, namespaced, cluster)| {
            *known == api_version && namespaced.split(' ').chain(cluster.split(' ')).any(|k| k == kind)
        })
}

/// How a strategic-merge patch treats a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListMerge {
    /// The patch's list takes the place of the other.
    Replace,
    /// Elements are scalars; those of the patch are added.
    Set,
    /// Elements with the same values of these keys are one and the same.
    ByKeys(&'static [&'static str]),
}

/// A place in the schema, as far as merging needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Unknown,
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

impl Place {
    pub(crate) fn root(api_version: &str, kind: &str) -> Self {
        if !is_known(api_version, kind) {
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
    pub(crate) fn list(self, name: &str) -> (ListMerge, Self) {
        use ListMerge::{ByKeys, Set};
        match (self, name) {
            (Self::Metadata, "finalizers") => (Set, Self::Unknown),
            (Self::Metadata, "ownerReferences") => (ByKeys(&["uid"]), Self::Unknown),
            (Self::PodSpec, "containers" | "initContainers") => (ByKeys(&["name"]), Self::Container),
            (Self::PodSpec, "ephemeralContainers") => (ByKeys(&["name"]), Self::EphemeralContainer),
            (Self::PodSpec, "volumes" | "imagePullSecrets") => (ByKeys(&["name"]), Self::Unknown),
            (Self::PodSpec, "hostAliases") => (ByKeys(&["ip"]), Self::Unknown),
            (Self::PodSpec, "topologySpreadConstraints") => {
                (ByKeys(&["topologyKey", "whenUnsatisfiable"]), Self::Unknown)
            }
            (Self::Container | Self::EphemeralContainer, "env") => (ByKeys(&["name"]), Self::Unknown),
            (Self::Container | Self::EphemeralContainer, "volumeMounts") => (ByKeys(&["mountPath"]), Self::Unknown),
            (Self::Container | Self::EphemeralContainer, "volumeDevices") => (ByKeys(&["devicePath"]), Self::Unknown),
            (Self::Container, "ports") => (ByKeys(&["containerPort", "protocol"]), Self::Unknown),
            (Self::Spec(Kind::Service), "ports") => (ByKeys(&["port", "protocol"]), Self::Unknown),
            (Self::Root(Kind::ServiceAccount), "secrets") => (ByKeys(&["name"]), Self::Unknown),
            (Self::Root(Kind::Webhooks), "webhooks") => (ByKeys(&["name"]), Self::Unknown),
            (Self::Spec(Kind::Node), "podCIDRs") => (Set, Self::Unknown),
            (Self::Spec(Kind::CsiNode), "drivers") => (ByKeys(&["name"]), Self::Unknown),
            (Self::Status(_), "conditions") => (ByKeys(&["type"]), Self::Unknown),
            (Self::Status(Kind::Pod), "podIPs") => (ByKeys(&["ip"]), Self::Unknown),
            (Self::Status(Kind::Node), "addresses") => (ByKeys(&["type"]), Self::Unknown),
            _ => (ListMerge::Replace, Self::Unknown),
        }
    }
}
