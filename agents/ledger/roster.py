"""Who may sign what: a file of people and of Slack user groups, with their tiers and namespaces.

Read afresh at every use, at the click and again at the claim. Anything wrong with the file
means nobody: an empty list, a missing file and a typo all refuse (property P5). What the file
says becomes a ``Roster`` once it is known who is in its groups: see ``groups.resolved``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Discriminator, Field, Tag, ValidationError, field_validator

from agents.incident import Approver, Incident, Plan, Value
from agents.ledger.accounts import GroupId, SeenGroup
from agents.ledger.signing import raw_of
from tools.kubernetes.objects import NonEmpty
from tools.policy.load import sentences
from tools.redaction import redact

ANY = "*"
Mention = tuple[Literal["user", "usergroup"], str]
"""Whom the chat calls: one person or all of a group, by an id of the roster's."""


class RosterError(ValueError):
    """The roster cannot be read; until it can, nobody may sign."""


class Rights(Value):
    """What an entry lets somebody sign, in which workspace. ``name`` is for people and decides nothing.

    With ``wake`` they are called by name when a change waits that this entry lets them sign.
    """

    team_id: NonEmpty
    name: str = ""
    wake: bool = False
    tiers: frozenset[Annotated[int, Field(ge=1, le=3)]] = frozenset({1})
    namespaces: frozenset[NonEmpty] = frozenset()

    def covers(self, plan: Plan) -> bool:
        """Whether the tier and every namespace of the plan are within these rights."""
        places = {step.namespace for step in plan.steps}
        return plan.tier in self.tiers and (ANY in self.namespaces or places <= self.namespaces)


class Entry(Rights):
    """One account and what its owner may sign.

    Accounts with the same ``person`` belong to one human, who counts once and signs no request made
    through any of them. An entry with no ``tiers`` only says whose account it is. With ``key``, the public
    half of a key of their own, they can sign by ``midwatch decide`` as well.
    """

    user_id: NonEmpty
    person: str = ""
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

    @property
    def approver(self) -> Approver:
        """The account itself."""
        return Approver(team_id=self.team_id, user_id=self.user_id)

    @property
    def words(self) -> str:
        """What people call it."""
        return redact(self.name or self.user_id)

    @property
    def mention(self) -> Mention:
        """How the chat calls this person."""
        return "user", self.user_id

    @property
    def wakes(self) -> bool:
        """Whether this person is called when their signature is wanted."""
        return self.wake


class Group(Rights):
    """One user group and what each of its members may sign."""

    group: GroupId


class Crew(Value):
    """A group of the roster and the look at it that may be relied on, if there is one."""

    group: Group
    seen: SeenGroup | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The user ids of those in it; nobody where that is not known or the group is flawed."""
        return self.seen.present if self.seen else ()

    @property
    def words(self) -> str:
        """What people call it: by its handle, and why nobody of it may sign where that is so."""
        called = self.group.name or self.group.group
        if self.seen is None:
            return redact(f"{called} (Slack has not said lately who is in it)")
        if self.seen.handle:
            called = f"@{self.seen.handle}"
        without = self.seen.flaw or ("" if self.members else "nobody is in it")
        return redact(f"{called} ({without})" if without else called)

    @property
    def mention(self) -> Mention:
        """How the chat calls all of them: whoever is in the group at that moment."""
        return "usergroup", self.group.group

    @property
    def wakes(self) -> bool:
        """Whether the group is called when a signature is wanted; not where nobody of it could give it.

        Of whom nothing is known may be there all the same: a call gives no right.
        """
        return self.group.wake and (self.seen is None or bool(self.members))


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
    """Everybody who may sign anything: people who are listed, and the ``members`` of the groups that are.

    Rights add up: any one entry that covers a plan lets somebody sign it.
    """

    approvers: tuple[Entry, ...] = ()
    members: tuple[Entry, ...] = ()
    crews: tuple[Crew, ...] = ()

    @property
    def everybody(self) -> tuple[Entry, ...]:
        """Every entry of a person, also those that a group gave them."""
        return (*self.approvers, *self.members)

    def may(self, person: Approver, plan: Plan) -> bool:
        """Whether this person may sign this plan."""
        return any(entry.covers(plan) for entry in self.everybody if entry.approver == person)

    def human(self, person: Approver) -> str:
        """Whose account this is, as far as the roster knows."""
        key = (person.team_id, person.user_id)
        known = (entry.human for entry in self.approvers if (entry.team_id, entry.user_id) == key)
        return next(known, f"{person.team_id}/{person.user_id}")

    def asked(self, person: Approver, plan: Plan) -> bool:
        """Whether this person asked for the plan, through this account or another one (P6)."""
        own = self.human(person)
        # What a group gives has no ``person``: who is whose is said by entries of people alone.
        accounts = {entry.user_id for entry in self.approvers if entry.human == own}
        return plan.requester in accounts | {person.user_id}

    def key_of(self, person: Approver) -> str:
        """The public key of this person's own, or nothing: a group gives no keys."""
        return next((entry.key for entry in self.approvers if entry.approver == person), "")

    def signed_by_key(self, plan: Plan) -> bool:
        """Whether somebody who may sign this plan has a key of their own."""
        keyed = (one for one in self.approvers if one.key)
        return any(self.may(one.approver, plan) for one in keyed)

    def listed(self, person: Approver) -> bool:
        """Whether this person may sign anything at all."""
        key = (person.team_id, person.user_id)
        return any((entry.team_id, entry.user_id) == key and entry.tiers for entry in self.everybody)

    def signers(self, plan: Plan) -> tuple[Entry | Crew, ...]:
        """Who may sign this plan, for those who name or call them: groups as a whole, then people."""
        people = (entry for entry in self.approvers if entry.covers(plan))
        return (*(crew for crew in self.crews if crew.group.covers(plan)), *people)


