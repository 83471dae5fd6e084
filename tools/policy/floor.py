"""The floor under every policy: the tier and the number of people that the code asks for. Pure.

A policy can add to it and never take away. Source: approval-bound execution protocol, "Tiers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.kubernetes.actions.catalogue import CATALOGUE, tier_of
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.quantities import QuantityError, amount
from tools.policy.facts import Question, Radius

CRITICAL = ("midwatch.dev/critical", "true")
"""The label, on an object or on its namespace, that always asks for more care."""
MOST_APPROVALS = 2
LONGEST_PENDING_MINUTES = 240
LONGEST_CLAIM_S = 600
MOST_FACTOR = 4.0
# What everybody else stands on: one wrong change here reaches past the workload it was meant for.
_SHARED_GROUPS = frozenset(
    ("policy", "networking.k8s.io", "gateway.networking.k8s.io", "admissionregistration.k8s.io")
)
_SHARED_KINDS = frozenset(("ResourceQuota", "LimitRange"))
_CONTAINERS = ("containers", "initContainers")


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The least tier and number of approvals, and in words what asks for more than tier 1."""

    tier: int
    reasons: tuple[str, ...]

    @property
    def approvals_needed(self) -> int:
        """Two people from tier 3 on."""
        return MOST_APPROVALS if self.tier >= 3 else 1


def floor(question: Question, critical: Iterable[tuple[str, str]] = ()) -> Floor:
    """The floor of a plan; ``critical`` are labels that count beside the code's own."""
    found = [raised for step in question.steps for raised in _of_step(step)]
    known = (CRITICAL, *critical)
    for step, radius in zip(question.steps, question.radius, strict=False):
        found += _of_radius(step, radius, known)
    if len({step.target.key for step in question.steps}) > 1:
        found.append((3, "more than one object is changed"))
    return Floor(
        tier=max((tier for tier, _ in found), default=1),
        reasons=tuple(dict.fromkeys(why for tier, why in found if tier > 1)),
    )


def least_tier(verb: str) -> int:
    """The tier below which no step of this verb ever is."""
    known = CATALOGUE.get(verb)
    return known.tier if known else 3


def _of_step(step: Step) -> Iterator[tuple[int, str]]:
    yield tier_of(step), f"{step.verb} is tier {tier_of(step)}"
    if step.kind == "Node":
        yield 2, "a node is changed"
    if any(before != after for _, before, after in resources(step)):
        yield 2, "requests or limits are changed"
    group = step.api_version.rpartition("/")[0]
    if group in _SHARED_GROUPS or step.kind in _SHARED_KINDS:
        yield 3, f"a {step.kind} stands under more than one workload"


def _of_radius(
    step: Step, radius: Radius, critical: tuple[tuple[str, str], ...]
) -> Iterator[tuple[int, str]]:
    for key, value in critical:
        if value in (radius.labels.get(key), radius.namespace_labels.get(key)):
            yield 2, f"{key}={value} marks it as critical"
    wanted = step.set.get("/spec/replicas")
    if radius.budget and isinstance(wanted, int) and wanted < radius.budget.need:
        yield 2, f"fewer replicas than the disruption budget {radius.budget.name} needs"


def resources(step: Step) -> tuple[tuple[str, str, str], ...]:
    """Requests and limits that a step states: where, the present value, and the one that is set."""
    found = []
    for pointer, value in step.set.items():
        before = step.expect.get(pointer)
        if "/resources/" in pointer and not isinstance(value, dict):
            found.append((pointer, str(before), str(value)))
        elif pointer == "/spec/template" and isinstance(value, dict) and isinstance(before, dict):
            now, then = _stated(before), _stated(value)
            found += [(where, now.get(where, ""), then.get(where, "")) for where in sorted({*now, *then})]
        elif "/resources" in pointer:
            # A whole block at once: named as a change, its numbers are not taken apart.
            found.append((pointer, str(before), str(value)))
    return tuple(found)


def _stated(template: JsonObject) -> dict[str, str]:
    spec = template.get("spec") or {}
    return {
        f"{container.get('name')}/{group}/{resource}": str(value)
        for kind in _CONTAINERS
        for container in spec.get(kind) or []
        for group in ("requests", "limits")
        for resource, value in ((container.get("resources") or {}).get(group) or {}).items()
    }


def factor(step: Step) -> float:
    """By how much a step raises a request or limit at most; 1 when it raises none.

    What cannot be compared (a new limit, none at all, no quantity) counts as without bound.
    """
    return max((_times(before, after) for _, before, after in resources(step)), default=1.0)


def _times(before: str, after: str) -> float:
    if before == after:
        return 1.0
    try:
        return max(1.0, amount(after) / amount(before))
    except (QuantityError, ZeroDivisionError):
        return float("inf")
