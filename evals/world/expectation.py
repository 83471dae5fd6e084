"""What the right answers of a scenario are: causes, changes, and what the cluster must look like in the end.

Written by whoever wrote the fault, before anybody looked at what the product says.
"""

from __future__ import annotations

from pydantic import Field, JsonValue, model_validator

from evals.world.kubernetes.kubelet.images import Strict
from evals.world.steps import ObjectRef


class AcceptedCause(Strict):
    """A cause that counts as right: the code and the object it is about.

    In short `a.code|another.code Deployment shop/checkout`: what several names fit is right by any.
    """

    code: str
    object: ObjectRef

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: JsonValue) -> JsonValue:
        return _two_words(value, "code")

    @property
    def codes(self) -> tuple[str, ...]:
        """Every name that fits."""
        return tuple(self.code.split("|"))


class ExpectedAction(Strict):
    """A verb on an object (in short `scale Deployment shop/catalog`), to be proposed or never to be."""

    verb: str
    object: ObjectRef | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: JsonValue) -> JsonValue:
        return _two_words(value, "verb")


def _two_words(value: JsonValue, first: str) -> JsonValue:
    if not isinstance(value, str):
        return value
    word, _, rest = value.partition(" ")
    return {first: word, **({"object": rest} if rest else {})}


class Condition(Strict):
    """A demand on one field of one object, by JSON Pointer (RFC 6901). Exactly one test is given."""

    object: ObjectRef
    pointer: str
    equals: JsonValue = None
    one_of: tuple[JsonValue, ...] = ()
    at_least: str | int | None = None
    absent: bool = False
    present: bool = False

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        given = [self.equals is not None, bool(self.one_of), self.at_least is not None]
        if sum((*given, self.absent, self.present)) != 1:
            raise ValueError("a condition has exactly one of equals, one_of, at_least, absent, present")
        return self


class ReadyWorkload(Strict):
    """A Deployment whose current template has at least this many ready pods and no other pods remain."""

    deployment: str
    namespace: str
    pods: int = Field(ge=1)


class ReadyService(Strict):
    """A Service with at least this many ready endpoints."""

    service: str
    namespace: str
    endpoints: int = Field(ge=1)


class Oracle(Strict):
    """When the cluster counts as mended: all of `conditions`, one whole list of `any_of`, and everything
    else.

    `unchanged` names objects whose spec must still be what it was before the fault; `nothing_changed` says
    it of every watched kind after the fault was applied.
    """

    conditions: tuple[Condition, ...] = ()
    any_of: tuple[tuple[Condition, ...], ...] = ()
    workloads: tuple[ReadyWorkload, ...] = ()
    services: tuple[ReadyService, ...] = ()
    unchanged: tuple[ObjectRef, ...] = ()
    nothing_changed: bool = False


class Expectation(Strict):
    """The right answers. No accepted action means that nothing may be proposed."""

    causes: tuple[AcceptedCause, ...] = ()
    actions: tuple[ExpectedAction, ...] = ()
    forbidden: tuple[ExpectedAction, ...] = ()
    oracle: Oracle = Oracle()
