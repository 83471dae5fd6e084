"""Make a probe ask where the container answers, and give it the time that the container needs."""

from __future__ import annotations

import re

from tools.kubernetes.actions.containers import CONTAINER, CONTAINERS, WORKLOADS, find, name_in, names_of
from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.ports import is_number, is_port_name, of_container
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, stated, step_for
from tools.kubernetes.objects import JsonObject

MOST_SECONDS = {
    "initialDelaySeconds": 600,
    "periodSeconds": 300,
    "timeoutSeconds": 60,
    "failureThreshold": 60,
}
"""The most that each of these may be set to; the last is a count."""
_LEAST = {"initialDelaySeconds": 0, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1}
_UNSAID = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
_ACTIONS = ("httpGet", "tcpSocket", "grpc")
_SET = ("httpGet/port", "httpGet/path", "httpGet/scheme", "tcpSocket/port", "grpc/port", *MOST_SECONDS)
_PATH = re.compile(r"/[!-~]{0,199}")
_PROBE = rf"{CONTAINER}/(?:readiness|liveness|startup)Probe"


class FixProbe(Verb):
    """Parameters: ``container``, ``probe`` (``readiness``, ``liveness`` or ``startup``) and ``change``: new
    values of ``port``, ``path``, ``scheme``, ``initialDelaySeconds``, ``periodSeconds``, ``timeoutSeconds``
    or ``failureThreshold``.
    """

    name = "fix_probe"
    kinds = WORKLOADS
    tier = 1
    fields = (f"{CONTAINERS}/{{readiness,liveness,startup}}Probe/{{{','.join(_SET)}}}",)
    sets = pattern(*fields)
    adds = True
    risks = "Pods are replaced; a probe that is too patient hides a process that hangs for longer."
    when_not = "The process is what is broken: then the probe says so rightly and must stay as it is."
    verify = ("rollout_complete", "probes_pass")
    undo = "The port, path, scheme and times that stood there before."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a port the container does not declare, a probe that is not there, and less patience."""
        del context
        found = find(target, params["container"])
        field = f"{params['probe']}Probe"
        if found is None or not found[1].get(field):
            return Refused(reason=f"{params['container']} has no {params['probe']} probe to fix")
        pointer, container = found
        probe = container[field]
        action = next((name for name in _ACTIONS if name in probe), "")
        changes: Changes = {}
        for key, value in params["change"].items():
            if value == _present(probe, key):
                continue
            place = key if key in MOST_SECONDS else f"{action}/{key}"
            against = _less_patient(probe, key, value) if key in MOST_SECONDS else None
            if key == "port" and not of_container(container, value):
                against = Refused(reason=f"{params['container']} declares no port {value}")
            at = f"{pointer}/{field}/{place}"
            if against is None and not self.sets.fullmatch(at):
                against = Refused(reason=f"this {params['probe']} probe has no {key}")
            if against is not None:
                return against
            changes[at] = value
        return step_for(self, target, changes) if changes else Refused(reason="the probe already is so")

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The container's name, where the probe asks, and its other times."""
        probe = _probe_at(next(iter(changes)))
        fields = [*MOST_SECONDS, *(f"{action}/port" for action in _ACTIONS), "httpGet/path", "httpGet/scheme"]
        there = [f"{probe}/{field}" for field in fields]
        del target
        return (*names_of(changes), *there)

    def bounds(self, step: Step) -> Refused | None:
        """One probe; ports, paths, schemes and times within limits, and at most 20 minutes until it fails."""
        probes = {_probe_at(pointer) for pointer in step.set}
        if len(probes) != 1:
            return Refused(reason="fix_probe changes one probe")
        for pointer, value in step.set.items():
            field = pointer.rpartition("/")[2]
            if not _fits(field, value):
                return Refused(reason=f"{value!r} is no {field} that a probe may be given")
        after = {**step.expect, **step.set}
        (probe,) = probes
        waits = {key: after.get(f"{probe}/{key}") or _UNSAID[key] for key in MOST_SECONDS}
        patience = waits["initialDelaySeconds"] + waits["periodSeconds"] * waits["failureThreshold"]
        if patience > _LONGEST_S:
            return Refused(reason=f"a probe that fails only after {patience} s says nothing")
        return None

    def sentence(self, step: Step) -> str:
        """Names the container, the probe, and every value before and after."""
        pointer = next(iter(step.set))
        probe = _probe_at(pointer).rpartition("/")[2].removesuffix("Probe")
        words = (
            f"{at.rpartition('/')[2]} from {stated(step.expect[at])} to {stated(value)}"
            for at, value in step.set.items()
        )
        container = name_in(step.expect, pointer)
        return f"Change the {probe} probe of {container} in {step.target}: {', '.join(words)}"


_LONGEST_S = 1200


def _probe_at(pointer: Pointer) -> Pointer:
    match = re.match(_PROBE, pointer)
    return match.group() if match else ""


def _present(probe: JsonObject, key: str) -> object:
    """What the probe does now; a time that is not stated has its default."""
    action: JsonObject = next((probe[name] for name in _ACTIONS if name in probe), {})
    return probe.get(key, _UNSAID[key]) if key in MOST_SECONDS else action.get(key)


def _less_patient(probe: JsonObject, key: str, value: object) -> Refused | None:
    present = _present(probe, key)
    if not _fits(key, value):
        return Refused(reason=f"{value!r} is no {key} that a probe may be given")
    if isinstance(value, int) and isinstance(present, int) and value < present:
        return Refused(reason=f"a {key} of {value} is less patient than the present {present}")
    return None


def _fits(field: str, value: object) -> bool:
    if field in MOST_SECONDS:
        # Null puts back a time that was not stated, as an API server leaves it out.
        whole = isinstance(value, int) and not isinstance(value, bool)
        return value is None or (whole and _LEAST[field] <= int(str(value)) <= MOST_SECONDS[field])
    if field == "port":
        return is_number(value) or is_port_name(value)
    if field == "path":
        return isinstance(value, str) and _PATH.fullmatch(value) is not None
    return value in ("HTTP", "HTTPS")
