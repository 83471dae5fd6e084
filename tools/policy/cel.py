"""Conditions: CEL expressions over named values, checked when they are read and bounded when they run.

The names are declared with their types, so a misspelt one is refused at load and never evaluated.
The evaluator is the CEL project's own; it bounds recursion and iteration by itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cel_expr_python import cel

from tools.kubernetes.objects import JsonObject

_MARKS = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
_FIELDS = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
_NAMES = cel.Type.List(cel.Type.STRING)
LONGEST = 1000

NAMES: dict[str, tuple[object, str]] = {
    "plan.tier": (cel.Type.INT, "the tier the code asks for, from 1 to 3"),
    "plan.steps": (cel.Type.INT, "how many steps the plan has"),
    "plan.requester": (cel.Type.STRING, "who asked for the change; `midwatch` when nobody did"),
    "plan.undo": (cel.Type.BOOL, "whether it puts back what an earlier plan changed"),
    "step.verb": (cel.Type.STRING, "the verb, as in `docs/actions.md`"),
    "step.set": (_FIELDS, "the new values, by JSON pointer"),
    "step.expect": (_FIELDS, "the present values, by JSON pointer"),
    "target.kind": (cel.Type.STRING, "the kind of the object that is changed"),
    "target.namespace": (cel.Type.STRING, "its namespace, empty for objects without one"),
    "target.name": (cel.Type.STRING, "its name"),
    "target.labels": (_MARKS, "its labels"),
    "target.annotations": (_MARKS, "its annotations; one over 128 characters as `sha256:…`"),
    "target.namespace_labels": (_MARKS, "the labels of its namespace"),
    "target.replicas": (cel.Type.DYN, "its pods, or null when that is not known"),
    "incident.id": (cel.Type.STRING, "`INC-7`"),
    "incident.severity": (cel.Type.STRING, "the severity its first alert came with"),
    "incident.alerts": (_NAMES, "the names of its alerts"),
    "incident.labels": (_MARKS, "the labels that all its alerts share"),
    "blast.workloads": (cel.Type.INT, "how many objects the plan changes"),
    "blast.services": (_NAMES, "Services that lead to its pods"),
    "blast.ingresses": (_NAMES, "Ingresses that lead to those Services"),
    "blast.autoscalers": (_NAMES, "HorizontalPodAutoscalers that own its count"),
    "blast.budget_need": (cel.Type.DYN, "pods its disruption budget needs, or null without one"),
    "blast.budget_allowed": (cel.Type.DYN, "pods the budget lets go now, or null without one"),
    "blast.requests_per_second": (cel.Type.DYN, "its traffic as a double, or null when not known"),
    "blast.gitops": (cel.Type.STRING, "`Argo CD`, `Flux` or empty"),
    "blast.helm": (cel.Type.STRING, "its Helm release, or empty"),
}
"""Every name a condition may use: its type and what it says."""


class CelError(ValueError):
    """The expression cannot be used, or could not be evaluated; the message says where."""


@lru_cache(maxsize=1)
def _environment() -> cel.Env:
    return cel.NewEnv(variables={name: kind for name, (kind, _) in NAMES.items()})


@lru_cache(maxsize=512)
def compiled(expression: str) -> cel.Expression:
    """The expression, ready to run. Raises CelError when it is none that is true or false."""
    if len(expression) > LONGEST:
        raise CelError(f"an expression has at most {LONGEST} characters")
    try:
        ready = _environment().compile(expression)
    except (RuntimeError, TypeError, ValueError) as problem:
        raise CelError(_words(str(problem))) from problem
    if ready.return_type() != cel.Type.BOOL:
        raise CelError(f"it gives {ready.return_type().name()}, and a condition is true or false")
    return ready


def holds(expression: str, values: JsonObject) -> bool:
    """Whether the condition is true of these values. Raises CelError; the caller refuses then."""
    try:
        found = compiled(expression).eval(data=values)
        value = found.value()
    except (RuntimeError, TypeError, ValueError, OverflowError) as problem:
        raise CelError(_words(str(problem))) from problem
    # An error inside an expression is a value of its own in CEL, and no exception.
    if not isinstance(value, bool):
        raise CelError(_words(str(value)))
    return value


def _words(problem: str) -> str:
    first = problem.splitlines()[0] if problem else "it failed"
    return first.removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ").removeprefix("<input>:")


def names_in(expression: str) -> tuple[str, ...]:
    """The names an expression speaks of, for showing their values."""
    return tuple(name for name in NAMES if re.search(rf"\b{re.escape(name)}\b", expression))
