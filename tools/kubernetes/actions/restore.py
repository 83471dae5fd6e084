"""Create a Service or ConfigMap again that disappeared, from the last state that was seen of it."""

from __future__ import annotations

import copy

import orjson
import rfc8785

from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused, Rule
from tools.kubernetes.actions.whole import WHOLE, WholeVerb
from tools.kubernetes.actions.wire import MARK, MARK_POINTER, QUERY, RESOURCES, list_path
from tools.kubernetes.cleaning import LAST_APPLIED
from tools.kubernetes.client import Request
from tools.kubernetes.objects import JsonObject, ref_of
from tools.kubernetes.pointers import read, same
from tools.redaction import redact

MOST_BYTES = 64 * 1024
"""What a person can be asked to read."""

_CONTENT = {"Service": ("spec",), "ConfigMap": ("data", "binaryData", "immutable")}
_HEAD = ("name", "namespace", "labels", "annotations")
# Given by the server: another may have the address by now, and the server chooses a free one.
_GIVEN = ("clusterIP", "clusterIPs", "healthCheckNodePort")


class Restore(WholeVerb):
    """Parameters: none; the object that is given is the last state seen, and what is created."""

    name = "restore"
    kinds = ("Service", "ConfigMap")
    tier = 3
    optional = True
    risks = "Somebody may have deleted it on purpose; a Service comes back with another cluster address."
    when_not = "A controller or Git makes the object, its values were never read, or it holds a secret."
    verify = ("object_there",)
    reversible = False
    undo = "Cannot be undone: Midwatch deletes nothing."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses what a controller makes, what was read without its values, and what looks like a secret."""
        del params, context
        ref = ref_of(target)
        if ref.kind not in self.kinds:
            return Refused(reason=f"{self.name} does not create a {ref.kind}")
        if target["metadata"].get("ownerReferences"):
            return Refused(reason=f"{ref} has an owner, which makes it again")
        if target.get("keys"):
            return Refused(reason=f"the values of {ref} were never read, so they cannot be written again")
        step = Step(
            verb=self.name,
            api_version=RESOURCES[ref.kind][0],
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            expect={WHOLE: None},
            set={WHOLE: _bare(target)},
            about={"last_uid": ref.uid},
        )
        return self.check(step) or step

    def bounds(self, step: Step) -> Refused | None:
        """Name, labels, annotations and content of the step's own object; no status, owner or secret."""
        obj = step.set[WHOLE]
        if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
            return Refused(reason="an object has metadata")
        named = (obj.get("apiVersion"), obj.get("kind"), *(obj["metadata"].get(key) for key in _HEAD[:2]))
        if named != (step.api_version, step.kind, step.name, step.namespace):
            return Refused(reason="the object that is created is not the one that is named")
        allowed = {"apiVersion", "kind", "metadata", *_CONTENT[step.kind]}
        if not obj.keys() <= allowed or not obj["metadata"].keys() <= set(_HEAD):
            return Refused(reason="only name, labels, annotations and content are written again")
        written = orjson.dumps(obj).decode()
        if len(written) > MOST_BYTES:
            return Refused(reason=f"{step.target} is larger than {MOST_BYTES} bytes")
        if redact(written) != written:
            return Refused(
                reason=f"{step.target} holds what looks like a secret, which Midwatch does not write"
            )
        return None

    def sentence(self, step: Step) -> str:
        """Names the object."""
        return f"Create {step.target} again as it was last seen; this cannot be undone"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Reading and creating these kinds: the only right to create, and a role of its own."""
        return tuple(
            Rule(group="", resource=RESOURCES[kind][1], verbs=("get", "create")) for kind in self.kinds
        )

    def request(self, step: Step, plan_id: str) -> Request:
        """A create, which the server refuses when the name is taken."""
        obj = copy.deepcopy(step.set[WHOLE])
        annotations = obj["metadata"].get("annotations") or {}
        obj["metadata"]["annotations"] = {**annotations, MARK: plan_id}
        return Request(method="POST", path=list_path(step), query=QUERY, body=rfc8785.dumps(obj))

    def after(self, step: Step, answer: JsonObject) -> JsonObject | None:
        """What would be created, without addresses and ports, which each rehearsal draws anew."""
        drawn = copy.deepcopy(answer)
        spec = drawn.get("spec") or {}
        for name in _GIVEN:
            if read(step.set[WHOLE], f"/spec/{name}") != spec.get(name):
                spec.pop(name, None)
        for index, port in enumerate(spec.get("ports") or []):
            if read(step.set[WHOLE], f"/spec/ports/{index}/nodePort") != port.get("nodePort"):
                port.pop("nodePort", None)
        return drawn

    def is_applied(self, step: Step, plan_id: str, live: JsonObject | None) -> bool:
        """Whether an object of that name carries this plan's mark."""
        del step
        return same(read(live, MARK_POINTER), plan_id)

    def inverse(self, step: Step, live: JsonObject) -> Step | Refused:
        """Refuses: there is none."""
        del live
        return Refused(reason=f"{step.target} was created again; Midwatch deletes nothing")


def _bare(target: JsonObject) -> JsonObject:
    """The object as somebody would write it down: nothing that the server or another tool adds."""
    meta = {key: target["metadata"][key] for key in _HEAD if target["metadata"].get(key)}
    kept = {key: value for key, value in (meta.pop("annotations", None) or {}).items()
            if key not in (LAST_APPLIED, MARK)}  # fmt: skip
    if kept:
        meta["annotations"] = kept
    kind = target["kind"]
    content = {key: copy.deepcopy(target[key]) for key in _CONTENT[kind] if key in target}
    spec = content.get("spec") or {}
    for name in _GIVEN:
        if spec.get(name) not in ("None", ["None"]):
            spec.pop(name, None)
    return {"apiVersion": RESOURCES[kind][0], "kind": kind, "metadata": meta, **content}
