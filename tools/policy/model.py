"""A policy as a value: what may be proposed at all, and rules that narrow it. Its version is its digest."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

import rfc8785
from pydantic import Field, field_validator, model_validator

from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import NonEmpty
from tools.policy.cel import compiled
from tools.policy.facts import Fact
from tools.policy.floor import (
    LONGEST_CLAIM_S,
    LONGEST_PENDING_MINUTES,
    MOST_APPROVALS,
    MOST_FACTOR,
    least_tier,
)

ANY = "*"
DIGEST_PREFIX = b"midwatch-policy-v1\0"
Patterns = Annotated[tuple[NonEmpty, ...], Field(min_length=1)]


class Scope(Fact):
    """Which steps an entry is about: verbs, kinds, namespaces, and a condition if there is one.

    Names are literal; namespaces may hold ``*`` and ``?``. ``*`` alone is everything, objects
    without a namespace included.
    """

    name: NonEmpty
    verbs: Patterns = (ANY,)
    kinds: Patterns = (ANY,)
    namespaces: Patterns = (ANY,)
    when: str = ""

    def about(self, step: Step) -> bool:
        """Whether the step is one of those, the condition left aside."""
        return (
            (ANY in self.verbs or step.verb in self.verbs)
            and (ANY in self.kinds or step.kind in self.kinds)
            and (ANY in self.namespaces or self._place(step.namespace))
        )

    def _place(self, namespace: str) -> bool:
        return bool(namespace) and any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)

    @field_validator("when")
    @classmethod
    def _is_a_condition(cls, value: str) -> str:
        if value:
            compiled(value)
        return value

    @model_validator(mode="after")
    def _is_in_the_catalogue(self) -> Self:
        # A name that nothing matches would be a rule that silently never applies (threat T47).
        for verb in self.verbs:
            if verb != ANY and verb not in CATALOGUE:
                raise ValueError(f"{self.name!r} names the verb {verb}, which is not in the catalogue")
        changed = {kind for verb in CATALOGUE.values() for kind in verb.kinds}
        for kind in self.kinds:
            if kind != ANY and kind not in changed:
                raise ValueError(f"{self.name!r} names the kind {kind}, which no verb changes")
        return self


class Allow(Scope):
    """What may be proposed. What no entry allows is not proposed."""


class Rule(Scope):
    """One narrowing: a refusal with its reason, or more care for what is allowed."""

    deny: str = ""
    tier: int | None = None
    approvals_needed: int | None = None
    pending_minutes: float | None = None
    claim_within_s: int | None = None
    limit_factor: float | None = None

    @model_validator(mode="after")
    def _narrows(self) -> Self:
        if self.tier is not None:
            self._check_tier(self.tier)
        if self.approvals_needed is not None and self.approvals_needed != MOST_APPROVALS:
            raise ValueError(
                f"{self.name!r} sets approvals_needed {self.approvals_needed}: the code asks for at least 1 "
                f"and knows at most {MOST_APPROVALS}, so a rule can only say {MOST_APPROVALS}"
            )
        self._within("pending_minutes", self.pending_minutes, LONGEST_PENDING_MINUTES)
        self._within("claim_within_s", self.claim_within_s, LONGEST_CLAIM_S)
        self._within("limit_factor", self.limit_factor, MOST_FACTOR, least=1)
        careful = self.model_dump(include=set(Rule.model_fields) - set(Scope.model_fields) - {"deny"})
        if not self.deny and all(value is None for value in careful.values()):
            raise ValueError(f"{self.name!r} narrows nothing: say deny, tier, approvals_needed, "
                             "pending_minutes, claim_within_s or limit_factor")  # fmt: skip
        return self

    def _check_tier(self, tier: int) -> None:
        if tier not in (2, 3):
            raise ValueError(f"{self.name!r} sets tier {tier}: a rule can only raise it, to 2 or 3")
        lowered = [verb for verb in self.verbs if verb != ANY and least_tier(verb) > tier]
        if lowered:
            raise ValueError(
                f"{self.name!r} sets tier {tier}, but the code asks tier {least_tier(lowered[0])} of "
                f"{lowered[0]}: a rule can only raise it"
            )

    def _within(self, what: str, value: float | None, most: float, least: float = 0) -> None:
        if value is not None and not least < value <= most:
            raise ValueError(f"{self.name!r} sets {what} {value:g}: it must be above {least:g} and at most "
                             f"{most:g}, the most that the code allows")  # fmt: skip


class Policy(Fact):
    """One installation's policy."""

    version: Literal[1]
    critical_labels: tuple[Annotated[str, Field(pattern=r"^[^=\s]+=[^=\s]*$")], ...] = ()
    """``key=value`` labels that ask for tier 2, beside ``midwatch.dev/critical=true``."""
    allow: tuple[Allow, ...] = ()
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [entry.name for entry in (*self.allow, *self.rules)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two entries are named {twice!r}: a refusal must name one rule")
        return self

    @property
    def critical(self) -> tuple[tuple[str, str], ...]:
        """The critical labels as pairs."""
        return tuple((key, value) for key, _, value in (one.partition("=") for one in self.critical_labels))

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical form, in hex: the ``policy_version`` of the plans it let through."""
        return hashlib.sha256(DIGEST_PREFIX + rfc8785.dumps(self.model_dump(mode="json"))).hexdigest()
