"""What a person asks for in the chat: done by the investigator, told by the gatekeeper, kept here between.

The gatekeeper holds no credential of the cluster and no key of the model; the investigator no token of the
chat. So a wish is a row and a job, and a restart of either loses nothing. A wish is a look or an answer:
no edge of the protocol begins here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import AwareDatetime
from sqlmodel import Session, col, func, select

from agents.incident import Approver, Claim, Value
from agents.ledger import payloads
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables_errands import ErrandRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject
from tools.queue.port import Job
from tools.redaction import redacted

Kind = Literal["analyze", "question"]
TO_DO, TO_TELL = "errand", "answer"
"""The lanes: what the investigator does, and what the gatekeeper then tells. Jobs carry the wish's number."""
AN_HOUR: dict[Kind, int] = {"analyze": 6, "question": 12}
"""So many of a kind may one person ask for within an hour; all together four times as many."""
TOGETHER = 4
GIVEN_UP_AFTER = timedelta(minutes=10)
"""A wish that nobody did by then holds no place any more, and its answer would come too late for anybody."""


class Errand(Value):
    """One wish. Without ``thread_ts`` its person alone is told."""

    number: int = 0
    kind: Kind
    subject: str = ""
    incident: int | None = None
    by: Approver
    channel_id: str
    thread_ts: str = ""
    asked_at: AwareDatetime | None = None
    answer: JsonObject | None = None
    told: bool = False

    def is_late(self, now: AwareDatetime) -> bool:
        """Whether nobody waits for it any more."""
        return self.asked_at is not None and now - self.asked_at > GIVEN_UP_AFTER


def ask(ledger: Ledger, wish: Errand, words: str = "") -> int | str:
    """Write a wish down and have it done; its number, or why not now.

    ``words`` are a person's own: kept beside the record, by their digest, which is then the subject.
    """
    with ledger.write() as tx:
        # Two that count at the same moment would both find room for the last one.
        tx.alone()
        why = _against(tx, wish)
        if why:
            return why
        person = f"{wish.by.team_id}/{wish.by.user_id}"
        subject = payloads.keep(tx, words, payloads.salt(), person) if words else wish.subject
        row = ErrandRow(
            **wish.model_dump(include={"kind", "incident", "channel_id", "thread_ts"}),
            **wish.by.model_dump(),
            subject=subject,
            asked_at=tx.now,
        )
        tx.session.add(row)
        tx.session.flush()
        number = row.id or 0
        said = {"n": number, "kind": wish.kind, "subject": subject, "by": wish.by.model_dump()}
        tx.audit(Tag.ERRAND_ASKED, said, incident=wish.incident)
        _job(tx, TO_DO, number)
        return number


def _against(tx: Transaction, wish: Errand) -> str:
    since = (ErrandRow.kind == wish.kind, col(ErrandRow.asked_at) > tx.now - timedelta(hours=1))
    whose = (ErrandRow.team_id == wish.by.team_id, ErrandRow.user_id == wish.by.user_id)
    open_ = (col(ErrandRow.answered_at).is_(None), col(ErrandRow.asked_at) > tx.now - GIVEN_UP_AFTER)
    most = AN_HOUR[wish.kind]
    if _count(tx, *since, *whose, *open_):
        return "what you asked for before is still being looked at"
    if _count(tx, *since, *whose) >= most:
        return f"that is more than {most} within an hour"
    if _count(tx, *since) >= most * TOGETHER:
        return f"people asked for more than {most * TOGETHER} within an hour"
    return ""


def _count(tx: Transaction, *where: object) -> int:
    return tx.session.exec(select(func.count()).select_from(ErrandRow).where(*where)).one()  # type: ignore[arg-type]


def _job(tx: Transaction, lane: str, number: int) -> None:
    tx.queue.enqueue(tx.session.connection(), Job(lane=lane, incident=number))


def answer(ledger: Ledger, number: int, said: JsonObject) -> None:
    """Keep what came of a wish, once, and have it told."""
    with ledger.write() as tx:
        row = tx.session.get(ErrandRow, number)
        if row is None or row.answered_at is not None:
            return
        row.answered_at, row.answer = tx.now, redacted(said)
        tx.session.add(row)
        tx.audit(Tag.ERRAND_DONE, {"n": number, "kind": row.kind}, incident=row.incident)
        _job(tx, TO_TELL, number)


def told(ledger: Ledger, number: int) -> None:
    """Its person was told, or can be told no more."""
    with ledger.write() as tx:
        row = tx.session.get(ErrandRow, number)
        if row is not None:
            row.told_at = tx.now
            tx.session.add(row)


def errand(session: Session, number: int) -> Errand | None:
    """A wish and what came of it, or None."""
    row = session.get(ErrandRow, number)
    if row is None:
        return None
    return Errand(
        number=number,
        by=Approver(team_id=row.team_id, user_id=row.user_id),
        told=row.told_at is not None,
        **row.model_dump(
            include={"kind", "subject", "incident", "channel_id", "thread_ts", "asked_at", "answer"}
        ),
    )


class Surveyed(Value):
    """What a look at a namespace found: the first of each, and how many more there are.

    ``problem`` says why nothing was looked at, if nothing was.
    """

    problem: str = ""
    causes: tuple[str, ...] = ()
    more_causes: int = 0
    findings: tuple[str, ...] = ()
    more_findings: int = 0
    not_checked: tuple[str, ...] = ()
    more_gaps: int = 0


class Answered(Value):
    """What a model said to a question, as far as the evidence carries it; ``problem`` is why it said nothing.

    ``dropped`` counts what it claimed and could not show.
    """

    claims: tuple[Claim, ...] = ()
    dropped: int = 0
    model: str = ""
    problem: str = ""
