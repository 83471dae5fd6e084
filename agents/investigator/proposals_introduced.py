"""Undoing a rollout that brought, in so many words, what is wrong: the very field stands among its changes.

Nothing has to crash for that. A template that names what is not there keeps its pods from being made, and
the revision before does not name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agents.investigator.analyzers.creation import CreationCode
from agents.investigator.analyzers.dependency import DependencyCode
from agents.investigator.analyzers.image import registry_of
from agents.investigator.analyzers.quota import QuotaCode
from agents.investigator.analyzers.scheduling import SchedulingCode
from agents.investigator.proposals_desk import Desk, Wish, roll_back
from agents.investigator.proposals_repairs import bad_image
from agents.investigator.reasoning_rollouts import changes
from tools.kubernetes.objects import JsonObject

_OWN_SCHEDULER = "default-scheduler"


def introduced(desk: Desk) -> Iterator[Wish]:
    """The revision before, if the last rollout set the field that this cause is about."""
    earlier, about = desk.earlier, _FIELDS.get(desk.cause.code)
    if earlier is None or about is None or not desk.lately:
        return
    places = about(desk.facts)
    changed = changes(earlier.template, desk.history[0].template)
    if any(path.startswith(place) for path in changed for place in places):
        yield from roll_back(desk, earlier, "the last rollout set the very field that is wrong")


def other_registry(desk: Desk) -> Iterator[Wish]:
    """The image of the registry before, where the last rollout moved to the one that cannot be reached.

    A registry that was always used comes back by itself, and pods that run do not need it meanwhile.
    """
    good = desk.facts.get("good_image")
    moved = bool(good) and registry_of(str(good)) != desk.facts.get("registry")
    if moved and desk.facts.get("good_image_serving") and desk.lately:
        yield from bad_image(desk)


def _account(facts: JsonObject) -> tuple[str, ...]:
    del facts
    # Two names of one field: the older one is written as well by the API server.
    return ("/spec/serviceAccountName", "/spec/serviceAccount")


def _priority(facts: JsonObject) -> tuple[str, ...]:
    del facts
    return ("/spec/priorityClassName",)


def _scheduler(facts: JsonObject) -> tuple[str, ...]:
    # Where the cluster's own is silent no other template helps.
    return () if facts.get("scheduler") == _OWN_SCHEDULER else ("/spec/schedulerName",)


def _address(facts: JsonObject) -> tuple[str, ...]:
    return tuple(
        f"/spec/{group}/{facts.get('container')}/env/{facts.get('env')}/"
        for group in ("containers", "initContainers")
    )


def _resources(facts: JsonObject) -> tuple[str, ...]:
    return (f"/spec/containers/{facts.get('container')}/resources/",)


_FIELDS: dict[str, Callable[[JsonObject], tuple[str, ...]]] = {
    QuotaCode.PRIORITY_CLASS_MISSING: _priority,
    CreationCode.PRIORITY_CLASS_MISSING: _priority,
    CreationCode.SERVICE_ACCOUNT_MISSING: _account,
    SchedulingCode.NO_SCHEDULER: _scheduler,
    DependencyCode.NO_SERVICE: _address,
    DependencyCode.WRONG_PORT: _address,
    QuotaCode.FORBIDS_TEMPLATE: _resources,
}
"""The paths in a template that each of these causes is about, as ``changes`` writes them."""

INTRODUCED = frozenset(_FIELDS)
