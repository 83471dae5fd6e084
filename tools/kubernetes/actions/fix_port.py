"""Send a port of a Service to a port that the pods behind it have."""

from __future__ import annotations

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.ports import (
    backends,
    declared,
    is_number,
    is_port_name,
    ready_behind,
)
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject, ref_of


class FixPort(Verb):
    """Parameters: ``port``, the number clients use now; ``target``, the name or number of a container's
    port that it shall lead to; or ``number``, the port that clients shall use; or both.
    """

    name = "fix_port"
    kinds = ("Service",)
    tier = 1
    fields = ("/spec/ports/[]/{targetPort,port}",)
    sets = pattern(*fields)
    risks = "Traffic goes to the other port at once; a changed number breaks clients that use the old one."
    when_not = "No workload behind the Service declares the port, or the pods are simply not ready."
    verify = ("endpoints_ready",)
    undo = "The port that stood there before, so traffic stops again if nobody listened there."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses a target that no container behind the Service declares, and a number that is taken."""
        ports = target["spec"].get("ports") or []
        index = next((n for n, each in enumerate(ports) if each["port"] == params["port"]), None)
        if index is None:
            return Refused(reason=f"the Service has no port {params['port']}")
        wanted = {"targetPort": params.get("target"), "port": params.get("number")}
        changes = {f"/spec/ports/{index}/{key}": value for key, value in wanted.items() if value is not None}
        if not changes:
            return Refused(reason="neither another target nor another number was asked for")
        others = [each["port"] for n, each in enumerate(ports) if n != index]
        if wanted["port"] in others:
            return Refused(reason=f"the Service already has a port {wanted['port']}")
        now = ports[index]
        after = {**now, **{key: value for key, value in wanted.items() if value is not None}}
        meant = [each for each in backends(target, context.seen) if declared(each, after)]
        if not meant:
            return Refused(reason=f"no workload behind the Service declares port {after['targetPort']}")
        about = {
            "workload": ", ".join(str(ref_of(each)) for each in meant),
            "before": str(ready_behind(target, now, context.seen)),
            "after": str(ready_behind(target, after, context.seen)),
        }
        return step_for(self, target, changes, about)

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The whole port, and the selector: both decide where traffic goes."""
        del target
        parents = dict.fromkeys(pointer.rpartition("/")[0] for pointer in changes)
        fields = ("name", "port", "targetPort", "protocol")
        return (*(f"{parent}/{field}" for parent in parents for field in fields), "/spec/selector")

    def undoing(self, step: Step) -> dict[str, str]:
        """The same pods, the other way round."""
        return {**step.about, "before": step.about.get("after", ""), "after": step.about.get("before", "")}

    def bounds(self, step: Step) -> Refused | None:
        """One port of the Service: a number from 1 to 65535, or for the target a port's name."""
        if len({pointer.rpartition("/")[0] for pointer in step.set}) != 1:
            return Refused(reason="fix_port changes one port")
        for pointer, value in step.set.items():
            named = pointer.endswith("/targetPort") and is_port_name(value)
            if not (named or is_number(value)):
                return Refused(reason=f"{value!r} is no port")
        return None

    def sentence(self, step: Step) -> str:
        """Names the port before and after, and how many ready pods it leads to."""
        parent = next(iter(step.set)).rpartition("/")[0]
        port, target = f"{parent}/port", f"{parent}/targetPort"
        now, then, said = step.expect, step.expect | step.set, step.about
        head = f"Send port {now.get(port)} of {step.target}"
        if port in step.set:
            head = f"Offer port {then[port]} of {step.target} instead of port {now[port]} and send it"
        behind = f" of the pods of {said['workload']}" if said else ""
        instead = f" instead of port {now[target]}" if target in step.set else ""
        reach = f"; ready pods it leads to: {said['before']} now, {said['after']} then" if said else ""
        return f"{head} to port {then.get(target)}{behind}{instead}{reach}"
