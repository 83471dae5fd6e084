"""The second wall as it is installed, objects to try it on, and an oracle of its own for what it lets by.

The same on the pretend cluster and on the one that MIDWATCH_CONTRACT_KUBECONFIG names: there the manifests
are applied, and the accounts get tokens of an hour.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

from evals.world.kubernetes.kinds import KINDS
from evals.world.kubernetes.users import MANIFESTS
from midwatch.admission import changed_kinds
from tests.support.kubernetes_world import OLD, ContractCluster, Json, deployment, eventually
from tools.kubernetes.actions.fields import pattern, spread
from tools.kubernetes.actions.verb import MARK, RESOURCES
from tools.kubernetes.pointers import escape

ADMISSION = MANIFESTS.parent / "admission"
RBAC_FILES = ("reader.yaml", "actor.yaml", "actor-optional.yaml", "gatekeeper.yaml")
_KIND = {each.kind: each for each in KINDS.values()}
_SERVERS = ("generation", "managedFields", "resourceVersion")
MARKED = {"op": "add", "path": f"/metadata/annotations/{escape(MARK)}", "value": "a-plan"}


def apply(cluster: ContractCluster, *files: Path) -> None:
    """What `kubectl apply` does to these documents, told the API directly."""
    for document in (each for file in files for each in yaml.safe_load_all(file.read_text()) if each):
        path = path_of(document["kind"], document["metadata"].get("namespace", ""))
        known = cluster.call("GET", f"{path}/{document['metadata']['name']}")
        if known.status == 200:
            body = {**known.body, **{key: document[key] for key in document if key != "metadata"}}
            answer = cluster.call("PUT", f"{path}/{document['metadata']['name']}", body)
        else:
            answer = cluster.call("POST", path, document)
        assert answer.status in (200, 201), answer.body


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    """The URL path of a kind's objects, or of one."""
    row = _KIND[kind]
    root = f"/apis/{row.api_version}" if row.group else "/api/v1"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{place}/{row.resource}" + (f"/{name}" if name else "")


def installed(cluster: ContractCluster, *policies: str) -> None:
    """Accounts, their rights and these policies; returns when an API server acts by them."""
    answer = cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": "midwatch"}})
    assert answer.status in (201, 409), answer.body
    apply(cluster, *(MANIFESTS / name for name in RBAC_FILES), *(ADMISSION / name for name in policies))
    if cluster.world is None:
        _give_tokens(cluster)
    # A policy is in force when the server's informers have it: a second or so after it was written.
    eventually(lambda: _stands(cluster))


def _stands(cluster: ContractCluster) -> bool:
    body = [{"op": "add", "path": "/metadata/labels", "value": {"wall": "none"}}]
    node = cluster.call("GET", "/api/v1/nodes").body["items"][0]["metadata"]["name"]
    answer = dry_patch(cluster, f"/api/v1/nodes/{node}", body)
    return answer.status == 403 and "ValidatingAdmissionPolicy" in answer.message


def dry_patch(cluster: ContractCluster, path: str, patch: list[Json], user: str = "actor") -> Any:
    """A rehearsal of a JSON patch."""
    json_patch = "application/json-patch+json"
    return cluster.call("PATCH", path, patch, type=json_patch, user=user, params={"dryRun": "All"})


def _give_tokens(cluster: ContractCluster) -> None:
    found = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=found)
    authority = base64.b64encode(Path(found.ssl_ca_cert).read_bytes()).decode()
    for name in ("reader", "actor", "gatekeeper"):
        path = f"/api/v1/namespaces/midwatch/serviceaccounts/{name}/token"
        asked = {"spec": {"expirationSeconds": 3600}}
        token = cluster.call("POST", path, asked).body["status"]["token"]
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": found.host, "certificate-authority-data": authority}}
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": name}}],
            "current-context": "c",
        }
        file = cluster.accounts / f"{name}.kubeconfig"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            yaml.safe_dump(document, out)


_POD = {
    "restartPolicy": "Never",
    "containers": [{"name": "main", "image": OLD, "command": ["sleep", "1"]}],
}


def _workload() -> Json:
    """A pod template with one of everything that a verb changes, and neighbours of each."""
    reference = {"configMapKeyRef": {"name": "settings", "key": "color"}}
    main = {
        "name": "main",
        "image": OLD,
        "args": ["--serve"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": reference}],
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "S_"}],
        "resources": {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "1m", "memory": "8Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
        "securityContext": {"runAsNonRoot": True},
    }
    return {
        "initContainers": [{"name": "first", "image": OLD, "args": ["--once"]}],
        "containers": [main],
        "volumes": [
            {"name": "conf", "configMap": {"name": "settings"}},
            {"name": "tmp", "emptyDir": {}},
        ],
        "nodeSelector": {"wall": "nowhere"},
        "tolerations": [{"key": "wall", "operator": "Exists", "effect": "NoSchedule"}],
        "terminationGracePeriodSeconds": 10,
    }


