"""What the actor works with: its own connection, the ledger, and the right to check rights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from agents.incident import Decision, Plan
from agents.ledger.roster import roster_or_nobody
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from tools.alertmanager import Alertmanager
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Verb, matches
from tools.kubernetes.client import Connection, Request
from tools.kubernetes.diff import diff, readable
from tools.kubernetes.errors import NotFound, Unconfigured
from tools.kubernetes.objects import JsonObject
from tools.redaction import redact


@dataclass(frozen=True, kw_only=True)
class Hands:
    """One actor process. ``halt_file`` stops it even when the database cannot be written (I11)."""

    ledger: Ledger
    cluster: Connection
    actor_id: str
    seal: SealKey
    roster_file: Path
    halt_file: Path
    alertmanager: Alertmanager | None = None

    def still_valid(self, plan: Plan, decision: Decision) -> bool:
        """Whether an approval still counts: its seal holds and its giver is on the roster now."""
        return self.seal.holds(decision) and roster_or_nobody(self.roster_file).may(decision.approver, plan)

    def halted(self) -> bool:
        """Whether the halt file is there."""
        return self.halt_file.exists()

    def target(self, step: Step) -> JsonObject | None:
        """The step's object as it is now, or None when it is not there. Raises the KubernetesError tree."""
        verb = CATALOGUE[step.verb]
        try:
            answer = self.send(verb, verb.look(step))
        except NotFound:
            return None
        return verb.found(step, answer)

    def changed(self, step: Step) -> str | None:
        """In words, how the step's object is not as the step expects it; None when it is."""
        live = self.target(step)
        found = matches(step, live)
        if not found:
            return None
        if live is None:
            return "it is gone"
        return "it is there" if step.creates else redact(str(found[0]))

    def send(self, verb: Verb, request: Request) -> JsonObject:
        """Send once to where the verb's requests go. Raises the KubernetesError tree."""
        if verb.place == "cluster":
            return self.cluster.send(request)
        if self.alertmanager is None:
            raise Unconfigured("alertmanager_url is not set, so nothing can be asked of Alertmanager")
        return self.alertmanager.send(request)

    def close(self) -> None:
        """Give the sockets back."""
        self.cluster.close()
        if self.alertmanager is not None:
            self.alertmanager.close()

    def rehearse(self, step: Step, plan_id: str) -> Rehearsal:
        """Send the step as a dry-run and compare. Raises the KubernetesError tree."""
        verb, before = CATALOGUE[step.verb], self.target(step)
        after = verb.after(step, self.send(verb, verb.rehearsal(step, plan_id)))
        return Rehearsal(diff=diff(before, after), after=readable(after))


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What one dry-run showed."""

    diff: str
    after: str


def digest_of_all(rehearsals: list[Rehearsal]) -> str:
    """One digest over what every step's object would become, for comparing it before the send."""
    sha = hashlib.sha256()
    for rehearsal in rehearsals:
        # Hashed one by one first: two texts cut at another place would otherwise give the same bytes.
        sha.update(hashlib.sha256(rehearsal.after.encode()).digest())
    return sha.hexdigest()
