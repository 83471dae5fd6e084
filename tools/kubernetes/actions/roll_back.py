"""Put back the pod template of one pinned earlier revision."""

from __future__ import annotations

import copy
import re
from typing import Any

from tools.kubernetes.actions.containers import TEMPLATE, WORKLOADS, names_of
from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.fix_probe import FixProbe
from tools.kubernetes.actions.fix_scheduling import FixScheduling
from tools.kubernetes.actions.set_env_reference import SetEnvReference
from tools.kubernetes.actions.set_image import SetImage
from tools.kubernetes.actions.set_resources import SetResources
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.templates import OutOfReach, changes_between
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.history import REVISION
from tools.kubernetes.objects import JsonObject
from tools.kubernetes.pointers import escape

_PRESENT = f"/metadata/annotations/{escape(REVISION)}"
_HASH = "pod-template-hash"
_WHOLE = "Deployment"
"""Of this kind the wall lets all of a template be written; of the others what other verbs write as well."""
_ELSEWHERE = tuple(
    field
    for verb in (SetImage, SetResources, SetEnvReference, FixProbe, FixScheduling)
    for field in verb.fields
)
_NARROW = re.compile(f"(?:{pattern(*_ELSEWHERE).pattern})(?:/.+)?")


class RollBack(Verb):
    """Parameters: ``template`` (of a ReplicaSet or ControllerRevision) and ``revision`` (its number)."""

    name = "roll_back"
    kinds = WORKLOADS
    tier = 1
    fields = (f"{TEMPLATE}/**",)
    sets = pattern(*fields)
    adds = True
    risks = (
        "Everything that changed in the template since goes back, not only what broke. A StatefulSet that "
        "makes its pods in order does not replace one that is not ready: that one may have to be evicted."
    )
    when_not = "A GitOps controller owns the object and would revert it."
    verify = ("rollout_complete",)
    undo = "The template that was rolled out before, with everything that was wrong in it."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses labels this workload does not select, a way that leads through env values, and, but in a
        Deployment, fields that no other verb writes.
        """
        del context
        template = copy.deepcopy(params["template"])
        labels = (template.get("metadata") or {}).get("labels") or {}
        # A ReplicaSet added this label; a Deployment that carried it would adopt nothing.
        labels.pop(_HASH, None)
        wanted = target["spec"]["selector"].get("matchLabels") or {}
        if not wanted.items() <= labels.items():
            return Refused(reason="the earlier template carries labels that this workload does not select")
        narrow = target["kind"] != _WHOLE
        try:
            changes = changes_between(target["spec"]["template"], template, narrow=narrow)
        except OutOfReach as problem:
            return Refused(reason=f"{problem} has other env values, which Midwatch does not read or write")
        if not changes:
            return Refused(reason=f"the template already is that of revision {params['revision']}")
        step = step_for(self, target, changes, {"revision": str(params["revision"])})
        against = self.bounds(step) if isinstance(step, Step) else None
        return against or step

    def fields_on(self, kind: str) -> tuple[str, ...]:
        """All of a Deployment's template; of another only what the wall lets the other verbs write."""
        return self.fields if kind == _WHOLE else _ELSEWHERE

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The present revision's number, where it stands there, and the names of the changed containers."""
        del target
        return (_PRESENT, *names_of(changes))

    def undoing(self, step: Step) -> dict[str, str]:
        """The undo goes to the revision that was present."""
        return {"revision": str(step.expect.get(_PRESENT, ""))}

    def tier_of(self, step: Step) -> int:
        """2 when it goes back over more than one revision, or when that cannot be told: of a StatefulSet or
        DaemonSet it never can, and their pods hold data or stand on every node.
        """
        present, wanted = str(step.expect.get(_PRESENT, "")), step.about.get("revision", "")
        near = present.isdecimal() and wanted.isdecimal() and abs(int(present) - int(wanted)) <= 1
        return self.tier if near else self.tier + 1

    def bounds(self, step: Step) -> Refused | None:
        """A whole template has containers and no ReplicaSet's label; env values are never among it; of a
        StatefulSet or DaemonSet only fields that another verb may set go back.
        """
        wide = [pointer for pointer in step.set if step.kind != _WHOLE and not _NARROW.fullmatch(pointer)]
        if wide:
            return Refused(reason=f"of a {step.kind} Midwatch does not write {wide[0]}")
        if any(re.search(r"/env/\d+/value$", pointer) for pointer in step.set):
            return Refused(reason="roll_back never writes an env value by itself")
        template = step.set.get(TEMPLATE)
        if template is None:
            return None
        if not isinstance(template, dict) or not _dig(template, "spec", "containers"):
            return Refused(reason="a pod template has containers")
        if _HASH in (_dig(template, "metadata", "labels") or {}):
            return Refused(reason=f"a workload's template carries no {_HASH}")
        return None

    def sentence(self, step: Step) -> str:
        """Names the target, both revisions and what goes back."""
        number, present = step.about.get("revision"), step.expect.get(_PRESENT)
        earlier = f"revision {number}" if number else "its earlier template"
        # An undo goes to the number that stood there, before the cluster gave the template a new one.
        since = f" from revision {present}" if present and present != number else ""
        return f"Roll {step.target} back{since} to {earlier} ({_what(step)})"


def _what(step: Step) -> str:
    template = step.set.get(TEMPLATE)
    if template is not None:
        return ", ".join(str(each.get("image")) for each in template["spec"]["containers"])
    parts = (
        f"{value}" if pointer.endswith("/image") else pointer.removeprefix(f"{TEMPLATE}/")
        for pointer, value in step.set.items()
    )
    return ", ".join(parts)


def _dig(obj: JsonObject, first: str, second: str) -> Any:
    inner = obj.get(first)
    return inner.get(second) if isinstance(inner, dict) else None
