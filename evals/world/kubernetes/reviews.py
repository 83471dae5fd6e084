"""Questions about rights: SelfSubjectAccessReview and SelfSubjectRulesReview."""

from __future__ import annotations

from evals.world.kubernetes.call import Answer, Call
from evals.world.kubernetes.objects import JsonObject
from evals.world.kubernetes.rbac import Attributes
from evals.world.kubernetes.schema import decoded

REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews")

_ALWAYS_URLS = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi/*",
    "/readyz",
    "/version",
]


def review(call: Call) -> Answer:
    """The review a user posted about itself, answered."""
    sent, _ = decoded(call.kind, call.object())
    spec: JsonObject = sent.get("spec") or {}
    rules = call.kind.resource == "selfsubjectrulesreviews"
    status = _rules(call, spec) if rules else _access(call, spec)
    body = {
        "kind": call.kind.kind,
        "apiVersion": call.kind.api_version,
        "metadata": {},
        "spec": spec,
        "status": status,
    }
    return Answer(body=body, status=201)


def _access(call: Call, spec: JsonObject) -> JsonObject:
    wanted = spec.get("resourceAttributes")
    if wanted is None:
        path = str((spec.get("nonResourceAttributes") or {}).get("path", ""))
        return {"allowed": any(path == url or path.startswith(url.rstrip("*")) for url in _ALWAYS_URLS)}
    asked = Attributes(
        verb=wanted.get("verb", ""),
        resource=wanted.get("resource", ""),
        group=wanted.get("group", ""),
        subresource=wanted.get("subresource", ""),
        namespace=wanted.get("namespace", ""),
        name=wanted.get("name", ""),
    )
    allowed = call.user.may(asked)
    return {"allowed": True, "reason": "RBAC: allowed"} if allowed else {"allowed": False}


def _rules(call: Call, spec: JsonObject) -> JsonObject:
    namespace = str(spec.get("namespace") or "default")
    own = [rule.as_policy_rule() for rule in call.user.rules if rule.applies_in(namespace)]
    basic = {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": list(REVIEWS)}
    return {
        "resourceRules": [*own, basic],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": _ALWAYS_URLS}],
        "incomplete": False,
    }
