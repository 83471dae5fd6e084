"""One step of a plan: a verb on one object, from stated values to absolute values."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tools.kubernetes.objects import JsonObject, NonEmpty, ObjectRef

Pointer = str
"""An RFC 6901 JSON pointer into the object, such as ``/spec/replicas``."""


class Step(BaseModel):
    """What is changed, on which object, and what must be true of it when it is changed.

    ``expect`` holds the generation and every field shown to the approver, by JSON pointer;
    ``set`` the absolute new values. Nothing in a step is relative ("+2", "previous"). In both,
    null means that nothing is there, and the pointer "" is the whole object: an eviction sets
    "" to null, and an object that is created expects "" to be null.
    ``namespace`` is empty for cluster-scoped kinds, ``uid`` for an object that is not there yet.
    Source: approval-bound execution protocol, records; RFC 6901.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verb: NonEmpty
    api_version: NonEmpty
    kind: NonEmpty
    namespace: str = ""
    name: NonEmpty
    uid: str = ""
    expect: JsonObject = Field(min_length=1)
    set: JsonObject = Field(min_length=1)
    annotated: bool = True
    """Whether the target has an annotations map; if not, our mark brings a whole one, and
    ``expect`` holds the resourceVersion so that nobody else's can be lost."""

    about: dict[str, str] = Field(default_factory=dict)
    """Facts of the draft that no field of the object holds and that the sentence needs, such as
    the number of the revision that is put back. Part of what is signed; never sent."""

    @model_validator(mode="after")
    def _pointers_are_pointers(self) -> Step:
        for pointer in (*self.expect, *self.set):
            if pointer and not pointer.startswith("/"):
                raise ValueError(f"not a JSON pointer: {pointer!r}")
        if not self.annotated and "/metadata/resourceVersion" not in self.expect:
            raise ValueError("a target without annotations is pinned by its resourceVersion")
        if bool(self.uid) is self.creates:
            raise ValueError("an object has a uid unless the step is what creates it")
        return self

    @property
    def creates(self) -> bool:
        """Whether nothing may be there when this is done."""
        return "" in self.expect and self.expect[""] is None

    @property
    def target(self) -> ObjectRef:
        """The object this step changes."""
        return ObjectRef(kind=self.kind, namespace=self.namespace, name=self.name, uid=self.uid)
