"""Changes for ports, probes, placement, autoscalers, restarts and switches.

Every value was seen: in the revision that ran before, in what the containers declare, in the bounds of
policy. Where none was, there is no wish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.incident import Severity
from agents.investigator.analyzers.fields import dig, items, template_containers
from agents.investigator.analyzers.hpa import HpaCode
from agents.investigator.links import Key
from agents.investigator.proposals_desk import Desk, Wish, roll_back
from agents.investigator.proposals_room import aside
from agents.investigator.reasoning_rollouts import container_of
from agents.investigator.targets_radius import scaled_by
from tools.kubernetes.actions.ports import backends
from tools.kubernetes.actions.verb import Context
from tools.kubernetes.objects import JsonObject, ObjectRef

_ACTIONS = ("httpGet", "tcpSocket", "grpc")
_TIMES = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
_MOST_REPLICAS = 100
# "Scaled down replica set web-1 to 2 from 3" until Kubernetes 1.29, "… web-1 from 3 to 2" since.
_SCALED = re.compile(r"Scaled down replica set \S+ (?:to \d{1,4} from (\d{1,4})|from (\d{1,4}) to \d{1,4})\b")


def no_plan(_: Desk) -> Iterator[Wish]:
    """Nothing that the catalogue could do."""
    yield from ()


def since_rollout(desk: Desk) -> Iterator[Wish]:
    """The revision before, where every pod that shows it came with the last rollout."""
    # In a quiet month every pod came with the last rollout: only a fresh one is a suspect.
    if desk.facts.get("changed") and desk.earlier is not None and desk.lately:
        yield from roll_back(desk, desk.earlier, "it is so since the last rollout and was not before it")


def port(desk: Desk) -> Iterator[Wish]:
    """The one port that the pods behind the Service declare, or the one of the same name or number."""
    wanted = desk.facts.get("port")
    own = next((one for one in items(desk.target, "spec", "ports") if one.get("port") == wanted), None)
    if own is None:
        return
    found = _declared(desk, own.get("protocol") or "TCP")
    alike = [one for one in found if own.get("name") and one[0] == own["name"]] or [
        one for one in found if one[1] == wanted
    ]
    chosen = found if len(found) == 1 else alike
    if len(chosen) == 1:
        name, number = chosen[0]
        which = (
            "the only port that its pods declare" if len(found) == 1 else "the port of that name or number"
        )
        params = {"port": wanted, "target": name or number}
        said = f"{name} {number}".strip()
        yield Wish(verb="fix_port", params=params, why=f"{said} is {which}", context=Context(seen=desk.seen))


def _declared(desk: Desk, protocol: str) -> list[tuple[str, int]]:
    found = {
        (str(one.get("name") or ""), int(one["containerPort"])): None
        for workload in backends(desk.target, desk.seen)
        for container in template_containers(dig(workload, "spec", "template") or {}).values()
        for one in items(container, "ports")
        if (one.get("protocol") or "TCP") == protocol and isinstance(one.get("containerPort"), int)
    }
    return list(found)


def probe(desk: Desk) -> Iterator[Wish]:
    """What the probe asked before the last rollout; for a port that is not there, the only one that is."""
    container, kind = str(desk.facts.get("container")), str(desk.facts.get("probe"))
    template = dig(desk.target, "spec", "template") or {}
    now = template_containers(template).get(container, {})
    earlier = desk.earlier
    changed = desk.facts.get("changed") or ()
    if earlier is not None and changed:
        before = dig(container_of(earlier, container), f"{kind}Probe") or {}
        differs = _asked_differently(dig(now, f"{kind}Probe") or {}, before)
        ours = f"/spec/containers/{container}/{kind}Probe/"
        if differs and all(path.startswith(ours) for path in changed):
            why = f"the last rollout changed only this probe; so it was in revision {earlier.number}"
            yield _fixed(desk, (container, kind), differs, why)
        yield from since_rollout(desk)
    elif desk.cause.code == "pod.probe.wrong_port" and len(items(now, "ports")) == 1:
        only = items(now, "ports")[0]
        value = only.get("name") or only.get("containerPort")
        why = f"{value} is the only port that {container} declares"
        yield _fixed(desk, (container, kind), {"port": value}, why)


def _asked_differently(now: JsonObject, before: JsonObject) -> JsonObject:
    """The values of a probe that differ, as they were before; empty when it asks in another way."""
    ways = [next((name for name in _ACTIONS if name in one), "") for one in (now, before)]
    if not ways[0] or ways[0] != ways[1]:
        return {}
    fields = {key: (now.get(key), before.get(key)) for key in _TIMES}
    fields |= {key: (dig(now, ways[0], key), dig(before, ways[0], key)) for key in ("port", "path", "scheme")}
    return {key: old for key, (new, old) in fields.items() if old is not None and old != new}


def _fixed(desk: Desk, which: tuple[str, str], change: JsonObject, why: str) -> Wish:
    container, kind = which
    params = {"container": container, "probe": kind, "change": change}
    return Wish(verb="fix_probe", params=params, why=why, context=Context(seen=desk.seen))


def place(desk: Desk) -> Iterator[Wish]:
    """Where the pods of the revision before were allowed to go; a Job that fills the nodes stands aside."""
    if desk.target.get("kind") == "Job":
        yield from aside(desk)
    earlier = desk.earlier
    if earlier is None or not desk.facts.get("changed"):
        return
    now, before = dig(desk.target, "spec", "template", "spec") or {}, dig(earlier.template, "spec") or {}
    params: JsonObject = {}
    if (now.get("nodeSelector") or {}) != (before.get("nodeSelector") or {}):
        params["node_selector"] = before.get("nodeSelector") or {}
    required = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if (dig(now, *required) or {}) != (dig(before, *required) or {}):
        params["node_affinity"] = dig(before, *required) or {}
    if (now.get("tolerations") or []) != (before.get("tolerations") or []):
        params["tolerations"] = before.get("tolerations") or []
    if params:
        why = f"the last rollout changed where its pods may go; so it was in revision {earlier.number}"
        yield Wish(verb="fix_scheduling", params=params, why=why, context=Context(seen=desk.seen))
    yield from since_rollout(desk)


def restart(desk: Desk) -> Iterator[Wish]:
    """New pods, which read what stands there now; what is only mounted reaches the old ones by itself."""
    if not {"env", "subPath"} & set(desk.facts.get("ways") or ()):
        return
    changed = f"{desk.facts.get('changed_kind')} {desk.facts.get('changed_name')}"
    yield Wish(
        verb="restart_rollout",
        params={"incident": desk.limits.incident, "because": "stale_config"},
        why=f"its pods were started before {changed} was written, and read it only when they start",
        context=Context(seen=desk.seen),
    )


def bounds(desk: Desk) -> Iterator[Wish]:
    """As far up as policy allows; and the least as it was, where the autoscaler cannot tell the load."""
    spec = dig(desk.target, "spec") or {}
    most = spec.get("maxReplicas")
    at_most = desk.cause.code == HpaCode.MAXED_OUT or desk.facts.get("reason") == "TooManyReplicas"
    if not at_most or not isinstance(most, int):
        return
    wanted = min(int(most * desk.limits.limit_factor), _MOST_REPLICAS)
    why = f"{wanted} is the most that policy allows in one step ({desk.limits.limit_factor:g} times {most})"
    params: JsonObject = {"max": wanted}
    had = _had(desk)
    if had and spec.get("minReplicas", 1) < had <= wanted and _blind(desk, desk.cause.object.key):
        params["min"] = had
        why += f"; it cannot read the load now, and {had} pods ran until it took them away, as the events say"
    if wanted > most:
        context = Context(limit_factor=desk.limits.limit_factor, seen=desk.seen)
        yield Wish(verb="hpa_bounds", params=params, why=why, context=context)


def _blind(desk: Desk, key: Key) -> bool:
    return any(one.code == HpaCode.INACTIVE for one in desk.case.by_object.get(key, ()))


def _had(desk: Desk) -> int:
    """How many pods the workload had before the autoscaler last took some away; 0 when nothing tells."""
    kind, name = scaled_by(desk.target)
    if kind != "Deployment" or not name:
        return 0
    workload = ObjectRef(kind=kind, namespace=desk.cause.object.namespace, name=name)
    for event in reversed(desk.case.snapshot.events(workload)):
        if told := _SCALED.search(event.get("message") or ""):
            return int(told.group(1) or told.group(2))
    return 0


def resume_rollout(desk: Desk) -> Iterator[Wish]:
    """On with the rollout, unless a pod of its workload is seen to fail: then going on would spread it."""
    offspring = {ref.key for ref in desk.case.relations.offspring(desk.cause.object)}
    fails = (one for key in offspring for one in desk.case.by_object.get(key, ()))
    if any(one.severity is not Severity.INFO for one in fails):
        return
    why = "it is paused within a rollout, and none of its pods is seen to fail"
    yield Wish(verb="resume_rollout", params={}, why=why, context=Context(seen=desk.seen))


def resume(desk: Desk) -> Iterator[Wish]:
    """On with what is suspended: whoever signs will know whether that was meant."""
    why = f"nothing is wrong with {desk.cause.object} but that it is suspended"
    yield Wish(verb="resume", params={}, why=why, context=Context(seen=desk.seen))
