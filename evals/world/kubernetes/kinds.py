"""The table of resources this API server knows: group, version, kind, scope, verbs and subresources.

Discovery, routing, rights and storage all read this one table, so that no two of them can disagree about
what exists. A kind without controllers here is stored and served, and nothing else happens to it. Those of
add-ons are there as on a real server: as long as their CustomResourceDefinition is.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    custom: bool = False
    """Whether a CustomResourceDefinition brings it."""

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
_GATEWAY = "gateway.networking.k8s.io"
_OLM = "operators.coreos.com"
_OLM_V1 = "olm.operatorframework.io"
_REPORTS = "wgpolicyk8s.io"

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
    _of(
        "scheduling.k8s.io",
        "priorityclasses",
        "PriorityClass",
        namespaced=False,
        short=("pc",),
        status=False,
        generation=True,
    ),
    _of("apiregistration.k8s.io", "apiservices", "APIService", namespaced=False),
    _of(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short=("crd", "crds"),
        generation=True,
    ),
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


def _custom(where: str, *kinds: str, namespaced: bool = True) -> tuple[Kind, ...]:
    group, _, version = where.partition("/")
    return tuple(
        Kind(
            resource=_plural(kind),
            kind=kind,
            group=group,
            version=version,
            namespaced=namespaced,
            generation=True,
            custom=True,
        )
        for kind in kinds
    )


def _plural(kind: str) -> str:
    word = kind.lower()
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


_CUSTOM = (
    *_custom(f"{_GATEWAY}/v1", "GatewayClass", namespaced=False),
    *_custom(f"{_GATEWAY}/v1", "Gateway", "HTTPRoute", "GRPCRoute"),
    *_custom(f"{_GATEWAY}/v1beta1", "ReferenceGrant"),
    *_custom(f"{_GATEWAY}/v1alpha2", "TLSRoute", "TCPRoute", "UDPRoute"),
    *_custom("cert-manager.io/v1", "Certificate"),
    *_custom("keda.sh/v1alpha1", "ScaledObject"),
    *_custom("kyverno.io/v1", "ClusterPolicy", namespaced=False),
    *_custom("kyverno.io/v1", "Policy"),
    *_custom(f"{_REPORTS}/v1alpha2", "ClusterPolicyReport", namespaced=False),
    *_custom(f"{_REPORTS}/v1alpha2", "PolicyReport"),
    *_custom(f"{_OLM}/v1alpha1", "CatalogSource", "ClusterServiceVersion", "InstallPlan", "Subscription"),
    *_custom(f"{_OLM}/v1", "OperatorGroup"),
    *_custom(f"{_OLM_V1}/v1", "ClusterCatalog", "ClusterExtension", namespaced=False),
)

KINDS: dict[str, Kind] = {row.resource: row for row in (*_TABLE, *_CUSTOM)}
"""Every known kind by its plural resource name."""


def versions(kinds: Iterable[Kind]) -> dict[str, list[str]]:
    """The versions of every named group among these kinds, the stable one first."""
    found: dict[str, set[str]] = {}
    for kind in kinds:
        if kind.group:
            found.setdefault(kind.group, set()).add(kind.version)
    return {group: sorted(names, key=lambda name: (len(name), name)) for group, names in found.items()}
