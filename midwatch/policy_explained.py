"""What the policy makes of a plan of the ledger, in words and as data. It only reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from sqlmodel import col, select

from agents.incident import Plan
from agents.ledger import incidents, moves
from agents.ledger.moves import Standing
from agents.ledger.policy import question_of, stricter
from agents.ledger.protocol import Objection
from agents.ledger.store import Ledger
from agents.ledger.tables import PlanRow
from tools.kubernetes.actions.catalogue import sentence
from tools.policy.engine import Fate, Judgement, Trace, judge
from tools.policy.load import PolicyFile
from tools.policy.words import touched, warnings
from tools.redaction import redact, redacted

_ID = re.compile(r"[0-9a-f]{4,64}")


class NoSuchPlan(LookupError):
    """The ledger has no plan of that name that could be explained."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One plan, where it stands, and the judgement of today's policy."""

    found: Standing
    judged: Judgement
    file: str

    @property
    def plan(self) -> Plan:
        """The plan itself."""
        return self.found.plan

    @property
    def against(self) -> str:
        """Why the plan may not go on, or nothing."""
        return stricter(self.judged, self.plan)

    def data(self) -> dict[str, object]:
        """All of it for machines."""
        plan = self.plan
        return {
            "plan": plan.id,
            "digest": plan.digest,
            "incident": plan.incident,
            "state": self.found.state.value,
            "file": self.file,
            "signed_under": plan.policy_version,
            "terms": {
                "tier": plan.tier,
                "approvals_needed": plan.approvals_needed,
                "pending_until": plan.pending_until.isoformat(),
                "claim_within_s": plan.claim_within_s,
            },
            "judgement": redacted(self.judged.model_dump(mode="json")),
            "may_go_on": not self.against,
            "against": redact(self.against),
        }

    def lines(self) -> Iterator[str]:
        """All of it for people; text of the cluster is redacted and inert."""
        plan, judged = self.plan, self.judged
        yield f"plan {plan.id} of {plan.incident}, {self.found.state.value}"
        yield f"policy {judged.policy[:12]} ({self.file}); drawn up under {plan.policy_version[:12]}"
        for n, step in enumerate(plan.steps, start=1):
            yield ""
            yield f"step {n}: {redact(sentence(step))}"
            for radius in plan.radius[n - 1 : n]:
                yield from (f"  {redact(line)}" for line in (*touched(radius), *warnings(radius)))
            for trace in judged.traces:
                if trace.step == n:
                    yield from _entry(trace)
        yield ""
        yield from self._verdict()

    def _verdict(self) -> Iterator[str]:
        judged, plan = self.judged, self.plan
        yield f"verdict: {'allowed' if judged.allowed else 'refused: ' + redact(judged.objection)}"
        why = f" ({redact('; '.join(judged.why_tier))})" if judged.why_tier else ""
        yield f"tier: {judged.tier}, the code asks {judged.floor}{why}; the plan has {plan.tier}"
        yield f"approvals: {judged.approvals_needed}; the plan has {plan.approvals_needed}"
        yield f"start within: {judged.claim_within_s} s; the plan has {plan.claim_within_s} s"
        if judged.limit_factor is not None:
            yield f"requests and limits: {judged.limit_factor:g} times at most"
        yield f"may go on: {'no, ' + redact(self.against) if self.against else 'yes'}"


def _entry(trace: Trace) -> Iterator[str]:
    kind = "rule " if trace.rule else "allow"
    problem = f": {trace.problem}" if trace.problem else ""
    yield f"  {kind} {trace.entry!r}: {trace.fate.value}{redact(problem)}"
    if trace.when:
        yield f"          when {redact(trace.when)}"
        for name, value in trace.values.items():
            yield f"          {name} = {redact(orjson.dumps(value).decode())}"
    before = "" if trace.fate is Fate.MATCHED else "when it matches: "
    yield from (f"          {before}{effect}" for effect in trace.effects)


def explained(ledger: Ledger, plan_id: str, policies: PolicyFile) -> Explained:
    """The explanation of one plan, by its id or the beginning of its digest.

    Raises NoSuchPlan, also when there is more than one, and PolicyError.
    """
    if not _ID.fullmatch(plan_id):
        raise NoSuchPlan(f"a plan's id has 4 to 64 hex digits, and {plan_id!r} is none")
    with ledger.read() as session:
        query = select(PlanRow.id).where(col(PlanRow.digest).startswith(plan_id)).limit(2)
        ids = list(session.exec(query))
        if len(ids) != 1:
            raise NoSuchPlan(f"there is {'more than one' if ids else 'no'} plan {plan_id}")
        found = moves.standing(session, ids[0])
    if isinstance(found, Objection):
        raise NoSuchPlan(f"the plan {plan_id} cannot be explained: {found.value}")
    incident = incidents.incident(ledger, int(found.plan.incident.removeprefix("INC-")))
    judged = judge(policies.read(), question_of(found.plan, incident))
    return Explained(found=found, judged=judged, file=str(policies.path))
