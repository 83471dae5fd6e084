"""Let the pods of a workload go to nodes that exist: node selector, required node affinity, tolerations."""

from __future__ import annotations

import copy
import re

from tools.kubernetes.actions.containers import TEMPLATE, WORKLOADS
from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.placement import REQUIRED, fitting
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Verb, stated, step_for
from tools.kubernetes.objects import JsonObject

_SPEC = f"{TEMPLATE}/spec"
_PLACES = {
    "node_selector": f"{_SPEC}/nodeSelector",
    "node_affinity": f"{_SPEC}/affinity/nodeAffinity/{REQUIRED}",
    "tolerations": f"{_SPEC}/tolerations",
}
_NAMES = {pointer: name.replace("_", " ") for name, pointer in _PLACES.items()}
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_LABEL = re.compile(r"[A-Za-z0-9][-./_A-Za-z0-9]{0,316}")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
# Taints that a cluster puts on nodes in trouble, and its control plane: no place for a workload.
_TROUBLE = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "node-role.kubernetes.io/")


class FixScheduling(Verb):
    """Parameters: one or more of ``node_selector`` (the whole new map), ``node_affinity`` (the whole new
    required node affinity) and ``tolerations`` (the whole new list); an empty one takes it away.
    """

    name = "fix_scheduling"
    kinds = WORKLOADS
    tier = 1
    fields = tuple(_PLACES.values())
    sets = pattern(*fields)
    adds = True
    risks = "Pods are replaced and go to other nodes, which may lack room, a zone's disk or special hardware."
    when_not = "Nodes match and only lack room, or the selector is right and its nodes are what is missing."
    verify = ("rollout_complete", "pods_placed")
    undo = "The selector, affinity and tolerations that stood there before, so pods wait again if none fit."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses what no node that was seen would match, and fewer tolerations than before."""
        spec = target["spec"]["template"]["spec"]
        if params.get("node_affinity") and not (spec.get("affinity") or {}).get("nodeAffinity"):
            return Refused(reason="there is no node affinity to change")
        after = copy.deepcopy(spec)
        _place(after, params)
        if any(each not in _tolerations(after) for each in _tolerations(spec)):
            return Refused(reason="a toleration that is there would be taken away")
        nodes = context.seen.objects("Node")
        then = fitting(after, nodes)
        if not then:
            return Refused(reason=f"none of {len(nodes)} nodes that were seen would match")
        changes = {_PLACES[name]: params[name] or None for name in _PLACES if name in params}
        about = {"before": _listed(fitting(spec, nodes)), "after": _listed(then)}
        return step_for(self, target, changes, about)

    def undoing(self, step: Step) -> dict[str, str]:
        """The nodes, the other way round."""
        return {"before": step.about.get("after", ""), "after": step.about.get("before", "")}

    def bounds(self, step: Step) -> Refused | None:
        """Labels, terms and tolerations of their own shape; no toleration of trouble or of everything."""
        judges = {"node_selector": _is_selector, "node_affinity": _is_affinity, "tolerations": _are_bounded}
        for name, pointer in _PLACES.items():
            value = step.set.get(pointer)
            if value is not None and not judges[name](value, step.expect.get(pointer)):
                return Refused(reason=f"this is no {_NAMES[pointer]} that a workload may be given")
        return None

    def sentence(self, step: Step) -> str:
        """Names what is set, and which nodes match before and after."""
        parts = [
            f"{_NAMES[pointer]} {stated(step.expect[pointer])} becomes {stated(value)}"
            for pointer, value in step.set.items()
        ]
        said = step.about
        nodes = f" (nodes that match: {said['before']} now, {said['after']} then)" if said else ""
        return f"Place the pods of {step.target} anew: {'; '.join(parts)}{nodes}"


def _place(spec: JsonObject, params: JsonObject) -> None:
    if "node_selector" in params:
        spec["nodeSelector"] = params["node_selector"]
    if "tolerations" in params:
        spec["tolerations"] = params["tolerations"]
    if "node_affinity" in params:
        affinity = spec["affinity"] = dict(spec.get("affinity") or {})
        affinity["nodeAffinity"] = {
            **(affinity.get("nodeAffinity") or {}),
            REQUIRED: params["node_affinity"],
        }


def _tolerations(spec: JsonObject) -> list[JsonObject]:
    return spec.get("tolerations") or []


def _is_selector(value: object, _: object) -> bool:
    # An API server drops what is empty, and would then hold something else than was signed.
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            _LABEL.fullmatch(str(key)) and isinstance(each, str) and _VALUE.fullmatch(each)
            for key, each in value.items()
        )
    )


def _is_affinity(value: object, _: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"nodeSelectorTerms"}:
        return False
    terms = value["nodeSelectorTerms"]
    return isinstance(terms, list) and bool(terms) and all(map(_is_term, terms))


def _is_term(term: object) -> bool:
    if not isinstance(term, dict) or not term or not term.keys() <= {"matchExpressions", "matchFields"}:
        return False
    wanted = [each for key in term for each in term[key] or [{}]]
    return all(
        isinstance(each, dict)
        and {"key", "operator"} <= each.keys() <= {"key", "operator", "values"}
        and each["operator"] in _OPERATORS
        and all(isinstance(text, str) and _VALUE.fullmatch(text) for text in each.get("values") or [])
        for each in wanted
    )


def _are_bounded(value: object, before: object) -> bool:
    """Each toleration is one that was there, or names one taint that is no sign of trouble."""
    known = before if isinstance(before, list) else []
    return (
        isinstance(value, list) and bool(value) and all(each in known or _is_bounded(each) for each in value)
    )


def _is_bounded(toleration: object) -> bool:
    if not isinstance(toleration, dict):
        return False
    key, operator = str(toleration.get("key") or ""), toleration.get("operator", "Equal")
    fields = {"key", "operator", "value", "effect", "tolerationSeconds"}
    return (
        toleration.keys() <= fields
        and _LABEL.fullmatch(key) is not None
        and not key.startswith(_TROUBLE)
        and operator in ("Equal", "Exists")
        and toleration.get("effect") in _EFFECTS
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
