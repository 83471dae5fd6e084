"""Who may sign what: a file of people by ``(team_id, user_id)``, tiers and namespaces.

Read afresh at every use, at the click and again at the claim. Anything wrong with the file
means nobody: an empty list, a missing file and a typo all refuse (property P5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, field_validator

from agents.incident import Approver, Incident, Plan, Value
from agents.ledger.signing import raw_of
from tools.kubernetes.objects import NonEmpty

ANY = "*"


class RosterError(ValueError):
    """The roster cannot be read; until it can, nobody may sign."""


class Entry(Value):
    """One account and what its owner may sign. ``name`` is for people and decides nothing.

    Accounts with the same ``person`` belong to one human, who counts once and signs no request made
    through any of them. An entry with no ``tiers`` only says whose account it is. With ``key``, the public
    half of a key of their own, they can sign by ``midwatch decide`` as well.
    """

    user_id: NonEmpty
    team_id: NonEmpty
    name: str = ""
    person: str = ""
    tiers: frozenset[Annotated[int, Field(ge=1, le=3)]] = frozenset({1})
    namespaces: frozenset[NonEmpty] = frozenset()
    key: str = ""

    @field_validator("key")
    @classmethod
    def _a_key(cls, value: str) -> str:
        if value:
            raw_of(value)
        return value

    @property
    def human(self) -> str:
        """Whose account this is."""
        return self.person or f"{self.team_id}/{self.user_id}"

    def covers(self, plan: Plan) -> bool:
        """Whether the tier and every namespace of the plan are this person's."""
        places = {step.namespace for step in plan.steps}
        return plan.tier in self.tiers and (ANY in self.namespaces or places <= self.namespaces)


class Route(Value):
    """Where the cards of some incidents go: those whose alerts all have these labels."""

    channel: NonEmpty
    labels: dict[str, str] = Field(min_length=1)

    def takes(self, incident: Incident) -> bool:
        """Whether every alert of the incident has every one of the labels."""
        wanted = self.labels.items()
        # An incident without alerts belongs nowhere special.
        return bool(incident.alerts) and all(wanted <= alert.labels.items() for alert in incident.alerts)


class Roster(Value):
    """Everybody who may sign anything, and where they are asked. ``channels`` decides no right."""

    approvers: tuple[Entry, ...] = ()
    channels: tuple[Route, ...] = ()

    @field_validator("approvers")
    @classmethod
    def _each_person_once(cls, value: tuple[Entry, ...]) -> tuple[Entry, ...]:
        people = [(entry.team_id, entry.user_id) for entry in value]
        if len(people) != len(set(people)):
            raise ValueError("somebody is listed twice")
        owners = {(entry.key, entry.human) for entry in value if entry.key}
        # Whoever holds the one private half could sign as two people.
        if len({key for key, _ in owners}) != len(owners):
            raise ValueError("two people have the same key")
        return value

    def may(self, person: Approver, plan: Plan) -> bool:
        """Whether this person may sign this plan."""
        return any(
            entry.covers(plan)
            for entry in self.approvers
            if (entry.team_id, entry.user_id) == (person.team_id, person.user_id)
        )

    def human(self, person: Approver) -> str:
        """Whose account this is, as far as the roster knows."""
        key = (person.team_id, person.user_id)
        known = (entry.human for entry in self.approvers if (entry.team_id, entry.user_id) == key)
        return next(known, f"{person.team_id}/{person.user_id}")

    def asked(self, person: Approver, plan: Plan) -> bool:
        """Whether this person asked for the plan, through this account or another one (P6)."""
        accounts = {entry.user_id for entry in self.approvers if entry.human == self.human(person)}
        return plan.requester in accounts | {person.user_id}

    def key_of(self, person: Approver) -> str:
        """The public key of this person's own, or nothing."""
        of = (
            entry
            for entry in self.approvers
            if (entry.team_id, entry.user_id) == (person.team_id, person.user_id)
        )
        return next((entry.key for entry in of), "")

    def signed_by_key(self, plan: Plan) -> bool:
        """Whether somebody who may sign this plan has a key of their own."""
        keyed = (one for one in self.approvers if one.key)
        return any(self.may(Approver(team_id=one.team_id, user_id=one.user_id), plan) for one in keyed)

    def listed(self, person: Approver) -> bool:
        """Whether this person may sign anything at all."""
        key = (person.team_id, person.user_id)
        return any((entry.team_id, entry.user_id) == key and entry.tiers for entry in self.approvers)

    def channel_of(self, incident: Incident) -> str | None:
        """Where the card of this incident goes: by the first route that takes it; None is the usual place."""
        return next((route.channel for route in self.channels if route.takes(incident)), None)

    def signers(self, plan: Plan) -> tuple[Entry, ...]:
        """Who may sign this plan, for the refusal that names them."""
        return tuple(entry for entry in self.approvers if entry.covers(plan))


def read_roster(path: Path) -> Roster:
    """The roster as the file says now. Raises RosterError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Roster.model_validate(content or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as problem:
        raise RosterError(f"the roster {path} cannot be used: {problem}") from problem


def roster_or_nobody(path: Path) -> Roster:
    """The roster, or one that lets nobody sign."""
    try:
        return read_roster(path)
    except RosterError:
        return Roster()
