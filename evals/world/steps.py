"""What happens in a scenario: changes by somebody, written out or in short.

In short an object is `Deployment shop/checkout`, and a step says `set:` (fields by JSON Pointer; null
takes one away), `status:` (the same for its status, as its controller would write it) and `events:`
(what a controller says that nobody plays here).

Short forms are for people who write scenarios; they are unfolded here and nowhere else.
"""

from __future__ import annotations

from pydantic import Field, JsonValue, model_validator

from evals.world.kubernetes.kinds import KINDS
from evals.world.kubernetes.kubelet.images import Strict
from evals.world.kubernetes.objects import JsonObject

_RESOURCES = {kind.kind: kind for kind in KINDS.values()}


class ObjectRef(Strict):
    """An object of the cluster by kind, namespace and name."""

    kind: str
    namespace: str | None = None
    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        kind, _, place = value.partition(" ")
        namespace, slash, name = place.rpartition("/")
        return {"kind": kind, "name": name, **({"namespace": namespace} if slash else {})}

    @model_validator(mode="after")
    def _known(self) -> ObjectRef:
        kind = _RESOURCES.get(self.kind)
        if kind is None:
            raise ValueError(f"unknown kind {self.kind}")
        if kind.namespaced != (self.namespace is not None):
            raise ValueError(f"{self.kind} {'needs a' if kind.namespaced else 'has no'} namespace")
        return self

    @property
    def resource(self) -> str:
        """The plural the store knows it by."""
        return _RESOURCES[self.kind].resource

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


class Patch(Strict):
    """A JSON Patch (RFC 6902) on one object."""

    object: ObjectRef
    operations: tuple[JsonObject, ...] = Field(min_length=1)


class Said(Strict):
    """An event that a component records about an object."""

    about: ObjectRef
    reason: str
    message: str
    by: str = "kubelet"
    normal: bool = False
    count: int = Field(default=1, ge=1)


Fields = dict[str, dict[str, JsonValue]]
"""Object in short → JSON Pointer → value; null removes the field."""


class Step(Strict):
    """One change by one writer. `by` becomes the field manager.

    `after` is how long after the fault's beginning it comes; only steps of a fault may wait.
    """

    say: str
    by: str = "ci-deployer"
    hours_ago: float = Field(default=0.0, ge=0)
    after: float = Field(default=0.0, ge=0)
    create: tuple[JsonObject, ...] = ()
    patch: tuple[Patch, ...] = ()
    set: Fields = Field(default_factory=dict)
    status: Fields = Field(default_factory=dict)
    events: tuple[Said, ...] = ()
    delete: tuple[ObjectRef, ...] = ()

    @model_validator(mode="after")
    def _does_something(self) -> Step:
        if not (self.create or self.patch or self.set or self.status or self.events or self.delete):
            raise ValueError("a step creates, changes, says or deletes something")
        for manifest in self.create:
            if manifest.get("kind") not in _RESOURCES:
                raise ValueError(f"unknown kind {manifest.get('kind')}")
        for short in (*self.set, *self.status):
            ObjectRef.model_validate(short)
        return self


def resource_of(kind: str) -> str:
    """The plural of a known kind."""
    return _RESOURCES[kind].resource
