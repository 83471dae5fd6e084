"""The record as lines of JSON that anybody can check without Midwatch (see ``standalone.py``).

First a header: the public keys, and the chain's head and the tree's peaks where the export begins.
Then every signed checkpoint, then the events in order, then plans, decisions and evidence. Of an
incident's export, rows of other incidents carry only their leaf: the chain is whole and tells nothing
of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson
from sqlmodel import Session, col, select

from agents.auditor.keys import Trust
from agents.auditor.recount import Recount
from agents.ledger import checkpoints
from agents.ledger.chain import leaf
from agents.ledger.checkpoints import Stored
from agents.ledger.store import LedgerError
from agents.ledger.tables import AuditRow, DecisionRow, EvidenceRow, PayloadRow, PlanRow, ProposalRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject


class NothingToExport(LedgerError):
    """There is no such incident, or the record is bent where what is left out or put in must be known.

    The whole of a bent record can be exported: who checks it finds where it is bent."""


class NoSuchIncident(NothingToExport):
    """The record holds no incident of this number."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The rows after ``after`` up to ``upto``, with the words of one incident or of all."""

    after: int
    upto: int
    incident: int | None = None


def since(session: Session, at: datetime | None) -> Part:
    """Everything, or what was written from a time on."""
    end = checkpoints.head(session)[0]
    if at is None:
        return Part(after=0, upto=end)
    first = session.exec(
        select(AuditRow.seq).where(AuditRow.at >= at).order_by(col(AuditRow.seq)).limit(1)
    ).first()
    return Part(after=end if first is None else first - 1, upto=end)


def of_incident(session: Session, incident: int) -> Part:
    """From an incident's first row to its last, and on to the first checkpoint that signs it all.

    Raises NothingToExport.
    """
    own = select(AuditRow.seq).where(AuditRow.incident == incident)
    first = session.exec(own.order_by(col(AuditRow.seq)).limit(1)).first()
    last = session.exec(own.order_by(col(AuditRow.seq).desc()).limit(1)).first()
    if first is None or last is None:
        raise NoSuchIncident(f"there is no INC-{incident}")
    signed = checkpoints.notes(session, after=last - 1)
    upto = signed[0][0] if signed else checkpoints.head(session)[0]
    return Part(after=first - 1, upto=upto, incident=incident)


def lines(session: Session, part: Part, trust: Trust | None) -> Iterator[bytes]:
    """The export, a line at a time, each with its newline. Raises NothingToExport."""
    yield _line(_header(session, part, trust))
    for size, note in checkpoints.notes(session, after=part.after):
        if size <= part.upto:
            yield _line({"kind": "checkpoint", "note": note})
    incidents: set[int] = set()
    for rows in checkpoints.rows(session, after=part.after, upto=part.upto):
        for row in rows:
            yield _line(_event(row, part.incident))
            if row[4] == Tag.INCIDENT_OPENED.value and row[6] is not None:
                incidents.add(row[6])
    for incident in sorted(incidents if part.incident is None else {part.incident}):
        yield from map(_line, _facts(session, incident))


def _header(session: Session, part: Part, trust: Trust | None) -> JsonObject:
    recount = Recount()
    _count_on(session, recount, (0, part.after))
    header: JsonObject = {
        "kind": "midwatch-export",
        "version": 1,
        "at": datetime.now(UTC).isoformat(),
        "incident": part.incident,
        "part": part.incident is not None,
        "after": recount.seq,
        "head": recount.head.hex(),
        "peaks": [peak.hex() for peak in recount.tree.peaks],
        "keys": [asdict(line) for line in trust.lines] if trust else [],
    }
    if part.incident is not None:
        # To the end, also behind the part: whose a row is stands in a column that only counting compares.
        _count_on(session, recount, (part.after, checkpoints.head(session)[0]))
    return header


def _count_on(session: Session, recount: Recount, part: tuple[int, int]) -> None:
    for rows in checkpoints.rows(session, *part):
        if bent := recount.feed(rows):
            raise NothingToExport(f"the record is bent: {bent.why}")


def _event(row: Stored, incident: int | None) -> JsonObject:
    seq, _, own, body, _, _, of, _ = row
    # What concerns nobody in particular (a halt, a new key) is everybody's business.
    if incident is None or of in {incident, None}:
        return {"kind": "event", "seq": seq, "hash": own, "body": body.decode()}
    return {"kind": "event", "seq": seq, "hash": own, "leaf": leaf(body).hex()}


def _facts(session: Session, incident: int) -> Iterator[JsonObject]:
    for plan, proposal in session.exec(
        select(PlanRow, ProposalRow).join(ProposalRow).where(PlanRow.incident == incident)
    ):
        canonical = _text(plan.canonical)
        facts = {"id": plan.id, "digest": plan.digest, "state": proposal.state, "canonical": canonical}
        yield {"kind": "plan", "incident": incident, **facts}
        for decision in session.exec(select(DecisionRow).where(DecisionRow.plan_id == plan.id)):
            yield {"kind": "decision", "plan": plan.id, "body": decision.body}
            said = session.get(PayloadRow, str(decision.body["reason_digest"]))
            if said is not None:
                kept = {"digest": said.digest, "salt": said.salt, "words": said.words}
                yield {"kind": "words", "plan": plan.id, **kept}
    seen = select(EvidenceRow).where(EvidenceRow.incident == incident).order_by(col(EvidenceRow.n))
    for evidence in session.exec(seen):
        name, excerpt = f"E{evidence.n}", evidence.body["excerpt"]
        yield {"kind": "evidence", "incident": incident, "id": name, "excerpt": excerpt}


def _text(stored: bytes | str) -> str:
    # Whoever bends a database may leave anything there: it comes out as it is, and its digest tells.
    return stored if isinstance(stored, str) else stored.decode(errors="backslashreplace")


def _line(facts: JsonObject) -> bytes:
    return orjson.dumps(facts) + b"\n"
