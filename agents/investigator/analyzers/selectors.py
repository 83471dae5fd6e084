"""Label selectors as the API server reads them: ``matchLabels`` and ``matchExpressions``.

Source: meta/v1 LabelSelector. Unlike the plain map of a Service, an empty one selects everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tools.kubernetes.objects import JsonObject


def selects(selector: JsonObject | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector selects these labels; None selects nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    plain = all(labels.get(key) == value for key, value in wanted.items())
    return plain and meets(selector.get("matchExpressions") or (), labels)


def meets(rules: Iterable[JsonObject], labels: Mapping[str, str]) -> bool:
    """Whether these labels meet every expression; the numeric ones of nodes (Gt, Lt) are taken for met."""
    return all(_holds(rule, labels) for rule in rules)


def _holds(rule: JsonObject, labels: Mapping[str, str]) -> bool:
    key, values = rule.get("key", ""), rule.get("values") or ()
    match rule.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return True


def spelled(selector: JsonObject | None) -> str:
    """A LabelSelector as people write it: ``app=web,tier in (a,b)``; ``everything`` when it is empty."""
    chosen = selector or {}
    wanted, rules = chosen.get("matchLabels") or {}, chosen.get("matchExpressions") or ()
    parts = [f"{key}={value}" for key, value in sorted(wanted.items())]
    parts += [_spelled(rule) for rule in rules]
    return ",".join(parts) or "everything"


def _spelled(rule: JsonObject) -> str:
    key, values = rule.get("key", ""), ",".join(rule.get("values") or ())
    operator = rule.get("operator", "")
    return f"{key} {operator.lower()} ({values})" if values else f"{key} {operator.lower()}"
