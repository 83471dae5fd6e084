"""What a person wrote, kept beside the record: events hold its digest, so it can be erased (threat T50).

The digest is salted: from it alone nobody can guess a short sentence. Erasing takes words and salt away
and leaves an event that says so; chain, seals and decisions stay valid, because they hold digests only.
The ids of people stay: who decided is what the record is for. So does what an operator wrote at a halt.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from sqlmodel import Session, col, or_, select

from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger, LedgerError, Transaction
from agents.ledger.tables import (
    DecisionRow,
    DeliveryRow,
    EvidenceRow,
    PayloadRow,
    PlanRow,
    ProposalRow,
)
from agents.ledger.tags import Tag

ERASED = "[erased]"


class NothingToErase(LedgerError):
    """No payload, evidence or delivery has this digest, and no payload is of this person."""


def salt() -> str:
    """A fresh salt."""
    return secrets.token_hex(16)


def digest_of(words: str, salted: str) -> str:
    """What an event holds instead of the words; nothing of no words."""
    return hashlib.sha256(f"{salted}\n{words}".encode()).hexdigest() if words else ""


def keep(tx: Transaction, words: str, salted: str, person: str) -> str:
    """Keep the words of a person (``team/user``, or a name); their digest."""
    digest = digest_of(words, salted)
    if digest:
        tx.session.add(PayloadRow(digest=digest, person=person, salt=salted, words=words))
    return digest


def words_of(session: Session, digest: str) -> tuple[str, str]:
    """The words and their salt; that they were erased, when they were."""
    row = session.get(PayloadRow, digest) if digest else None
    if row is None:
        return "", ""
    return (ERASED, "") if row.erased_at is not None else (row.words, row.salt)


def erase(ledger: Ledger, *, digest: str = "", user: str = "", by: str) -> list[str]:
    """Erase what has this digest, or all words of one person (``U1`` or ``T1/U1``); the erased digests.

    Raises NothingToErase. Evidence and deliveries go by digest only: they are about machines first.
    """
    with ledger.write() as tx:
        same = col(PayloadRow.digest) == digest
        theirs = or_(
            col(PayloadRow.person) == user, col(PayloadRow.person).endswith(f"/{user}", autoescape=True)
        )
        wanted = select(PayloadRow).where(same if digest else theirs, col(PayloadRow.erased_at).is_(None))
        gone = [_payload(tx, row) for row in tx.session.exec(wanted).all()]
        if digest:
            gone += [*_evidence(tx, digest), *_deliveries(tx, digest)]
        if not gone:
            raise NothingToErase(f"there is nothing to erase of {digest or user}")
        for one in dict.fromkeys(gone):
            tx.audit(Tag.PAYLOAD_ERASED, {"digest": one, "by": by})
        return gone


def _payload(tx: Transaction, row: PayloadRow) -> str:
    _copies(tx, row)
    row.words, row.salt, row.person, row.erased_at = "", "", "", tx.now
    tx.session.add(row)
    return row.digest


def _copies(tx: Transaction, row: PayloadRow) -> None:
    """The same words where a card or a page shows them: at the plan that was decided with them."""
    decided = select(DecisionRow, ProposalRow, PlanRow.incident)
    decided = decided.join(ProposalRow, col(ProposalRow.plan_id) == col(DecisionRow.plan_id))
    decided = decided.join(PlanRow, col(PlanRow.id) == col(DecisionRow.plan_id))
    said = f": {row.words}"
    for decision, proposal, incident in tx.session.exec(decided):
        if decision.body.get("reason_digest") == row.digest and proposal.reason.endswith(said):
            proposal.reason = f"{proposal.reason.removesuffix(said)}: {ERASED}"
            tx.session.add(proposal)
            # Or the card would show them until something else redraws it.
            tx.wake(Agent.GATEKEEPER, incident)


def _evidence(tx: Transaction, digest: str) -> Iterable[str]:
    rows = [row for row in tx.session.exec(select(EvidenceRow)) if row.body["digest"] == digest]
    for row in rows:
        if row.body["excerpt"] != ERASED:
            row.body = {**row.body, "excerpt": ERASED}
            tx.session.add(row)
            yield digest


def _deliveries(tx: Transaction, digest: str) -> Iterable[str]:
    for row in tx.session.exec(select(DeliveryRow).where(DeliveryRow.key == digest)):
        if row.raw:
            row.raw = b""
            tx.session.add(row)
            yield digest
