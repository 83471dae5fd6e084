"""Somebody else who changes, replaces, takes or brings an object at a chosen moment of an actor's work."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evals.world.kubernetes.store import Store
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import RESOURCES
from tools.kubernetes.actions.wire import CLUSTER_SCOPED

Json = dict[str, Any]
MOMENTS = ("claim", "look", "rehearsal", "send")
"""Before which of the actor's doings it happens; before ``claim`` it happens when nobody works yet."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One change by somebody else."""

    step: Step
    moment: str
    make: Callable[[], None]


def moment_of(request: bytes) -> str:
    """What the actor is about to do with this request."""
    line = request.partition(b"\r\n")[0]
    if line.startswith(b"GET "):
        return "look"
    return "rehearsal" if b"dryRun=All" in line else "send"


def names(request: bytes, step: Step) -> bool:
    """Whether the request is about the step's object."""
    return re.search(rb'[/"]' + re.escape(step.name.encode()) + rb"[^a-z0-9-]", request) is not None


def done_by_somebody_else(store: Store, step: Step) -> None:
    """The very change of the step, so no longer what the step expects; for what is created, a namesake."""
    if step.creates:
        store.create(_resource(step), copy.deepcopy(step.set[""]))
        return
    live = store.get(_resource(step), _namespace(step), step.name)
    for pointer, value in step.set.items():
        _put(live, pointer, copy.deepcopy(value))
    store.update(_resource(step), live)


def taken_away(store: Store, step: Step) -> None:
    """Deleted for good."""
    store.delete(_resource(step), _namespace(step), step.name)


def made_anew(store: Store, step: Step) -> None:
    """Deleted and created again with the same name and content: another object."""
    live = store.get(_resource(step), _namespace(step), step.name)
    store.delete(_resource(step), _namespace(step), step.name)
    for key in ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"):
        live["metadata"].pop(key, None)
    store.create(_resource(step), live)


def _resource(step: Step) -> str:
    return RESOURCES[step.kind][1]


def _namespace(step: Step) -> str | None:
    return None if step.kind in CLUSTER_SCOPED else step.namespace


def _put(obj: Json, pointer: str, value: Any) -> None:
    *way, last = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    here: Any = obj
    for token in way:
        here = here[int(token)] if isinstance(here, list) else here[token]
    if isinstance(here, list):
        here[int(last)] = value
    elif value is None:
        here.pop(last, None)
    else:
        here[last] = value
