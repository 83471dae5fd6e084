"""Label and field selectors: the string grammar of queries and the object form inside specs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from evals.world.kubernetes.objects import JsonObject, dig

Labels = Mapping[str, str]
LabelTest = Callable[[Labels], bool]
ObjectTest = Callable[[JsonObject], bool]

_KEY = r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SET = re.compile(rf"\s*(?P<key>{_KEY})\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<op>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)\s*")
_PRESENT = re.compile(rf"\s*(?P<absent>!)?\s*(?P<key>{_KEY})\s*")
_COMPARE = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<op>[<>])\s*(?P<value>-?\d+)\s*")


class SelectorError(ValueError):
    """The selector cannot be parsed, or selects by a field the resource does not offer."""


def parse_labels(text: str) -> LabelTest:
    """A test for a ``labelSelector`` query (equality, set membership, presence); raises SelectorError."""
    tests = [_requirement(part) for part in _parts(text) if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def label_selector(selector: JsonObject) -> LabelTest:
    """A test for a ``v1.LabelSelector`` object; the empty selector matches everything."""
    tests = [_among(key, (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or []:
        tests.append(_expression(expression))
    return lambda labels: all(test(labels) for test in tests)


def parse_fields(text: str, resource: str) -> ObjectTest:
    """A test for a ``fieldSelector`` query over the fields the resource supports; raises SelectorError."""
    supported = (*_FIELDS.get(resource, ()), "metadata.name", "metadata.namespace")
    tests: list[ObjectTest] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"([^=!]+?)\s*(==|=|!=)\s*(.*)", part)
        if match is None:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, wanted = match[1], match[2], match[3]
        if path not in supported:
            raise SelectorError(f"field label not supported: {path}")
        tests.append(_field_test(path, wanted, operator == "!="))
    return lambda obj: all(test(obj) for test in tests)


def _field_test(path: str, wanted: str, negated: bool) -> ObjectTest:
    steps = path.split(".")

    def test(obj: JsonObject) -> bool:
        value = dig(obj, *steps)
        if path == "source":
            value = dig(obj, "source", "component")
        text = str(value).lower() if isinstance(value, bool) else str(value if value is not None else "")
        # An absent boolean is false on the wire.
        if path == "spec.unschedulable" and value is None:
            text = "false"
        return (text == wanted) is not negated

    return test


def _parts(text: str) -> list[str]:
    """Split at commas outside of parentheses."""
    return re.split(r",(?![^()]*\))", text)


def _requirement(part: str) -> LabelTest:
    if match := _SET.fullmatch(part):
        values = tuple(value.strip() for value in match["values"].split(","))
        return _among(match["key"], values) if match["op"] == "in" else _not_among(match["key"], values)
    if match := _EQUAL.fullmatch(part):
        values = (match["value"],)
        return _not_among(match["key"], values) if match["op"] == "!=" else _among(match["key"], values)
    if match := _COMPARE.fullmatch(part):
        return _compared(match["key"], match["op"], int(match["value"]))
    if match := _PRESENT.fullmatch(part):
        key, absent = match["key"], match["absent"] is not None
        return lambda labels: (key in labels) is not absent
    raise SelectorError(f"unable to parse requirement: found '{part.strip()}', expected: a label requirement")


def _among(key: str, values: tuple[str, ...]) -> LabelTest:
    return lambda labels: key in labels and labels[key] in values


def _not_among(key: str, values: tuple[str, ...]) -> LabelTest:
    return lambda labels: key not in labels or labels[key] not in values


def _compared(key: str, operator: str, bound: int) -> LabelTest:
    def test(labels: Labels) -> bool:
        text = labels.get(key, "")
        if not re.fullmatch(r"-?\d+", text):
            return False
        return int(text) > bound if operator == ">" else int(text) < bound

    return test


def _expression(expression: JsonObject) -> LabelTest:
    key, operator = str(expression.get("key", "")), expression.get("operator")
    values = tuple(str(value) for value in expression.get("values") or ())
    if operator == "In":
        return _among(key, values)
    if operator == "NotIn":
        return _not_among(key, values)
    if operator == "Exists":
        return lambda labels: key in labels
    if operator == "DoesNotExist":
        return lambda labels: key not in labels
    raise SelectorError(f'"{operator}" is not a valid label selector operator')


_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "jobs": ("status.successful",),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
}


def selector_text(selector: JsonObject) -> str:
    """A LabelSelector as a query string, ``app=web,tier in (a,b)``; ``<none>`` when it is empty."""
    words = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or []:
        key, values = each.get("key"), ",".join(sorted(each.get("values") or []))
        words.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": f"{key}",
                "DoesNotExist": f"!{key}",
            }.get(str(each.get("operator")), f"{key}")
        )
    return ",".join(words) or "<none>"
