"""Changes that make room: a larger volume, one more server, a Job that stands aside, a rollout that halts.

None of them mends what is wrong by itself; each keeps it from getting worse while people look, and each is
as small as that allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import timedelta

from agents.investigator.analyzers.capacity import requests
from agents.investigator.analyzers.deployment import available, wanted
from agents.investigator.analyzers.fields import count_of, dig, is_finished, moment
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.proposals_desk import RECENT, Desk, Wish, roll_back
from tools.kubernetes.actions.pause_rollout import under_way
from tools.kubernetes.actions.placement import fits
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.objects import JsonObject, ref_of
from tools.kubernetes.quantities import QuantityError, amount

_LARGER = 1.5
"""A volume that has to grow again is a nuisance, and what it has grown it keeps for good."""
JUST = timedelta(hours=1)
"""A Job that has run for longer than this has had its place before the pods that wait."""
_ROOM = frozenset(("cpu", "memory"))
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
    if owned or not runs or not reasons or not reasons <= _ROOM or not made or made < began - RECENT:
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


def beside(desk: Desk) -> Iterator[Wish]:
    """A Job that was just started holds, on a node that they might go to, what the waiting pods ask for."""
    lacks = frozenset(desk.facts.get("reasons") or ())
    names = desk.facts.get("pods") or ()
    home = desk.cause.object.namespace
    pod = desk.case.snapshot.find("Pod", home, names[0]) if names and lacks and lacks <= _ROOM else None
    began = desk.case.began or desk.case.snapshot.taken_at
    for job in desk.case.snapshot.within(home, "Job") if pod else ():
        made = moment(dig(job, "metadata", "creationTimestamp"))
        bare = desk.case.relations.root(ref_of(job)).key == ref_of(job).key
        if pod and made and bare and began - JUST <= made and _holds_room(desk, job, (pod, lacks)):
            yield Wish(
                verb="suspend",
                params={},
                why=f"it was started {made:%H:%M} UTC and holds what the waiting pods of {desk.cause.object} "
                "ask for; a Job can wait and be resumed",
                context=Context(seen=desk.seen),
                target=job,
            )
            return


def _holds_room(desk: Desk, job: JsonObject, waits: tuple[JsonObject, frozenset[str]]) -> bool:
    pod, lacks = waits
    asked = requests(pod)
    for one in desk.case.snapshot.owned(job):
        node = desk.case.snapshot.find("Node", "", dig(one, "spec", "nodeName") or "")
        held = requests(one)
        enough = all(held.get(name, 0.0) >= asked.get(name, 0.0) for name in lacks)
        if node is not None and enough and not is_finished(one) and fits(pod["spec"], node):
            return True
    return False


def _incomplete(desk: Desk) -> Iterator[JsonObject]:
    for workload in desk.case.relations.workloads(desk.cause.object.namespace):
        if workload.get("kind") == "Deployment" and wanted(workload) and under_way(workload):
            yield workload


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
