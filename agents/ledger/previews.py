"""From a draft to a card: the accepted dry-run, or the API server's refusal, and the posting."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from agents.incident import Preview
from agents.ledger import lines
from agents.ledger.lines import MOST_ASKING
from agents.ledger.moves import Move, hinder, move, quarantine, standing
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables import PlanRow, PreviewRow, ProposalRow
from agents.ledger.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Posted:
    """Where a plan's card stands in the chat, and the digest of what it shows."""

    channel_id: str
    message_ts: str
    card_digest: str


def store_preview(ledger: Ledger, preview: Preview) -> Objection | None:
    """Keep an accepted dry-run of a DRAFT, once."""
    with ledger.write() as tx:
        found = standing(tx.session, preview.plan_id)
        if isinstance(found, Objection):
            quarantine(tx, preview.plan_id)
            return found
        if found.state is not PlanState.DRAFT:
            return Objection.NO_SUCH_EDGE
        # What was shown must stay what was shown: a second rehearsal never replaces the first.
        if tx.session.get(PreviewRow, preview.plan_id) is not None:
            return Objection.DUPLICATE
        tx.session.add(
            PreviewRow(
                plan_id=preview.plan_id,
                at=preview.at,
                diffs=list(preview.diffs),
                dry_run_digest=preview.dry_run_digest,
                warnings=list(preview.warnings),
            )
        )
        body = {"dry_run": preview.dry_run_digest, "warnings": len(preview.warnings)}
        tx.audit(Tag.PLAN_PREVIEWED, body, incident=found.row.incident, plan_id=preview.plan_id)
        tx.wake(Agent.GATEKEEPER, found.row.incident)
        return None


def refuse_draft(ledger: Ledger, plan_id: str, reason: str) -> Objection | None:
    """The dry-run was refused: keep the API server's own words."""
    with ledger.write() as tx:
        return move(tx, Move(plan_id=plan_id, to=PlanState.REFUSED, by=Agent.ACTOR, reason=reason))


def preview_of(session: Session, plan_id: str) -> Preview | None:
    """The stored preview, or None."""
    row = session.get(PreviewRow, plan_id)
    if row is None:
        return None
    return Preview(
        plan_id=row.plan_id,
        at=row.at,
        diffs=tuple(row.diffs),
        dry_run_digest=row.dry_run_digest,
        warnings=tuple(row.warnings),
    )


def ask_for_place(ledger: Ledger, plan_id: str, channel_id: str) -> bool:
    """Whether a previewed draft may be shown for signing now: it keeps its place until it is over.

    Whoever must wait is told by the channel's digest, in the order of ``lines``; it is on record once (T33).
    """
    with ledger.write() as tx:
        found = standing(tx.session, plan_id)
        if isinstance(found, Objection) or found.state is not PlanState.DRAFT:
            return False
        incident = found.row.incident
        free = MOST_ASKING - _asking_in(tx, channel_id, incident)
        full = lines.ahead(tx.session, channel_id, lines.asking(tx.session, incident)) >= free
        # A draft that is told its channel has its place there: nobody else is shown in its stead.
        held = tx.session.get_one(ProposalRow, plan_id)
        held.channel_id = "" if full else channel_id
        tx.session.add(held)
        tx.session.flush()
        if hinder(tx, found, Objection.CHANNEL_FULL.value if full else "") and full:
            tx.audit(Tag.CARD_WAITS, {"channel": channel_id}, incident=incident, plan_id=plan_id)
        if full:
            lines.list_in(tx, channel_id, incident)
        return not full


def _asking_in(tx: Transaction, channel_id: str, but: int) -> int:
    # Counted with nobody else writing: two gatekeepers must not give the last place away twice.
    tx.alone()
    return len(lines.holders(tx.session, channel_id) - {but})


def mark_pending(ledger: Ledger, plan_id: str, posted: Posted, reason: str = "") -> Objection | None:
    """The card is up: from now on a person may decide. Needs an accepted dry-run.

    Channel and message are kept with the plan: a click from anywhere else is not about this card. Without a
    message nobody can click; ``reason`` says then in what other way it is shown. It takes its place in the
    channel all the same, for the same people weigh it.
    """
    with ledger.write() as tx:
        if tx.session.get(PreviewRow, plan_id) is None:
            return Objection.NOT_PREVIEWED
        incident = tx.session.get_one(PlanRow, plan_id).incident
        if _asking_in(tx, posted.channel_id, incident) >= MOST_ASKING:
            return Objection.CHANNEL_FULL
        against = move(tx, Move(plan_id=plan_id, to=PlanState.PENDING, by=Agent.GATEKEEPER, reason=reason))
        if against is None:
            _place(tx, plan_id, posted)
            lines.leave(tx, incident)
            lines.touch(tx, posted.channel_id)
        return against


def give_card(ledger: Ledger, plan_id: str, posted: Posted) -> None:
    """The card of a plan that was opened without one is up: from now on a click on it counts as well."""
    with ledger.write() as tx:
        # Nobody moves the plan meanwhile: a click is about the card that stands here, or about none.
        tx.alone()
        proposal = tx.session.get(ProposalRow, plan_id)
        if proposal is not None and not proposal.message_ts:
            _place(tx, plan_id, posted)


def _place(tx: Transaction, plan_id: str, posted: Posted) -> None:
    proposal = tx.session.get_one(ProposalRow, plan_id)
    proposal.channel_id, proposal.message_ts = posted.channel_id, posted.message_ts
    proposal.card_digest = posted.card_digest
    tx.session.add(proposal)
