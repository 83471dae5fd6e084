"""What was seen in one run of one scenario: facts for the scorers, kept as one line of JSON.

Facts and no judgement: a scorer that was mended can be applied to runs of last week.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """The base: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Believed(Fact):
    """A cause as it was told; ``signs`` are the codes of the findings it rests on."""

    code: str
    object: str
    confidence: str = ""
    signs: tuple[str, ...] = ()
    sentence: str = ""


class Proposed(Fact):
    """A plan's step, and what became of the plan."""

    verb: str
    object: str
    values: str
    state: str
    reason: str = ""
    undo: bool = False


class Effect(Fact):
    """A change that was really made over the API."""

    verb: str
    object: str


class Costs(Fact):
    """What the run cost: looks at the world, the model's tokens, processor and wall seconds here."""

    looks: int = 0
    model_calls: int = 0
    tokens: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


class Before(Fact):
    """What the first time came to, in a run that is about the second."""

    looks: int
    plans: tuple[Proposed, ...] = ()
    recovery: str = ""


class Run(Fact):
    """One run. Times are seconds of the world after the fault; None: it never came to that."""

    scenario: str
    variant: str
    model: str = ""
    version: str
    fired_s: float | None = None
    told_s: float | None = None
    mended_s: float | None = None
    cause: Believed | None = None
    others: tuple[Believed, ...] = ()
    plans: tuple[Proposed, ...] = ()
    effects: tuple[Effect, ...] = ()
    claims: int = 0
    dropped_claims: int = 0
    unsupported: tuple[str, ...] = ()
    no_plan_because: str = ""
    phase: str = ""
    recovery: str = ""
    unmet: tuple[str, ...] = ()
    costs: Costs = Costs()
    before: Before | None = None
    problem: str = ""
    """Why the run could not be made at all."""

    @property
    def key(self) -> str:
        """What it is a run of: the same key with the same version need not be run again."""
        return "\t".join((self.scenario, self.variant, self.model, self.version))
