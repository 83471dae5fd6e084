"""Whether the second wall stands in this cluster: looked up by the reader, and tried by the actor.

What is tried is a rehearsal (``dryRun=All``) of a label and of our own mark, so nothing is changed whether
the wall stands or not.
"""

from __future__ import annotations

import orjson

from midwatch.admission import GROUP, PROBE, SEAL, WALL, sealed, wall
from midwatch.check_result import Result
from tools.kubernetes.actions.wire import MARK
from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import Forbidden, KubernetesError, NotFound
from tools.kubernetes.objects import JsonObject

_POLICIES = f"/apis/{GROUP}/v1/validatingadmissionpolicies"
_BINDINGS = f"/apis/{GROUP}/v1/validatingadmissionpolicybindings"
_JUDGES = ("failurePolicy", "matchConditions", "variables", "validations", "paramKind")
# Kinds of which nearly every cluster has one, and of which the actor may patch any.
_ANY = (("apps/v1", "deployments"), ("apps/v1", "daemonsets"), ("apps/v1", "statefulsets"))
_WHAT = {WALL: "second wall", SEAL: "sealed mode"}
_FILE = {WALL: "deploy/admission/actor.yaml", SEAL: "deploy/admission/sealed.yaml"}


def stands(reader: Connection, *, is_sealed: bool) -> list[Result]:
    """For each policy that should be there: whether it is, as it was generated, and bound. By the reader."""
    expected = [(WALL, wall()), *([(SEAL, sealed())] if is_sealed else [])]
    return [_looked_up(reader, name, documents) for name, documents in expected]


def _looked_up(reader: Connection, name: str, documents: list[JsonObject]) -> Result:
    what, ours = _WHAT[name], {each["kind"]: each for each in documents}
    policy, binding = ours["ValidatingAdmissionPolicy"], ours["ValidatingAdmissionPolicyBinding"]
    try:
        there = reader.get(f"{_POLICIES}/{name}")["spec"]
        bound = reader.get(f"{_BINDINGS}/{name}")["spec"]
    except NotFound:
        return Result(what=what, ok=False, says=f"not installed: apply {_FILE[name]} (Kubernetes 1.30)")
    except KubernetesError as problem:
        return Result(what=what, ok=False, says=f"it cannot be looked up: {problem}")
    if any(there.get(part) != policy["spec"].get(part) for part in _JUDGES) or _narrowed(there):
        return Result(what=what, ok=False, says=f"the policy is not this version's: apply {_FILE[name]}")
    wanted = binding["spec"]
    same = all(bound.get(part) == wanted.get(part) for part in ("policyName", "paramRef"))
    if not same or "Deny" not in (bound.get("validationActions") or []) or bound.get("matchResources"):
        return Result(what=what, ok=False, says=f"the binding does not put it in force: apply {_FILE[name]}")
    return Result(what=what, ok=True, says="installed and bound")


def _narrowed(spec: JsonObject) -> bool:
    """Whether the policy looks at less than every write."""
    constraints = spec.get("matchConstraints") or {}
    rules = constraints.get("resourceRules") or [{}]
    everything = [rules[0].get(part) for part in ("apiGroups", "apiVersions", "operations")] == [["*"]] * 3
    less = ("excludeResourceRules", "namespaceSelector", "objectSelector")
    return (
        not everything or any(constraints.get(part) for part in less) or bool(rules[0].get("resourceNames"))
    )


def holds(reader: Connection, actor: Connection, *, is_sealed: bool) -> list[Result]:
    """Whether the API server turns away what it should: rehearsals by the actor's own account."""
    path = _something(reader)
    if path is None:
        return [Result(what=_WHAT[WALL], ok=True, says="there is no workload yet to try it on")]
    label = {"metadata": {"labels": {"midwatch.dev/wall": "probe"}, "annotations": {MARK: PROBE}}}
    mark = {"metadata": {"annotations": {MARK: PROBE}}}
    tries = [(WALL, label), *([(SEAL, mark)] if is_sealed else [])]
    return [_tried(actor, name, path, body) for name, body in tries]


def _something(reader: Connection) -> str | None:
    for version, resource in _ANY:
        items = reader.get(f"/apis/{version}/{resource}", ("limit", "1")).get("items") or []
        for each in items:
            meta = each["metadata"]
            return f"/apis/{version}/namespaces/{meta['namespace']}/{resource}/{meta['name']}"
    return None


def _tried(actor: Connection, name: str, path: str, body: JsonObject) -> Result:
    rehearsed = Request(
        method="PATCH",
        path=path,
        query=(("dryRun", "All"),),
        body=orjson.dumps(body),
        content_type="application/merge-patch+json",
    )
    what = f"{_WHAT[name]}, tried"
    try:
        actor.send(rehearsed)
    except Forbidden as refusal:
        if f"'{name}'" in str(refusal):
            return Result(what=what, ok=True, says="a rehearsal of what it forbids was refused")
        return Result(what=what, ok=False, says=f"it could not be tried: {refusal}")
    except KubernetesError as problem:
        return Result(what=what, ok=False, says=f"it could not be tried: {problem}")
    return Result(what=what, ok=False, says="the API server would admit what it forbids: it is not in force")
