"""Which kinds are read, in which group and version, and at which occasion.

Every kind that an analyzer looks at stands here, but two: Endpoints, whose slices say the same, and what the
metrics say. The reader's rights are generated from this table (``midwatch/rights.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Depth(IntEnum):
    """How much is read: each depth holds the one before it."""

    STATE = 1
    """What a change is judged by, and what alerts and plans name: read again while it is verified."""
    INCIDENT = 2
    """What may explain why something in a namespace is not served: read at the start of an investigation."""
    WHOLE = 3
    """Everything: what is large, or only worth knowing, is left to ``midwatch analyze``."""


@dataclass(frozen=True, kw_only=True)
class Readable:
    """One kind. ``versions`` are those whose fields are known, the best first.

    ``place``: it is read from this namespace, whichever is looked at. ``addon``: a cluster may well not have
    it, so discovery is asked before.
    """

    kind: str
    resource: str
    group: str = ""
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True
    place: str = ""
    depth: Depth = Depth.STATE
    addon: bool = False

    @property
    def shared(self) -> bool:
        """Whether it is the same for every namespace and changes seldom: many looks may share one read."""
        return self.depth > Depth.STATE and (not self.namespaced or bool(self.place))

    def path(self, namespace: str, version: str = "") -> str:
        """The URL path of its list; in all namespaces when ``namespace`` is empty."""
        root = f"/apis/{self.group}" if self.group else "/api"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}/{version or self.versions[0]}{place}/{self.resource}"


def _of(
    where: str, kinds: Mapping[str, str], depth: Depth = Depth.STATE, *, namespaced: bool = True
) -> list[Readable]:
    group, _, version = where.rpartition("/")
    return [
        Readable(
            kind=kind,
            resource=resource,
            group=group,
            versions=(version,),
            namespaced=namespaced,
            depth=depth,
        )
        for kind, resource in kinds.items()
    ]


def _addon(where: str, kinds: Mapping[str, str], depth: Depth = Depth.INCIDENT) -> list[Readable]:
    group, _, versions = where.partition("/")
    return [
        Readable(
            kind=kind,
            resource=resource,
            group=group,
            versions=tuple(versions.split(",")),
            namespaced=not kind.startswith(("Cluster", "GatewayClass")) or kind == "ClusterServiceVersion",
            depth=depth,
            addon=True,
        )
        for kind, resource in kinds.items()
    ]


_NETWORK, _RBAC, _STORAGE = "networking.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io"
_GATEWAY, _OLM = "gateway.networking.k8s.io", "operators.coreos.com"


def _leases(place: str, depth: Depth) -> Readable:
    group = "coordination.k8s.io"
    return Readable(kind="Lease", resource="leases", group=group, place=place, depth=depth)


READABLE: tuple[Readable, ...] = (
    *_of("v1", {"Pod": "pods"}),
    *_of(
        "apps/v1",
        {
            "ReplicaSet": "replicasets",
            "Deployment": "deployments",
            "StatefulSet": "statefulsets",
            "DaemonSet": "daemonsets",
        },
    ),
    *_of("v1", {"Service": "services"}),
    *_of("discovery.k8s.io/v1", {"EndpointSlice": "endpointslices"}),
    *_of(
        "v1",
        {
            "Event": "events",
            "ConfigMap": "configmaps",
            "Secret": "secrets",
            "PersistentVolumeClaim": "persistentvolumeclaims",
            "ResourceQuota": "resourcequotas",
        },
    ),
    *_of("autoscaling/v2", {"HorizontalPodAutoscaler": "horizontalpodautoscalers"}),
    *_of("policy/v1", {"PodDisruptionBudget": "poddisruptionbudgets"}),
    *_of("batch/v1", {"Job": "jobs", "CronJob": "cronjobs"}),
    *_of(f"{_NETWORK}/v1", {"Ingress": "ingresses"}),
    *_of("v1", {"Node": "nodes", "Namespace": "namespaces"}, namespaced=False),
    # From here on: what explains more, and is not looked at again while a change is verified.
    *_of(
        "v1",
        {
            "LimitRange": "limitranges",
            "ServiceAccount": "serviceaccounts",
            "ReplicationController": "replicationcontrollers",
        },
        Depth.INCIDENT,
    ),
    *_of("apps/v1", {"ControllerRevision": "controllerrevisions"}, Depth.INCIDENT),
    *_of(f"{_NETWORK}/v1", {"NetworkPolicy": "networkpolicies"}, Depth.INCIDENT),
    *_of("v1", {"PersistentVolume": "persistentvolumes"}, Depth.INCIDENT, namespaced=False),
    *_of(f"{_STORAGE}/v1", {"StorageClass": "storageclasses"}, Depth.INCIDENT, namespaced=False),
    *_of(f"{_NETWORK}/v1", {"IngressClass": "ingressclasses"}, Depth.INCIDENT, namespaced=False),
    *_of("scheduling.k8s.io/v1", {"PriorityClass": "priorityclasses"}, Depth.INCIDENT, namespaced=False),
    *_of(
        "admissionregistration.k8s.io/v1",
        {
            "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
            "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
        },
        Depth.INCIDENT,
        namespaced=False,
    ),
    *_of("apiregistration.k8s.io/v1", {"APIService": "apiservices"}, Depth.INCIDENT, namespaced=False),
    _leases("kube-system", Depth.INCIDENT),
    *_addon(
        f"{_GATEWAY}/v1,v1beta1",
        {"GatewayClass": "gatewayclasses", "Gateway": "gateways", "HTTPRoute": "httproutes"},
    ),
    *_addon(f"{_GATEWAY}/v1,v1alpha2", {"GRPCRoute": "grpcroutes"}),
    *_addon(f"{_GATEWAY}/v1,v1beta1", {"ReferenceGrant": "referencegrants"}),
    *_addon(
        f"{_GATEWAY}/v1,v1alpha3,v1alpha2",
        {"TLSRoute": "tlsroutes", "TCPRoute": "tcproutes", "UDPRoute": "udproutes"},
    ),
    *_addon("cert-manager.io/v1", {"Certificate": "certificates"}),
    *_addon("keda.sh/v1alpha1", {"ScaledObject": "scaledobjects"}),
    *_addon("kyverno.io/v1,v2beta1", {"Policy": "policies", "ClusterPolicy": "clusterpolicies"}),
    *_addon(
        f"{_OLM}/v1alpha1",
        {
            "CatalogSource": "catalogsources",
            "ClusterServiceVersion": "clusterserviceversions",
            "InstallPlan": "installplans",
            "Subscription": "subscriptions",
        },
    ),
    *_addon(f"{_OLM}/v1,v1alpha2", {"OperatorGroup": "operatorgroups"}),
    # Definitions carry whole schemas, leases of nodes are as many as nodes, and the rest is advice.
    *_of(
        "apiextensions.k8s.io/v1",
        {"CustomResourceDefinition": "customresourcedefinitions"},
        Depth.WHOLE,
        namespaced=False,
    ),
    *_of(f"{_RBAC}/v1", {"Role": "roles", "RoleBinding": "rolebindings"}, Depth.WHOLE),
    *_of(
        f"{_RBAC}/v1",
        {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"},
        Depth.WHOLE,
        namespaced=False,
    ),
    _leases("kube-node-lease", Depth.WHOLE),
    *_addon(
        "wgpolicyk8s.io/v1alpha2,v1beta1",
        {"PolicyReport": "policyreports", "ClusterPolicyReport": "clusterpolicyreports"},
        Depth.WHOLE,
    ),
    *_addon(
        "olm.operatorframework.io/v1",
        {"ClusterCatalog": "clustercatalogs", "ClusterExtension": "clusterextensions"},
        Depth.WHOLE,
    ),
)
"""In the order in which they are asked for: what matters most comes first, should the server fall silent."""
