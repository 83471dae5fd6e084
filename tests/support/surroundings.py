"""What stands around a workload and stops it: a webhook that nobody answers, a quota, policies."""

from __future__ import annotations

from typing import Any

from tests.support.kube_objects import Json, deployment, event, meta, pod, replicaset, service, template

HOOK = "check.guard.example"
GUARD = {"namespace": "guard", "name": "guard"}
PODS = [{"operations": ["CREATE"], "apiGroups": [""], "resources": ["pods"]}]
ENV = [{"name": "DB_URL", "value": "postgres://db:5432/orders"}]


def hooked(**more: Any) -> Json:
    """A webhook configuration with one webhook, which has to be asked about every pod of ``shop``."""
    webhook = {
        "name": HOOK,
        "clientConfig": {"service": GUARD},
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"team": "shop"}},
        "rules": PODS,
        **more,
    }
    about = meta("ValidatingWebhookConfiguration", "guard", namespace="")
    return {"kind": "ValidatingWebhookConfiguration", "metadata": about, "webhooks": [webhook]}


def space(name: str = "shop", **labels: str) -> Json:
    """A namespace with these labels."""
    return {"kind": "Namespace", "metadata": meta("Namespace", name, namespace="", labels=labels)}


def guard(*, answers: bool = False) -> list[Json]:
    """The Service behind the webhook, with nobody there unless it answers."""
    back = service("guard", ports=[{"port": 443}])
    back["metadata"]["namespace"] = "guard"
    named = {"kubernetes.io/service-name": "guard"}
    there = [{"addresses": ["10.0.0.9"], "conditions": {"ready": True}}] if answers else []
    about = meta("EndpointSlice", "guard-x", namespace="guard", labels=named)
    return [back, {"kind": "EndpointSlice", "metadata": about, "endpoints": there}]


def short(said: str) -> list[Json]:
    """Deployment ``web`` with one pod of two, and why its ReplicaSet may not make the other."""
    owner = replicaset(1)
    owner["spec"]["replicas"], owner["status"]["replicas"] = 2, 1
    return [deployment(available=1), owner, event(owner, "FailedCreate", said), pod("web-r1-aaaaa")]


def call_failed(name: str = HOOK) -> str:
    """What the API server says when a webhook cannot be called."""
    return f'Error creating: Internal error occurred: failed calling webhook "{name}": no endpoints available'


def shut_out(caller: str = "web") -> list[Json]:
    """``web`` calls Service ``db``, and the policy on ``db`` lets only ``cart`` in."""
    policy = {
        "kind": "NetworkPolicy",
        "metadata": meta("NetworkPolicy", "db"),
        "spec": {
            "podSelector": {"matchLabels": {"app": "db"}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [{"port": 5432}]}
            ],
        },
    }
    return [
        deployment(caller, template=template(caller, env=ENV)),
        service(caller),
        deployment("db"),
        service("db", ports=[{"port": 5432, "targetPort": "sql"}]),
        pod("db-0", labels={"app": "db"}, container={"ports": [{"name": "sql", "containerPort": 5432}]}),
        policy,
    ]


def nameless() -> list[Json]:
    """``web``, whose policy lets it call ``db`` and ask nobody for names."""
    policy = {
        "kind": "NetworkPolicy",
        "metadata": meta("NetworkPolicy", "web"),
        "spec": {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}], "ports": [{"port": 5432}]}],
        },
    }
    return [deployment(), replicaset(1), service(), pod("web-r1-aaaaa"), policy]
