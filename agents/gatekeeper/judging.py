"""From a word to a decision: judged, counted or refused, the same way whether it was clicked or signed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from agents.gatekeeper.bench import Bench
from agents.gatekeeper.clicks import Home, Person, Question, Refusal, Word, admissible
from agents.incident import Decision
from agents.ledger import decisions, moves
from agents.ledger.decisions import Decided
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection
from agents.ledger.roster import roster_or_nobody
from agents.ledger.tables import PlanRow
from tools.crash import crash

Look = Callable[[str], Awaitable[Person | None]]
"""How an account is looked at: by its user id; None when nobody can say."""


def spent_of(nonce: str) -> str:
    """What the ledger keeps of a nonce."""
    return hashlib.sha256(nonce.encode()).hexdigest()


async def weigh(bench: Bench, word: Word, home: Home | None, look: Look) -> Standing | str:
    """The plan that this word may decide about, or why it may not."""
    found = await asyncio.to_thread(_standing, bench, word.plan_id or "")
    if isinstance(found, Objection):
        return found.value
    question = Question(
        plan=found.plan,
        state=found.state,
        again=decisions.asks_again(found),
        channel_id=found.proposal.channel_id,
        message_ts=found.proposal.message_ts,
        home=home,
    )
    person = await look(word.user_id)
    roster = roster_or_nobody(bench.roster_file)
    now = await asyncio.to_thread(bench.ledger.now)
    against = admissible(word, question, (person, roster), now)
    if against is Refusal.NOT_ON_ROSTER:
        names = ", ".join(entry.name or entry.user_id for entry in roster.signers(found.plan)) or "nobody"
        return f"{against.value}; who may: {names}"
    if against is Refusal.DECIDED:
        when = f"{against.value}: {found.state.value} at {found.proposal.state_at:%H:%M:%S} UTC"
        return when + await asyncio.to_thread(_newer, bench, found)
    return found if against is None else against.value


def _newer(bench: Bench, found: Standing) -> str:
    """Where the plan is that took the place of this one (threat T14)."""
    with bench.ledger.read() as session:
        row = session.get(PlanRow, found.proposal.successor) if found.proposal.successor else None
    return f"; the newer plan: {bench.public_url}/incidents/{row.incident}" if row else ""


def _standing(bench: Bench, plan_id: str) -> Standing | Objection:
    with bench.ledger.read() as session:
        return moves.standing(session, plan_id)


async def count(bench: Bench, word: Word, found: Standing, evidence: dict[str, str]) -> Decided | Objection:
    """Record what was judged, under its seal; ``evidence`` is what is kept of the request, its nonce too."""
    now = await asyncio.to_thread(bench.ledger.now)
    # Whose word it is, as the roster says it now: two accounts of one human are one signature.
    human = roster_or_nobody(bench.roster_file).human(word.approver)
    decision = Decision(
        plan_id=found.plan.id,
        plan_digest=found.plan.digest,
        approver=word.approver,
        verdict=word.verdict,
        reason=word.reason,
        reason_salt=word.reason_salt,
        at=now,
        request={**evidence, "human": human},
    )
    sealed = bench.seal.sealed(decision)
    answer = await asyncio.to_thread(decisions.decide, bench.ledger, sealed, evidence["nonce"])
    crash("c1")
    return answer


async def refuse(bench: Bench, word: Word, reason: str, nonce: str) -> str | None:
    """Record that a word did not count, and why; the reason, or None if this very one was told before."""
    # The names of those who may are for whoever asked; the record keeps no names of people.
    plainly = reason.partition("; who may:")[0]
    body = {"user": word.user_id, "team": word.user_team_id, "verdict": word.verdict.value, "why": plainly}
    plan_id, spent = word.plan_id or "", spent_of(nonce)
    new = await asyncio.to_thread(decisions.refuse_click, bench.ledger, plan_id, body, spent)
    return reason if new else None
