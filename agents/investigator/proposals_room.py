"""Changes that make room: a larger volume, one more server, a Job that stands aside, a rollout that halts.

None of them mends what is wrong by itself; each keeps it from getting worse while people look, and each is
as small as that allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from agents.investigator.analyzers.deployment import available, wanted
from agents.investigator.analyzers.fields import count_of, dig, moment
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.analyzers.room import LACKING
from agents.investigator.proposals_desk import RECENT, Desk, Wish, roll_back
from tools.kubernetes.actions.pause_rollout import under_way
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.objects import JsonObject, ref_of
from tools.kubernetes.quantities import QuantityError, amount

_LARGER = 1.5
"""A volume that has to grow again is a nuisance, and what it has grown it keeps for good."""
_FELT = (MetricCode.ERRORS_ROSE, MetricCode.LATENCY_ROSE)


def larger(desk: Desk) -> Iterator[Wish]:
    """Half as much storage again, where the class of the claim lets it grow."""
    size = str(dig(desk.target, "spec", "resources", "requests", "storage") or "")
    named = str(dig(desk.target, "spec", "storageClassName") or "")
    held = desk.case.snapshot.find("StorageClass", "", named)
    factor = min(_LARGER, desk.limits.limit_factor)
    try:
        value = f"{math.ceil(amount(size) * factor / 2**30)}Gi"
    except QuantityError:
        return
    if held is not None:
        yield Wish(
            verb="expand_pvc",
            params={"value": value, "storage_class": held},
            why=f"it is {desk.facts.get('value', 1):.0%} full, and {value} is {factor:g} times what it has; "
            "nothing that is stored is touched",
            context=Context(limit_factor=max(factor, amount(value) / amount(size))),
        )


def more(desk: Desk) -> Iterator[Wish]:
    """Half as many servers again, at least one, where all that there are serve and still do not suffice."""
    now = wanted(desk.target)
    scalers = desk.case.relations.scalers(desk.cause.object)
    if desk.target.get("kind") not in ("Deployment", "StatefulSet") or not 0 < now <= available(desk.target):
        return
    count = min(now + max(1, now // 2), int(now * desk.limits.limit_factor))
    served = "the one there is serves" if now == 1 else f"all {now} there are serve"
    yield Wish(
        verb="scale",
        params={"replicas": count},
        why=f"requests wait though {served}: what is missing is another",
        context=Context(owned_by=scalers[0].name if scalers else ""),
    )


def aside(desk: Desk) -> Iterator[Wish]:
    """A Job that was started lately and fills the nodes waits, while a workload beside it is not complete."""
    reasons = frozenset(desk.facts.get("reasons") or ())
    made = moment(dig(desk.target, "metadata", "creationTimestamp"))
    began = desk.case.began or desk.case.snapshot.taken_at
    runs = count_of(desk.target, "status", "active") > len(desk.facts.get("pods") or ())
    owned = desk.case.relations.root(desk.cause.object).key != desk.cause.object.key
    if owned or not runs or not reasons or not reasons <= LACKING or not made or made < began - RECENT:
        return
    waiting = next(_incomplete(desk), None)
    if waiting is not None:
        yield Wish(
            verb="suspend",
            params={},
            why=f"it takes all the {' and '.join(sorted(reasons))} that the nodes have left, and "
            f"{ref_of(waiting)} waits for its pods; a Job can wait and be resumed",
            context=Context(seen=desk.seen),
        )


def _incomplete(desk: Desk) -> Iterator[JsonObject]:
    for workload in desk.case.relations.workloads(desk.cause.object.namespace):
        if workload.get("kind") == "Deployment" and wanted(workload) and under_way(workload):
            yield workload


def stands_aside(desk: Desk) -> Iterator[Wish]:
    """A Job that was started shortly before other pods had to wait makes room for them."""
    what = " and ".join(desk.facts.get("resources") or ())
    why = f"other pods wait for the {what} that it holds; a Job can wait and be resumed"
    yield Wish(verb="suspend", params={}, why=why, context=Context(seen=desk.seen))


def halt(desk: Desk) -> Iterator[Wish]:
    """The rollout stops where it is; one that is over goes back, where more than its time accuses it."""
    if under_way(desk.target):
        yield Wish(
            verb="pause_rollout",
            params={},
            why="the trouble began with it and it goes on: paused, the pods of the revision before stay",
            context=Context(seen=desk.seen),
        )
    number = desk.facts.get("previous_revision")
    earlier = next((one for one in desk.history if one.number == number), None)
    if earlier is not None and desk.lately and _accused(desk):
        yield from roll_back(desk, earlier, "the trouble began with it, and nothing else explains it")


def _accused(desk: Desk) -> bool:
    """Whether an alert is about this very image, or requests are seen to suffer since."""
    images = set((desk.facts.get("images") or {}).values())
    named = any(alert.labels.get("image") in images for alert, _ in desk.case.asking)
    return named or any(key.partition("@")[0] in _FELT for key in desk.cause.explains)


ROOM: dict[str, Callable[[Desk], Iterator[Wish]]] = {
    MetricCode.VOLUME_FILLING: larger,
    MetricCode.MODEL_QUEUEING: more,
    MetricCode.MODEL_CACHE_FULL: more,
}
"""What is wished for what metrics tell."""
