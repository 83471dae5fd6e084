"""Which nodes a pod may go to by labels and taints, as the scheduler's filters decide it. Pure.

Source: Kubernetes, NodeAffinity and TaintToleration plugins. Room on the nodes is another question.
"""

from __future__ import annotations

from collections.abc import Iterable

from tools.kubernetes.objects import JsonObject

_HARD = ("NoSchedule", "NoExecute")
_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def fitting(spec: JsonObject, nodes: Iterable[JsonObject]) -> tuple[str, ...]:
    """The names of the nodes that a pod of this spec may go to, sorted."""
    return tuple(sorted(node["metadata"]["name"] for node in nodes if fits(spec, node)))


def fits(spec: JsonObject, node: JsonObject) -> bool:
    """Whether selector, required node affinity, taints and cordon let the pod in."""
    labels = node["metadata"].get("labels") or {}
    selector = spec.get("nodeSelector") or {}
    if not selector.items() <= labels.items():
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED) or {}
    terms = affinity.get("nodeSelectorTerms") or []
    # The terms are alternatives; the expressions within one must all hold.
    if terms and not any(_term(term, node) for term in terms):
        return False
    tolerations = spec.get("tolerations") or []
    return all(any(tolerates(each, taint) for each in tolerations) for taint in _taints(node))


def tolerates(toleration: JsonObject, taint: JsonObject) -> bool:
    """Whether this toleration lets a pod stand this taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    key = toleration.get("key") or ""
    if toleration.get("operator") == "Exists":
        return key in ("", taint["key"])
    return bool(key) and key == taint["key"] and toleration.get("value", "") == taint.get("value", "")


def _taints(node: JsonObject) -> list[JsonObject]:
    spec = node.get("spec") or {}
    hard = [taint for taint in spec.get("taints") or [] if taint["effect"] in _HARD]
    return [*hard, _CORDON] if spec.get("unschedulable") else hard


def _term(term: JsonObject, node: JsonObject) -> bool:
    labels = node["metadata"].get("labels") or {}
    names = {"metadata.name": node["metadata"]["name"]}
    by_label, by_field = term.get("matchExpressions") or [], term.get("matchFields") or []
    # A term that asks for nothing matches nothing.
    return bool(by_label or by_field) and (
        all(_holds(each, labels) for each in by_label) and all(_holds(each, names) for each in by_field)
    )


def _holds(wanted: JsonObject, labels: dict[str, str]) -> bool:
    found, values = labels.get(wanted["key"]), wanted.get("values") or []
    here, there = _number(found), _number(values[0] if values else None)
    holds = {
        "In": found in values,
        "NotIn": found not in values,
        "Exists": found is not None,
        "DoesNotExist": found is None,
        "Gt": here > there,
        "Lt": here < there,
    }
    return holds.get(wanted["operator"], False)


def _number(text: str | None) -> float:
    # What is no number compares as false with everything, as in the scheduler.
    return int(text) if text and text.lstrip("-").isdigit() else float("nan")
