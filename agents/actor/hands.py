"""What the actor works with: its own connection, the ledger, and the right to check rights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from agents.incident import Decision, Plan
from agents.ledger import groups, incidents
from agents.ledger.accounts import CLAIM_MAY_RELY_ON, in_good_standing, last_seen, speaks_against
from agents.ledger.decisions import human_of
from agents.ledger.guards import Forged
from agents.ledger.policy import refusal
from agents.ledger.roster import Roster, roster_or_nobody
from agents.ledger.seals import SealKey
from agents.ledger.statements import holds, is_signed
from agents.ledger.store import Ledger, LedgerUnavailable, halted
from tools.alertmanager import Alertmanager
from tools.kubernetes.actions.catalogue import CATALOGUE, live_of
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Verb, matches
from tools.kubernetes.client import Connection, Request
from tools.kubernetes.diff import diff, readable
from tools.kubernetes.errors import Unconfigured
from tools.kubernetes.objects import JsonObject
from tools.policy.load import PolicyFile
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
    policy_file: PolicyFile = field(default_factory=PolicyFile)
    alertmanager: Alertmanager | None = None
    sealed: bool = False
    """Whether the API server admits only what the gatekeeper wrote down for it."""

    def refused(self, plan: Plan, live: tuple[JsonObject | None, ...] = ()) -> str:
        """Why the present policy, read by this process, does not let the plan go on, or nothing.

        With ``live`` the targets' labels and annotations are those of this moment: nothing in the
        step's preconditions notices when they change.
        """
        incident = incidents.incident(self.ledger, int(plan.incident.removeprefix("INC-")))
        try:
            pairs = zip(plan.radius, live, strict=False)
            radius = tuple(one.seen_again(obj) if obj else one for one, obj in pairs)
        except ValidationError:
            return "a target carries more labels or annotations than a plan can state"
        return refusal(self.policy_file, plan.model_copy(update={"radius": radius or plan.radius}), incident)

    def still_valid(self, plan: Plan, decision: Decision) -> bool:
        """Whether an approval still counts: its seal holds, and its giver may still give it now.

        On the roster for this plan, by name or in a group as it was seen minutes ago; the same human as at
        the click, not who asked for it, and with an account that was seen in good standing minutes ago, or
        a signature that the key which the roster has now still makes good.
        """
        file, who = roster_or_nobody(self.roster_file), decision.approver
        roster = groups.resolved(file, self.ledger, self.seal, CLAIM_MAY_RELY_ON)
        entitled = roster.may(who, plan) and not roster.asked(who, plan)
        same = roster.human(who) == human_of(decision)
        if not self.seal.holds(decision):
            raise Forged(f"a decision of {who.user_id} on plan {plan.id} is not what was sealed")
        return entitled and same and self._stands_well(plan, decision, roster)

    def _stands_well(self, plan: Plan, decision: Decision, roster: Roster) -> bool:
        with self.ledger.read() as session:
            seen = last_seen(session, decision.approver)
        if seen is not None and not self.seal.vouches(seen):
            return False
        if is_signed(decision):
            asked = decision.request.get("account") == "seen"
            signed = holds(decision, plan, roster.key_of(decision.approver))
            return signed and not speaks_against(decision.at, asked, seen)
        return in_good_standing(decision.at, seen, self.ledger.now())

    def halted(self) -> bool:
        """Whether the halt file is there."""
        return self.halt_file.exists()

    def halted_anywhere(self) -> bool:
        """Whether the file or the ledger says so; a ledger that cannot be asked says so too."""
        try:
            with self.ledger.read() as session:
                return self.halted() or halted(session) is not None
        except LedgerUnavailable:
            return True

    def target(self, step: Step) -> JsonObject | None:
        """The step's object as it is now, or None when it is not there. Raises the KubernetesError tree."""
        return live_of(step, self.send)

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
        before, after = readable(self.target(step)), readable(self._foreseen(step, plan_id))
        return Rehearsal(diff=diff(before, after), after=after)

    def foretell(self, step: Step, plan_id: str) -> str:
        """What the step's object would become, read from a dry-run. Raises the KubernetesError tree."""
        return readable(self._foreseen(step, plan_id))

    def _foreseen(self, step: Step, plan_id: str) -> JsonObject | None:
        verb = CATALOGUE[step.verb]
        return verb.after(step, self.send(verb, verb.rehearsal(step, plan_id)))


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What one dry-run showed."""

    diff: str
    after: str


def digest_of_all(afters: Iterable[str]) -> str:
    """One digest over what every step's object would become, for comparing it before the send."""
    sha = hashlib.sha256()
    for after in afters:
        # Hashed one by one first: two texts cut at another place would otherwise give the same bytes.
        sha.update(hashlib.sha256(after.encode()).digest())
    return sha.hexdigest()


def changed(step: Step, live: JsonObject | None) -> str | None:
    """In words, how the step's object as it is now is not as the step expects it; None when it is."""
    found = matches(step, live)
    if not found:
        return None
    if live is None:
        return "it is gone"
    return "it is there" if step.creates else redact(str(found[0]))
