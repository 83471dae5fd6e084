"""Decisions that are signed with a person's own key and handed in without the chat: ``midwatch decide``.

The signature is the credential. Whoever sends something that no key of the roster signed is told so and
nothing is written; what a key signed is judged like a click, and refused or counted in the record.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from sqlmodel import Session

from agents.gatekeeper import judging
from agents.gatekeeper.bench import Bench
from agents.gatekeeper.clicks import Person, SignedWord
from agents.gatekeeper.explaining import Against
from agents.gatekeeper.judging import Look as LookAt
from agents.gatekeeper.judging import Sources, spent_of
from agents.incident import Approver, Preview, Value
from agents.ledger import accounts, moves, previews, waiting
from agents.ledger.decisions import Decided
from agents.ledger.payloads import digest_of
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.roster import Roster, roster_or_nobody
from agents.ledger.statements import Envelope, Look, Said, Statement
from tools.crash import crash
from tools.redaction import redact
from tools.slack import SlackUnreachable

ASK_WITHIN_S = 2.0
"""So long the chat may take to say what it knows of an account; a signature does not wait for it longer."""


class Heard(StrEnum):
    """What became of something that was handed in."""

    COUNTED = "counted"
    REFUSED = "refused"
    NOT_SIGNED = "not signed"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What whoever handed it in is told: that it counted and where the plan stands, or why it did not."""

    heard: Heard
    words: str


class Shown(Value):
    """One plan as it is shown for signing: its bytes, which say what is signed, and the dry-run's diff."""

    canonical: str
    preview: Preview | None
    state: PlanState
    title: str = ""


UNSIGNED = Reply(heard=Heard.NOT_SIGNED, words="no key of the roster signed this")
OTHER_WORDS = Reply(
    heard=Heard.NOT_SIGNED, words="the reason is not the one that was signed, or holds a secret"
)


@dataclass(frozen=True, kw_only=True)
class SigningDesk:
    """Where signatures are handed in. ``look`` asks the chat for an account; it says None of one that is
    not there, and raises SlackUnreachable when nobody can be asked."""

    bench: Bench
    look: LookAt

    async def decide(self, handed: Envelope) -> Reply:
        """Judge and count a statement. Raises LedgerUnavailable: then nothing was counted."""
        found = Statement.read(handed.text)
        key = await asyncio.to_thread(self._key, found, handed.signature)
        if found is None or not key:
            return UNSIGNED
        if not _honest(found, handed):
            return OTHER_WORDS
        crash("c0")
        word = await asyncio.to_thread(self._word, found, handed)
        nonce = f"decide|{found.team_id}|{found.user_id}|{found.nonce}"
        seen: list[bool] = []

        async def look(user_id: str) -> Person | None:
            person = await self._account(user_id)
            seen.append(person is not None)
            return person

        ask = Sources(person=look, roster=partial(asyncio.to_thread, self.bench.roster))
        judged = await judging.weigh(self.bench, word, ask)
        if isinstance(judged, Against):
            await judging.refuse(self.bench, word, judged, nonce)
            return Reply(heard=Heard.REFUSED, words=judged.words)
        account = "seen" if any(seen) else "not seen"
        evidence = {"nonce": spent_of(nonce), "account": account, **found.evidence(handed.signature, key)}
        answer = await judging.count(self.bench, word, judged, evidence)
        if isinstance(answer, Decided):
            return Reply(heard=Heard.COUNTED, words=answer.state.value)
        return Reply(heard=Heard.REFUSED, words=answer.words)

    async def show(self, asked: Envelope) -> list[Shown] | None:
        """The plan that was asked for, or those that wait for this person; None when nobody may see them."""
        found = Look.read(asked.text)
        if found is None or not await asyncio.to_thread(self._key, found, asked.signature):
            return None
        return await asyncio.to_thread(self._shown, found)

    def _key(self, said: Said | None, signature: str) -> str:
        """The key of the roster that signed it, or nothing. A roster that cannot be read has no keys."""
        if said is None:
            return ""
        # Keys are in the file: nobody has to be asked about groups before a signature is known to be one.
        key = roster_or_nobody(self.bench.roster_file).with_members(()).key_of(said.approver)
        return key if key and said.signed_by(key, signature) else ""

    def _word(self, found: Statement, handed: Envelope) -> SignedWord:
        with self.bench.ledger.read() as session:
            last = accounts.last_seen(session, found.approver)
        return SignedWord(
            verdict=found.verdict,
            plan_id=found.plan_digest[:16],
            user_id=found.user_id,
            user_team_id=found.team_id,
            reason=handed.reason,
            reason_salt=handed.reason_salt,
            typed=found.typed,
            statement=found,
            # What somebody wrote into the database vouches for nobody.
            unfit_before=last is not None and not (last.good and self.bench.seal.vouches(last)),
        )

    async def _account(self, user_id: str) -> Person | None:
        """The account; None only when nobody can be asked. One that the chat does not have is nobody's."""
        try:
            return await asyncio.wait_for(self.look(user_id), ASK_WITHIN_S) or Person(id="", team_id="")
        except (TimeoutError, SlackUnreachable):
            return None

    def _shown(self, look: Look) -> list[Shown] | None:
        now = self.bench.ledger.now()
        # By the ledger's clock, like a decision: an old look that somebody kept shows nothing.
        if not look.lately(now):
            return None
        roster = self.bench.roster()
        with self.bench.ledger.read() as session:
            return _one(session, look.plan) if look.plan else _waiting(session, roster, look.approver)


def _waiting(session: Session, roster: Roster, who: Approver) -> list[Shown]:
    return [
        Shown(canonical=one.plan.canonical().decode(), preview=None, state=one.state, title=one.title)
        for one in waiting.asking(session)
        if roster.may(who, one.plan)
    ]


def _one(session: Session, plan_id: str) -> list[Shown]:
    found = moves.standing(session, plan_id)
    if isinstance(found, Objection):
        return []
    canonical, preview = found.plan.canonical().decode(), previews.preview_of(session, plan_id)
    return [Shown(canonical=canonical, preview=preview, state=found.state)]


def _honest(found: Statement, handed: Envelope) -> bool:
    """Whether the words beside a statement are those whose digest it holds, and may be kept."""
    # Kept as they are, for their digest is signed: so there must be nothing in them that is to be cut out.
    clean = redact(handed.reason) == handed.reason
    return clean and digest_of(handed.reason, handed.reason_salt) == found.reason_digest
