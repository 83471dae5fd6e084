"""From a word to a decision: judged, counted or refused, the same way whether it was clicked or signed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agents.gatekeeper.bench import Bench
from agents.gatekeeper.clicks import Home, Person, Question, Refusal, Word, admissible
from agents.gatekeeper.explaining import Against
from agents.incident import Decision
from agents.ledger import decisions, moves
from agents.ledger.decisions import Decided
from agents.ledger.moves import Standing
from agents.ledger.protocol import Objection
from agents.ledger.roster import Roster, roster_or_nobody
from agents.ledger.tables import PlanRow
from tools.crash import crash

Look = Callable[[str], Awaitable[Person | None]]
"""How an account is looked at: by its user id; None when nobody can say."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where it is found out who says a word and what they may; ``home`` is where clicks come from."""

    person: Look
    roster: Callable[[], Awaitable[Roster]]
    home: Home | None = None


def spent_of(nonce: str) -> str:
    """What the ledger keeps of a nonce."""
    return hashlib.sha256(nonce.encode()).hexdigest()


async def weigh(bench: Bench, word: Word, ask: Sources) -> Standing | Against:
    """The plan that this word may decide about, or why it may not."""
    found = await asyncio.to_thread(_standing, bench, word.plan_id or "")
    if isinstance(found, Objection):
        return Against(why=found)
    question = Question(
        plan=found.plan,
        state=found.state,
        again=decisions.asks_again(found),
        channel_id=found.proposal.channel_id,
        message_ts=found.proposal.message_ts,
        home=ask.home,
    )
    # Side by side: Slack gives a click three seconds.
    person, roster = await asyncio.gather(ask.person(word.user_id), ask.roster())
    now = await asyncio.to_thread(bench.ledger.now)
    against = admissible(word, question, (person, roster), now)
    if against is Refusal.NOT_ON_ROSTER:
        names = ", ".join(one.words for one in roster.signers(found.plan)) or "nobody"
        return Against(why=against, aside=f"; who may: {names}")
    if against is Refusal.DECIDED:
        return await asyncio.to_thread(_stands, bench, found.plan.id, against)
    return found if against is None else Against(why=against)


def _stands(bench: Bench, plan_id: str, why: Refusal | Objection) -> Against:
    """That the plan moved on, with where it stands now: somebody who comes second asks that first."""
    found = _standing(bench, plan_id)
    if isinstance(found, Objection):
        return Against(why=found)
    facts = f": {found.state.value} at {found.proposal.state_at:%H:%M:%S} UTC{_newer(bench, found)}"
    return Against(why=why, facts=facts)


def _newer(bench: Bench, found: Standing) -> str:
    """Where the plan is that took the place of this one (threat T14)."""
    with bench.ledger.read() as session:
        row = session.get(PlanRow, found.proposal.successor) if found.proposal.successor else None
    return f"; the newer plan: {bench.public_url}/incidents/{row.incident}" if row else ""


def _standing(bench: Bench, plan_id: str) -> Standing | Objection:
    with bench.ledger.read() as session:
        return moves.standing(session, plan_id)


async def count(bench: Bench, word: Word, found: Standing, evidence: dict[str, str]) -> Decided | Against:
    """Record what was judged, under its seal; ``evidence`` is what is kept of the request, its nonce too."""
    now = await asyncio.to_thread(bench.ledger.now)
    # Two accounts of one human are one signature. Whose they are, only entries of people say: nobody has to
    # be asked about groups for it.
    human = roster_or_nobody(bench.roster_file).with_members(()).human(word.approver)
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
    if isinstance(answer, Decided):
        return answer
    return await asyncio.to_thread(come_second, bench, found.plan.id, answer)


def come_second(bench: Bench, plan_id: str, why: Objection) -> Against:
    """What the ledger objected to something that was judged fit a moment before. Blocking."""
    return _stands(bench, plan_id, why) if why is Objection.NO_SUCH_EDGE else Against(why=why)


async def refuse(bench: Bench, word: Word, against: Against, nonce: str) -> str | None:
    """Record that a word did not count, and why; what to say, or None if this very one was told before."""
    who = {"user": word.user_id, "team": word.user_team_id}
    body = {**who, "verdict": word.verdict.value, "why": against.recorded}
    plan_id, spent = word.plan_id or "", spent_of(nonce)
    new = await asyncio.to_thread(decisions.refuse_click, bench.ledger, plan_id, body, spent)
    return against.words if new else None