def _bodies(name: str) -> dict[str, Json]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": {"made": "by-hand"}},
        "spec": _workload(),
    }
    selector = {"matchLabels": labels}
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    rule = {"from": [{"podSelector": selector}], "ports": [{"port": 80, "protocol": "TCP"}]}
    return {
        "Deployment": deployment(name, selector=selector, template=template),
        "StatefulSet": {
            "spec": {"replicas": 0, "serviceName": name, "selector": selector, "template": template}
        },
        "DaemonSet": {"spec": {"selector": selector, "template": template}},
        "Service": {
            "spec": {
                "selector": labels,
                "ports": [
                    {"name": "web", "port": 80, "targetPort": 8080},
                    {"name": "more", "port": 81, "targetPort": "http"},
                ],
            }
        },
        "HorizontalPodAutoscaler": {
            "spec": {
                "scaleTargetRef": scaled,
                "minReplicas": 1,
                "maxReplicas": 3,
                "metrics": [{"type": "Resource", "resource": metric}],
            }
        },
        "CronJob": {
            "spec": {
                "schedule": "0 4 * * *",
                "suspend": True,
                "jobTemplate": {"spec": {"template": {"spec": _POD}}},
            }
        },
        "Job": {"spec": {"suspend": True, "template": {"spec": _POD}}},
        "PersistentVolumeClaim": {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "wall",
                "resources": {"requests": {"storage": "1Gi"}},
            }
        },
        "ResourceQuota": {"spec": {"hard": {"count/secrets": "50", "limits.memory": "64Gi"}}},
        "NetworkPolicy": {"spec": {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [rule]}},
    }


def samples(cluster: ContractCluster, namespace: str) -> dict[str, str]:
    """One object of every kind that a verb changes: kind → path. The node is the cluster's own."""
    grows = {"metadata": {"name": "wall"}, "provisioner": "wall.example", "allowVolumeExpansion": True}
    assert cluster.call("POST", path_of("StorageClass"), grows).status in (201, 409)
    found = {}
    for kind, body in _bodies("wall").items():
        meta = {"name": "wall", "annotations": {"seen": "yes"}, "labels": {"team": "shop"}}
        answer = cluster.call("POST", path_of(kind, namespace), {**body, "metadata": meta})
        assert answer.status == 201, answer.body
        found[kind] = path_of(kind, namespace, "wall")
    if cluster.world is not None:
        claim = found["PersistentVolumeClaim"]
        eventually(lambda: cluster.call("GET", claim).body["status"].get("phase") == "Bound")
    node = cluster.call("GET", "/api/v1/nodes").body["items"][0]
    if not node["metadata"].get("annotations"):
        seen = {"metadata": {"annotations": {"seen": "yes"}}}
        path, merge = path_of("Node", "", node["metadata"]["name"]), "application/merge-patch+json"
        assert cluster.call("PATCH", path, seen, type=merge).status == 200
    found["Node"] = path_of("Node", "", node["metadata"]["name"])
    assert found.keys() == changed_kinds().keys(), "a kind of the catalogue has no sample"
    return found


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar and every empty thing in it, by its pointer."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = [(escape(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    if not pairs:
        yield pointer, value
    for key, each in pairs:
        yield from leaves(each, f"{pointer}/{key}")


def changed(before: Json, after: Json) -> set[str]:
    """The pointers of all leaves that differ, whatever a server writes by itself left out."""
    one, other = (dict(leaves(_plain(each))) for each in (before, after))
    return {pointer for pointer in one.keys() | other.keys() if one.get(pointer) != other.get(pointer)}


def _plain(obj: Json) -> Json:
    meta = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS}
    meta["annotations"] = {k: v for k, v in (meta.get("annotations") or {}).items() if k != MARK}
    return {**obj, "metadata": meta, "status": None}


def by_the_catalogue(kind: str, before: Json, after: Json) -> bool:
    """Whether what became different is only what a verb of the catalogue changes of this kind."""
    fields = changed_kinds()[kind]
    # A whole value may be written anew where it is a field, whatever it is made of; and what only leads to
    # a field may come or go with it, as it is empty without.
    ways = {way for field in fields for each in spread(field) for way in _ways(each)}
    allowed = [pattern(*ways), *(pattern(f"{field.removesuffix('/**')}/**") for field in fields)]
    if kind == "ResourceQuota" and before["spec"]["hard"].keys() != after["spec"].get("hard", {}).keys():
        return False
    found = changed(before, after)
    return all(any(each.fullmatch(pointer) for each in allowed) for pointer in found)


def _ways(field: str) -> Iterator[str]:
    while field := field.rpartition("/")[0]:
        yield field


def of_kind(kind: str) -> str:
    """``apps/deployments``, as the API names it."""
    version, resource = RESOURCES[kind]
    return f"{version.rpartition('/')[0]}/{resource}"


@contextlib.contextmanager
def no_wall(cluster: ContractCluster, name: str) -> Iterator[None]:
    """The same cluster while a policy's binding is away; a test that cannot fail shows nothing."""
    path = path_of("ValidatingAdmissionPolicyBinding", "", name)
    kept = cluster.call("GET", path).body
    cluster.call("DELETE", path)
    try:
        yield
    finally:
        body = {key: kept[key] for key in ("apiVersion", "kind", "spec")}
        answer = cluster.call("POST", path.rpartition("/")[0], body | {"metadata": {"name": name}})
        assert answer.status == 201, answer.body