def _kind(given: object) -> str:
    named = given.get("group") if isinstance(given, dict) else getattr(given, "group", None)
    return "person" if named is None else "group"


# By what it names and not by what fits: a typo is answered for the kind that was meant.
Listed = Annotated[
    Annotated[Entry, Tag("person")] | Annotated[Group, Tag("group")],
    Discriminator(_kind),
]


class RosterFile(Value):
    """The file as it stands. It lets nobody sign by itself. ``channels`` decides no right."""

    approvers: tuple[Listed, ...] = ()
    channels: tuple[Route, ...] = ()

    @field_validator("approvers")
    @classmethod
    def _each_person_once(cls, value: tuple[Entry | Group, ...]) -> tuple[Entry | Group, ...]:
        people = [entry for entry in value if isinstance(entry, Entry)]
        if len(people) != len({(entry.team_id, entry.user_id) for entry in people}):
            raise ValueError("somebody is listed twice")
        owners = {(entry.key, entry.human) for entry in people if entry.key}
        # Whoever holds the one private half could sign as two people.
        if len({key for key, _ in owners}) != len(owners):
            raise ValueError("two people have the same key")
        return value

    @property
    def people(self) -> tuple[Entry, ...]:
        """Those who are listed themselves."""
        return tuple(entry for entry in self.approvers if isinstance(entry, Entry))

    @property
    def groups(self) -> tuple[Group, ...]:
        """The user groups that are listed."""
        return tuple(entry for entry in self.approvers if isinstance(entry, Group))

    def with_members(self, looks: Iterable[SeenGroup]) -> Roster:
        """The roster with its groups as they were seen; a group without a look has no members. Pure."""
        seen = {(one.team_id, one.group): one for one in looks}
        crews = tuple(Crew(group=one, seen=seen.get((one.team_id, one.group))) for one in self.groups)
        members = tuple(
            Entry(
                team_id=crew.group.team_id,
                user_id=user_id,
                tiers=crew.group.tiers,
                namespaces=crew.group.namespaces,
            )
            for crew in crews
            for user_id in crew.members
        )
        return Roster(approvers=self.people, members=members, crews=crews)

    def channel_of(self, incident: Incident) -> str | None:
        """Where the card of this incident goes: by the first route that takes it; None is the usual place."""
        return next((route.channel for route in self.channels if route.takes(incident)), None)


def read_roster(path: Path) -> RosterFile:
    """The roster as the file says now. Raises RosterError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return RosterFile.model_validate(content or {})
    except ValidationError as problem:
        said = "; ".join(sentences(problem))
        raise RosterError(f"the roster {path} cannot be used: {said}") from problem
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise RosterError(f"the roster {path} cannot be used: {problem}") from problem


def roster_or_nobody(path: Path) -> RosterFile:
    """The roster, or one that lets nobody sign."""
    try:
        return read_roster(path)
    except RosterError:
        return RosterFile()
