"""What reasoning starts from, and the candidate causes it weighs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from agents.incident import Alert, Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.fields import moment
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_heard import ABOUT_A_PARTY
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.effects import STANDING, Effect, Effects
from agents.investigator.links import Key, Links
from agents.investigator.reasoning_alerts import always_fires
from agents.investigator.rules import effect_of
from agents.investigator.targets import Targets
from agents.investigator.targets_radius import Relations
from tools.kubernetes.objects import JsonObject, ObjectRef

DNS_SERVICES: tuple[Key, ...] = tuple(("Service", "kube-system", name) for name in ("kube-dns", "coredns"))
"""Whom every pod asks that looks for a name: no address in a template says so."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One look at one incident: what was seen, what the alerts are about, what the analyzers found."""

    snapshot: Snapshot
    targets: Targets
    findings: tuple[Finding, ...]

    @cached_property
    def relations(self) -> Relations:
        """Owners, selectors and scalers of this inventory."""
        return Relations(self.snapshot.inventory)

    @cached_property
    def links(self) -> Links:
        """How far each thing is felt."""
        return Links(self.snapshot, self.relations, self._heard)

    @cached_property
    def _heard(self) -> dict[Key, list[ObjectRef]]:
        """By Service, who complains of it in its log: a call that no address in a template tells of.

        It only ever leads on from a fault that the Service shows by itself: a log alone accuses nobody.
        """
        found: dict[Key, list[ObjectRef]] = defaultdict(list)
        for finding in self.findings:
            kind, _, place = str(finding.fields.get("to") or "").partition("/")
            namespace, _, name = place.partition("/")
            if finding.code in ABOUT_A_PARTY and kind == "Service":
                found[kind, namespace, name].append(self.relations.root(finding.object))
            # A name of nothing resolves nowhere; of any other the one that is asked may be to blame.
            if finding.code == LogCode.NAME_UNRESOLVED and not finding.fields.get("to_is_missing"):
                for asked in DNS_SERVICES:
                    found[asked].append(self.relations.root(finding.object))
        return found

    @cached_property
    def by_object(self) -> dict[Key, tuple[Finding, ...]]:
        """The findings about each object."""
        found: dict[Key, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            found[finding.object.key].append(finding)
        return {key: tuple(about) for key, about in found.items()}

    @cached_property
    def gone(self) -> frozenset[str]:
        """The images of which a registry said that it does not have them."""
        return frozenset(one.fields["image"] for one in self.findings if one.code == Code.IMAGE_NOT_FOUND)

    def place(self, finding: Finding) -> int:
        """Where a finding stands among all of them."""
        return self._places[id(finding)]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {id(finding): number for number, finding in enumerate(self.findings)}

    @cached_property
    def broad(self) -> dict[Effect, tuple[Finding, ...]]:
        """Findings by effect, of those that something may follow from which no object is joined to."""
        found: dict[Effect, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            found[effect_of(finding)].append(finding)
        return {effect: tuple(these) for effect, these in found.items()}

    @cached_property
    def symptoms(self) -> tuple[Finding, ...]:
        """Findings near the alert that a cause ought to explain: in the radius, and more than information."""
        return tuple(
            finding
            for finding in self.findings
            if finding.severity is not Severity.INFO
            and effect_of(finding) not in STANDING
            and self.targets.holds(finding.object)
        )

    @cached_property
    def asking(self) -> tuple[tuple[Alert, tuple[ObjectRef, ...]], ...]:
        """The alerts that want an answer, with their objects: those that always fire want none."""
        return tuple((alert, refs) for alert, refs in self.targets.by_alert if not always_fires(alert))

    @property
    def began(self) -> datetime | None:
        """When the first of these alerts started."""
        return min((alert.starts_at for alert, _ in self.asking), default=None)

    def find(self, ref: ObjectRef) -> JsonObject:
        """An object of the inventory, empty when it is not there."""
        return self.relations.find(ref) or {}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One possible cause before it is weighed.

    ``direct`` are the findings that show it; ``explains`` these and the findings that follow from
    it. ``reach`` maps each object an alert may name to how surely the cause explains it (0 to 1);
    ``effects`` are its own and those of what follows. ``missing`` says which evidence was looked for
    and not there. ``derived`` when something else that was found may well be behind it.
    """

    code: str
    object: ObjectRef
    sentence: str
    direct: tuple[Finding, ...]
    explains: tuple[Finding, ...]
    reach: dict[Key, float]
    effects: Effects
    order: tuple[int, int]
    """How deep its effect lies and where its code stands among those of that effect."""
    facts: JsonObject = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    derived: bool = False

    @property
    def since(self) -> datetime | None:
        """When it last showed itself for the first time; None when unknown, which never counts as old."""
        times = [finding.since for finding in self.direct]
        return max((at for at in times if at), default=None) if all(times) else None

    @property
    def changed_at(self) -> datetime | None:
        """When the rollout or the write that brought it was made, if one did."""
        return moment(self.facts.get("rolled_out_at") or self.facts.get("written_at"))
