"""A policy's own tests: plans as cases in YAML, each with the verdict that is expected of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import RESOURCES
from tools.kubernetes.objects import JsonObject, NonEmpty
from tools.policy.engine import Judgement, judge
from tools.policy.facts import About, Fact, Question, Radius, Terms
from tools.policy.load import content, parsed, read_policy
from tools.policy.model import Policy


class CaseStep(Fact):
    """The part of a step that a policy can go by; the rest is filled in."""

    verb: NonEmpty
    kind: NonEmpty
    namespace: str = ""
    name: NonEmpty = "web"
    api_version: str = ""
    set: JsonObject = Field(min_length=1)
    expect: JsonObject = Field(default_factory=lambda: {"/metadata/generation": 1}, min_length=1)

    def step(self) -> Step:
        """The step as a plan would hold it."""
        version = self.api_version or RESOURCES.get(self.kind, ("v1", ""))[0]
        # What is created has no uid yet.
        uid = "" if self.expect.get("", 0) is None else "0"
        return Step.model_validate(self.model_dump() | {"api_version": version, "uid": uid})

    @model_validator(mode="after")
    def _is_a_step(self) -> CaseStep:
        # Asked when the file is read: a case that is no step is a sentence about the file.
        self.step()
        return self


class Wanted(Fact):
    """What a case expects; what is left out is not looked at. ``by`` is the name of the rule that refuses."""

    verdict: Literal["allow", "deny"]
    by: str = ""
    tier: int | None = None
    approvals_needed: int | None = None
    pending_s: int | None = None
    claim_within_s: int | None = None


class Case(Fact):
    """One plan and what is expected of it. ``touches`` is what its steps touch, the same for each."""

    name: NonEmpty
    steps: tuple[CaseStep, ...] = Field(min_length=1)
    touches: Radius = Radius()
    incident: About = About()
    requester: str = "midwatch"
    undo: bool = False
    terms: Terms = Terms()
    expect: Wanted

    def question(self) -> Question:
        """The question that this plan is to a policy."""
        return Question(
            steps=tuple(step.step() for step in self.steps),
            radius=(self.touches,) * len(self.steps),
            incident=self.incident,
            requester=self.requester,
            undo=self.undo,
            terms=self.terms,
        )


class Cases(Fact):
    """A file of cases; ``policy`` is the file they are for, beside this one."""

    policy: NonEmpty
    cases: tuple[Case, ...] = Field(min_length=1)


class Result(Fact):
    """One case and, in words, where the verdict differs; no words: it is as expected."""

    name: str
    differs: tuple[str, ...]


def run(path: Path) -> tuple[Policy, tuple[Result, ...]]:
    """Every case of a file against its policy. Raises PolicyError."""
    wanted = parsed(Cases, content(path), str(path))
    policy = read_policy(path.parent / wanted.policy)
    return policy, tuple(
        Result(name=case.name, differs=tuple(_differs(case.expect, judge(policy, case.question()))))
        for case in wanted.cases
    )


def _differs(wanted: Wanted, judged: Judgement) -> Iterator[str]:
    verdict = "allow" if judged.allowed else "deny"
    if wanted.verdict != verdict:
        yield f"expected {wanted.verdict}, got {verdict}" + (
            f": {judged.objection}" if judged.objection else ""
        )
    elif wanted.by and repr(wanted.by) not in judged.objection:
        yield f"expected {wanted.by!r} to refuse it, got: {judged.objection or 'allowed'}"
    for name in ("tier", "approvals_needed", "pending_s", "claim_within_s"):
        expected, got = getattr(wanted, name), getattr(judged, name)
        if expected is not None and expected != got:
            yield f"expected {name} {expected}, got {got}"
