"""Changes for images, memory, crashes, selectors and workloads at zero."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from agents.investigator.analyzers.fields import dig, moment, template_containers
from agents.investigator.changes_rollouts import rolled_out_at
from agents.investigator.held_up import first_of
from agents.investigator.proposals_desk import Desk, Wish, roll_back
from agents.investigator.proposals_values import (
    Value,
    images_seen,
    only_image_of,
    raised,
    repaired_selector,
    replicas_before,
)
from agents.investigator.reasoning_facts import last_good_image
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.quantities import amount


def taken_away(desk: Desk) -> Iterator[Wish]:
    """The pod of an earlier template for which a mended StatefulSet waits in vain."""
    pods = desk.case.snapshot.owned(desk.target) if desk.target.get("kind") == "StatefulSet" else ()
    pod = first_of(desk.target, pods)
    if pod is not None:
        yield Wish(
            verb="evict_pod",
            params={},
            why=f"the template is another by now, and {desk.cause.object} waits for this pod of before to be "
            "ready instead of replacing it",
            context=Context(seen=desk.seen),
            target=pod,
        )


def bad_image(desk: Desk) -> Iterator[Wish]:
    """The image that worked before, or the whole template where more than the image changed."""
    good = desk.facts.get("good_image")
    if not good:
        return
    single = _set_image(desk, good, _image_why(desk))
    if only_image_of(desk.facts.get("changed") or ()) in (desk.facts["container"], ""):
        yield single
        return
    # More than the image changed, so the earlier template is the state that is known to work.
    yield from _back_to_previous(desk, "the last rollout changed more than the image, so all of it goes back")
    yield Wish(
        verb="set_image",
        params=single.params,
        why=f"{single.why}; the rest of the last rollout stays as it is",
        context=single.context,
    )


def _image_why(desk: Desk) -> str:
    serving = "pods with it serve right now" if desk.facts.get("good_image_serving") else "it ran before"
    return (
        f"{desk.facts['good_image']} is the last image of {desk.facts['container']} that differs; {serving}"
    )


def _set_image(desk: Desk, image: str, why: str) -> Wish:
    return Wish(
        verb="set_image",
        params={"container": desk.facts["container"], "image": image},
        why=why,
        context=Context(images=images_seen(desk.history)),
    )


def _back_to_previous(desk: Desk, why: str) -> Iterator[Wish]:
    number = desk.facts.get("previous_revision")
    for earlier in (one for one in desk.history if one.number == number):
        yield from roll_back(desk, earlier, why)


def memory(desk: Desk) -> Iterator[Wish]:
    """The limit as it was before it was lowered, or as much more as policy allows."""
    limit, lowered = desk.facts.get("limit"), desk.facts.get("lowered_from")
    if not limit:
        return
    value = lowered or raised(limit, desk.limits.limit_factor)
    if not value:
        return
    factor = desk.limits.limit_factor
    if lowered:
        why = f"the last rollout lowered this limit from {lowered} to {limit}; this puts it back"
        # The workload ran with this value: how far back it is, only a rule of the policy may mind.
        factor = max(factor, amount(lowered) / amount(limit))
    else:
        why = (
            f"it was killed at {limit}; {value} is the most that policy allows in one step ({factor:g} times)"
        )
    params = {"container": desk.facts["container"], "field": "limits/memory", "value": value}
    yield Wish(verb="set_resources", params=params, why=why, context=Context(limit_factor=factor))
    yield from _back_to_previous(desk, "all of the killed pods came with the last rollout")
    yield from _image_before(desk)


def _image_before(desk: Desk) -> Iterator[Wish]:
    """The image before the one that is killed, if that is new: whatever was tried with it meanwhile."""
    name = str(desk.facts["container"])
    now = str(
        template_containers(dig(desk.target, "spec", "template") or {}).get(name, {}).get("image") or ""
    )
    # Other limits may have been tried with this image meanwhile: it came with the first of them.
    run = tuple(takewhile(lambda one: one.images.get(name) == now, desk.history))
    good = last_good_image(desk.history, name, frozenset((now,)))
    if len(run) == 1:
        first = rolled_out_at(desk.target, desk.history, 0)
    else:
        first = min((at for one in run if (at := moment(one.created_at))), default=None)
    if good and first and desk.came_lately(first):
        why = f"{now} came shortly before it was killed, and {good[0]} ran before it"
        yield _set_image(desk, good[0], why)


def crash(desk: Desk) -> Iterator[Wish]:
    """What ran before the last rollout."""
    container = desk.facts["container"]
    why = "it crashes since the last rollout and ran before it"
    if only_image_of(desk.facts.get("changed") or ()) == container:
        earlier = next((one for one in desk.history if one.number == desk.facts["previous_revision"]), None)
        if earlier is not None and (image := earlier.images.get(container)):
            yield _set_image(desk, image, f"{why}; only the image changed")
            return
    yield from _back_to_previous(desk, why)


def selector(desk: Desk) -> Iterator[Wish]:
    """The labels of the pods that were meant."""
    labels = desk.facts.get("workload_labels")
    if not labels:
        return
    workload = f"{desk.facts['workload_kind']} {desk.facts['workload_name']}"
    selector = repaired_selector(desk.case, desk.target, desk.facts)
    if selector:
        params = {"selector": selector, "labels": labels}
        why = f"the pods of {workload} carry these labels and the Service is meant for them"
        yield Wish(verb="fix_selector", params=params, why=why, context=Context())


def zero(desk: Desk) -> Iterator[Wish]:
    """As many replicas as there were."""
    before: Value = replicas_before(desk.case, desk.cause.object, desk.history)
    # At zero replicas an autoscaler is switched off, so it does not undo this; from one on it takes over.
    yield Wish(verb="scale", params={"replicas": before.number}, why=before.source, context=Context())
