"""The table of resources this API server knows: group, version, kind, scope, verbs and subresources.

Discovery, routing, rights and storage all read this one table, so that no two of them can disagree about
what exists. A kind without controllers here is stored and served, and nothing else happens to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One row of the table; ``resource`` is the plural that appears in URLs and is the store's key."""

    resource: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = True
    """Whether the status is kept apart: written only through ``/status``."""
    scale: bool = False
    generation: bool = False
    """Whether the real server counts ``metadata.generation`` for this kind (Services and Pods: it does
    not).
    """
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = field(default=ALL_VERBS)

    @property
    def api_version(self) -> str:
        """``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The singular name in discovery."""
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """The resource as messages name it: ``deployments.apps``."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def _core(resource: str, kind: str, **more: object) -> Kind:
    return Kind(resource=resource, kind=kind, **more)  # type: ignore[arg-type]


def _of(group: str, resource: str, kind: str, **more: object) -> Kind:
    return Kind(resource=resource, kind=kind, group=group, **more)  # type: ignore[arg-type]


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_NETWORK = "networking.k8s.io"
# `kubectl get all` means these and not all: ConfigMaps, Secrets and Ingresses were never among them.
_ALL = ("all",)

_TABLE = (
    _core("namespaces", "Namespace", namespaced=False, short=("ns",)),
    _core("nodes", "Node", namespaced=False, short=("no",)),
    _core("pods", "Pod", short=("po",), categories=_ALL, subresources=("log", "eviction")),
    _core("services", "Service", short=("svc",), categories=_ALL),
    _core("endpoints", "Endpoints", short=("ep",), status=False),
    _core("configmaps", "ConfigMap", short=("cm",), status=False),
    _core("secrets", "Secret", status=False),
    _core("events", "Event", short=("ev",), status=False),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",)),
    _core("persistentvolumes", "PersistentVolume", namespaced=False, short=("pv",)),
    _core("serviceaccounts", "ServiceAccount", short=("sa",), status=False),
    _core(
        "replicationcontrollers",
        "ReplicationController",
        short=("rc",),
        categories=_ALL,
        generation=True,
        scale=True,
    ),
    _core("resourcequotas", "ResourceQuota", short=("quota",)),
    _core("limitranges", "LimitRange", short=("limits",), status=False),
    _of("apps", "deployments", "Deployment", short=("deploy",), categories=_ALL, generation=True, scale=True),
    _of("apps", "replicasets", "ReplicaSet", short=("rs",), categories=_ALL, generation=True, scale=True),
    _of("apps", "statefulsets", "StatefulSet", short=("sts",), categories=_ALL, generation=True, scale=True),
    _of("apps", "daemonsets", "DaemonSet", short=("ds",), categories=_ALL, generation=True),
    _of("apps", "controllerrevisions", "ControllerRevision", status=False),
    _of("batch", "jobs", "Job", categories=_ALL, generation=True),
    _of("batch", "cronjobs", "CronJob", short=("cj",), categories=_ALL, generation=True),
    _of("discovery.k8s.io", "endpointslices", "EndpointSlice", status=False, generation=True),
    _of(_NETWORK, "ingresses", "Ingress", short=("ing",), generation=True),
    _of(_NETWORK, "ingressclasses", "IngressClass", namespaced=False, status=False, generation=True),
    _of(_NETWORK, "networkpolicies", "NetworkPolicy", short=("netpol",), status=False, generation=True),
    _of("policy", "poddisruptionbudgets", "PodDisruptionBudget", short=("pdb",), generation=True),
    _of(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        version="v2",
        short=("hpa",),
        categories=_ALL,
    ),
    _of("storage.k8s.io", "storageclasses", "StorageClass", namespaced=False, short=("sc",), status=False),
    _of(_RBAC, "roles", "Role", status=False),
    _of(_RBAC, "rolebindings", "RoleBinding", status=False),
    _of(_RBAC, "clusterroles", "ClusterRole", namespaced=False, status=False),
    _of(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False, status=False),
    _of(
        _ADMISSION,
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
        status=False,
        generation=True,
    ),
    _of(
        _ADMISSION,
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        namespaced=False,
        status=False,
        generation=True,
    ),
    _of(
        _ADMISSION,
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        namespaced=False,
        generation=True,
    ),
    _of(
        _ADMISSION,
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        namespaced=False,
        status=False,
        generation=True,
    ),
    _of("coordination.k8s.io", "leases", "Lease", status=False),
    _of(
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        namespaced=False,
        status=False,
        verbs=("create",),
    ),
    _of(
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        namespaced=False,
        status=False,
        verbs=("create",),
    ),
)

KINDS: dict[str, Kind] = {row.resource: row for row in _TABLE}
"""Every known kind by its plural resource name."""

GROUPS: dict[str, str] = {row.group: row.version for row in _TABLE if row.group}
"""The one served version of every named group."""
