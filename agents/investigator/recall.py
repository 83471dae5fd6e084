"""The second time of the same trouble: where to look first, and when enough was seen.

Memory says where to look and never what to believe: the cause is established anew from this look's own
evidence, as surely as then and by the same kinds of looks. What does not come to the same is looked
into as if it had never been seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from agents.incident import Evidence, Incident
from agents.investigator.analyzers.snapshot import LogKey, LogTail, Snapshot
from agents.investigator.examined import Examined, Extras, examined
from agents.investigator.explain import diagnosis
from agents.investigator.reasoning import reason
from agents.investigator.reasoning_case import Case
from agents.investigator.targets import targets
from agents.investigator.targets_radius import OWNED_KINDS, Relations
from agents.ledger.investigations import LOG, evidence_of
from agents.ledger.memory import Known, last_known
from agents.ledger.store import Ledger
from tools.kubernetes.objects import ObjectRef


@dataclass(frozen=True, kw_only=True)
class Recall:
    """One look under way, and what the last one of the same trouble came to, if it was seen before."""

    ledger: Ledger
    incident: Incident | None
    seen: Snapshot
    known: Known | None
    extras: Extras = field(default_factory=Extras)

    @property
    def why(self) -> str:
        """Why no more is read, once that is enough."""
        return f"as without them the cause of INC-{self.known.incident} shows again" if self.known else ""

    def first(self, names: Iterable[LogKey]) -> list[LogKey]:
        """The containers whose logs may be read, those of the object that it was before the others."""
        known = self.known
        if known is None:
            return list(names)
        relations = Relations(self.seen.inventory)

        def elsewhere(name: LogKey) -> bool:
            pod = ObjectRef(kind="Pod", namespace=name[0], name=name[1])
            return relations.root(pod).key != known.object.key

        return sorted(names, key=elsewhere)

    def enough(self, logs: Mapping[LogKey, LogTail]) -> bool:
        """Whether these logs, and what was seen besides, show the known cause again.

        Asked when as many logs are read as it takes at least, and at no other time: each answer costs
        an analysis of everything.
        """
        if self.known is None or self.incident is None or len(logs) != int(LOG in self.known.tools):
            return False
        with self.ledger.read() as session:
            evidence = {item.id: item for item in evidence_of(session, self.incident.number)}
        # As the diagnosis will: what is silenced must not show a cause here that is not told there.
        look = examined(replace(self.seen, logs=dict(logs)), self.extras)
        return again(self.known, self.incident, look, evidence)


def recalled(ledger: Ledger, incident: Incident | None, seen: Snapshot, extras: Extras) -> Recall:
    """What is known of this trouble, from the objects near its alerts; nothing without an incident."""
    if incident is None:
        return Recall(ledger=ledger, incident=None, seen=seen, known=None)
    about = targets(incident.firing or incident.alerts, seen.inventory)
    near = frozenset(ref.key for ref in about.radius if ref.kind not in OWNED_KINDS)
    with ledger.read() as session:
        known = last_known(session, incident.number, near)
    return Recall(ledger=ledger, incident=incident, seen=seen, known=known, extras=extras)


def again(known: Known, incident: Incident, look: Examined, evidence: Mapping[str, Evidence]) -> bool:
    """Whether this look alone shows the same cause, as surely and by the same kinds of looks as then."""
    about = targets(incident.firing or incident.alerts, look.snapshot.inventory)
    case = Case(snapshot=look.snapshot, targets=about, findings=look.findings)
    return known.shown_by(diagnosis(case, reason(case), evidence), evidence)
