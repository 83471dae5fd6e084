"""Where the cards and thread entries of an incident stand in the chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from agents.incident import Hex64, IncidentState, Value
from agents.ledger import lines
from agents.ledger.previews import Posted
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables import CardRow, IncidentRow, ThreadRow
from agents.ledger.tables_people import ChatFileRow
from agents.ledger.tags import Tag

LATELY = timedelta(minutes=10)
"""For so long a new card counts among those that people still have to read, whatever it asks."""


def card_of(session: Session, incident: int) -> CardRow | None:
    """The card's row: its intent, or where it was posted and what it shows."""
    return session.get(CardRow, incident)


class Need(StrEnum):
    """Why an incident should have a card of its own."""

    ASKS = "somebody is asked or called"
    TELLS = "there is something to tell"
    OVER = "it is over"


def begin_card(ledger: Ledger, incident: int, channel_id: str, need: Need) -> bool:
    """Note that a card is about to be posted, so that a crash can look for it before posting again.

    False when there is no room for one that asks nothing: the channel's digest tells it meanwhile, and it
    is looked at again. What is over was told there, and needs no card any more.
    """
    with ledger.write() as tx:
        if tx.session.get(CardRow, incident) is not None:
            return True
        # Before any row of the digest, which others change behind the record's lock.
        tx.alone()
        told = need is Need.OVER and lines.leave(tx, incident)
        if told or (need is not Need.ASKS and _crowded(tx, incident, channel_id)):
            if need is Need.TELLS and lines.list_in(tx, channel_id, incident):
                tx.audit(Tag.CARD_HELD, {"channel": channel_id}, incident=incident)
            return False
        tx.session.add(CardRow(incident=incident, channel_id=channel_id, tried_at=tx.now))
        return True


def _crowded(tx: Transaction, incident: int, channel_id: str) -> bool:
    """Whether as many open cards as people can follow ask in the channel or came there lately."""
    lately = select(CardRow.incident).join(IncidentRow, col(IncidentRow.number) == col(CardRow.incident))
    lately = lately.where(CardRow.channel_id == channel_id, col(CardRow.tried_at) > tx.now - LATELY)
    # What no longer fires is nothing that somebody still has to follow.
    fires = (IncidentRow.state == IncidentState.OPEN.value, col(IncidentRow.resolved_at).is_(None))
    opened = set(tx.session.exec(lately.where(*fires)))
    free = lines.MOST_ASKING - len(opened | lines.holders(tx.session, channel_id))
    return lines.ahead(tx.session, channel_id, lines.telling(tx.session, incident)) >= free


def record_card(ledger: Ledger, incident: int, posted: Posted) -> None:
    """The card is up (or shows something new).

    The digest of what it shows is kept, so that it is sent again only when it would differ.
    """
    with ledger.write() as tx:
        tx.alone()
        row = tx.session.get_one(CardRow, incident)
        tag = Tag.CARD_UPDATED if row.message_ts else Tag.CARD_POSTED
        if not lines.waits(tx.session, incident):
            lines.leave(tx, incident)
        row.channel_id, row.message_ts, row.digest = posted.channel_id, posted.message_ts, posted.card_digest
        tx.session.add(row)
        tx.audit(tag, {"ts": posted.message_ts, "digest": posted.card_digest}, incident=incident)


def thread_keys(session: Session, incident: int) -> set[str]:
    """The entries that the card's thread already has."""
    return set(session.exec(select(ThreadRow.key).where(ThreadRow.incident == incident)))


def record_entry(ledger: Ledger, incident: int, key: str, message_ts: str) -> None:
    """A thread entry is up."""
    with ledger.write() as tx:
        _enter(tx, ThreadRow(incident=incident, key=key, message_ts=message_ts))


@dataclass(frozen=True, kw_only=True)
class Paged:
    """People were called by name about a plan: under which key of the thread, and what was said."""

    plan_id: str
    key: str
    said: dict[str, object]


def record_page(ledger: Ledger, incident: int, paged: Paged, message_ts: str) -> None:
    """The call is up: its place in the thread and its event are one."""
    with ledger.write() as tx:
        tx.alone()
        _enter(tx, ThreadRow(incident=incident, key=paged.key, message_ts=message_ts))
        tx.audit(Tag.HUMAN_PAGED, paged.said, incident=incident, plan_id=paged.plan_id)


def _enter(tx: Transaction, row: ThreadRow) -> None:
    same = select(ThreadRow).where(ThreadRow.incident == row.incident, ThreadRow.key == row.key)
    if tx.session.exec(same).first() is None:
        tx.session.add(row)


class ChatFile(Value):
    """A file in the card's thread: its key there, Slack's id and address of it, and what its bytes are."""

    key: str
    file_id: str
    link: str = ""
    sha256: Hex64


def record_file(ledger: Ledger, incident: int, file: ChatFile, plan_id: str = "") -> None:
    """A file is up. Its digest goes into the record: what was shown can be compared with it later."""
    with ledger.write() as tx:
        tx.alone()
        tx.session.merge(ChatFileRow(incident=incident, at=tx.now, **file.model_dump()))
        said = {"key": file.key, "sha256": file.sha256}
        tx.audit(Tag.FILE_SHARED, said, incident=incident, plan_id=plan_id)


def files_of(session: Session, incident: int) -> list[ChatFile]:
    """The files in the card's thread, oldest first."""
    query = select(ChatFileRow).where(ChatFileRow.incident == incident).order_by(col(ChatFileRow.at))
    return [
        ChatFile(key=row.key, file_id=row.file_id, link=row.link, sha256=row.sha256)
        for row in session.exec(query)
    ]


def incident_at(session: Session, channel_id: str, message_ts: str) -> int | None:
    """Which incident's card stands there, or None."""
    where = (CardRow.channel_id == channel_id, CardRow.message_ts == message_ts)
    return session.exec(select(CardRow.incident).where(*where)).first() if message_ts else None
