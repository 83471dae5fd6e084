"""What a policy is asked about: the steps, what each of them touches, the incident and the terms. Values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject, NonEmpty
from tools.redaction import redact

MOST_NAMES = 50
MOST_MARKS = 64
LONGEST_MARK = 128
# Written by every apply and every rollout: they say nothing that a policy could go by.
_NOISE = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "midwatch.dev/applied-plan",
)


class Fact(BaseModel):
    """The base of these values: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(Fact):
    """A PodDisruptionBudget over the pods: how many must be well, and how many more may go now."""

    name: NonEmpty
    need: int = Field(ge=0)
    allowed: int = Field(ge=0)


class Radius(Fact):
    """What one step touches, as the reader saw it when the plan was drawn up.

    Part of the plan's bytes: tier and policy are decided from here, the card shows it. ``replicas``
    and ``requests_per_second`` are None when they are not known. ``gitops`` and ``helm`` name who
    deploys the object. Of labels and annotations there is what ``marks`` leaves.
    """

    labels: dict[str, str] = Field(default_factory=dict, max_length=MOST_MARKS)
    annotations: dict[str, str] = Field(default_factory=dict, max_length=MOST_MARKS)
    namespace_labels: dict[str, str] = Field(default_factory=dict, max_length=MOST_MARKS)
    replicas: int | None = None
    budget: Budget | None = None
    autoscalers: tuple[str, ...] = Field(default=(), max_length=MOST_NAMES)
    services: tuple[str, ...] = Field(default=(), max_length=MOST_NAMES)
    ingresses: tuple[str, ...] = Field(default=(), max_length=MOST_NAMES)
    requests_per_second: float | None = Field(default=None, ge=0)
    gitops: str = ""
    helm: str = ""

    def seen_again(self, live: JsonObject) -> Radius:
        """The same with the labels and annotations that the object has now.

        They change without a new generation, so no precondition of the step notices. Raises
        ValidationError when there are more than can be stated.
        """
        meta = live.get("metadata") or {}
        fresh = {"labels": marks(meta.get("labels")), "annotations": marks(meta.get("annotations"))}
        return Radius.model_validate(self.model_dump() | fresh)


def marks(values: Mapping[str, str] | None) -> dict[str, str]:
    """Labels or annotations as a plan states them: no secrets, nothing long, no noise.

    A long value becomes its digest, so that its key can still be asked for.
    """
    return {
        key: _short(redact(str(value))) for key, value in (values or {}).items() if not key.startswith(_NOISE)
    }


def _short(value: str) -> str:
    if len(value) <= LONGEST_MARK:
        return value
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"


class About(Fact):
    """The incident a plan belongs to. ``labels`` are those that all its alerts share."""

    id: str = ""
    severity: str = ""
    alerts: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)


class Terms(Fact):
    """What a plan may have at most: seconds to sign it, and seconds from there to its start."""

    pending_s: int = Field(default=1800, ge=1)
    claim_within_s: int = Field(default=120, ge=1)


class Question(Fact):
    """One plan, or one that may be drawn up, as a policy judges it.

    ``radius`` has one entry a step, or none: then every rule with a condition refuses.
    """

    steps: tuple[Step, ...] = Field(min_length=1)
    radius: tuple[Radius, ...] = ()
    incident: About = About()
    requester: str = "midwatch"
    undo: bool = False
    terms: Terms = Terms()

    @model_validator(mode="after")
    def _one_radius_a_step(self) -> Question:
        if self.radius and len(self.radius) != len(self.steps):
            raise ValueError("a plan states what it touches for every step or for none")
        return self
