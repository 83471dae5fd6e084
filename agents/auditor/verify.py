"""Recompute the record: chain, checkpoints and anchors, every plan's digest and path, every decision.

It rebuilds where each plan must stand, who decided and what was seen from the audit events alone and
compares. Checkpoints are checked by the keys that are kept outside the database; an anchor is a
checkpoint that was told somewhere else, so that a record cut short or made anew contradicts it. What
was written after the newest anchor can be cut off unseen (docs/limits.md); how much that is, is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlmodel import Session, select

from agents.auditor import signatures
from agents.auditor.halves import ALONE, recounted
from agents.auditor.keys import Trust
from agents.auditor.notes import NotANote, Note, notes_in
from agents.auditor.recount import Bent, Mark, Recount, Told
from agents.incident import digest_of
from agents.ledger import checkpoints, payloads
from agents.ledger.protocol import EDGES, PlanState
from agents.ledger.store import Ledger
from agents.ledger.tables import DecisionRow, EvidenceRow, PayloadRow, PlanRow, ProposalRow

_EDGES = {(start.value, end.value) for start, end in EDGES}


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What is kept outside the database: the keys that count, and the anchors with where they were found."""

    trust: Trust | None = None
    anchors: tuple[tuple[str, Note], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verification found. ``problems`` is empty when the record is whole; ``first_bad`` is the first
    row that does not fit; ``remarks`` is what was not or could not be checked."""

    events: int
    plans: int
    problems: tuple[str, ...]
    first_bad: int | None = None
    checkpoints: int = 0
    anchored: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


@dataclass(kw_only=True)
class Progress:
    """How far a verification is, for whoever waits: it is written by one thread and read by another.

    ``alone`` is up to how many rows one process does it all; of a longer record another does the second half.
    """

    recount: Recount = field(default_factory=Recount)
    events: int = 0
    alone: int = ALONE

    @property
    def done(self) -> int:
        """How many events were recomputed."""
        seq = self.recount.seq
        return min(self.events, 2 * seq if self.events > self.alone else seq)


def verify(ledger: Ledger, outside: Outside | None = None, progress: Progress | None = None) -> Verdict:
    """Check the whole ledger. Reads only."""
    with ledger.read() as session:
        return verdict(session, outside or Outside(), progress)


def verdict(session: Session, outside: Outside, progress: Progress | None = None) -> Verdict:
    """Check what this session sees; ``progress`` ends with where the pass over the rows ended."""
    progress = progress or Progress()
    stored = checkpoints.notes(session)
    with signatures.checking(outside.trust, [text for _, text in stored]) as unsigned:
        own, problems = _checkpoints(stored)
        anchored, more = _anchors(stored, outside)
        recount = Recount(sizes={mark.checkpoint.size for mark in (*own.values(), *anchored)})
        progress.recount, progress.events = recount, checkpoints.head(session)[0]
        bent = recounted(session, recount, progress.alone)
    for n in unsigned():
        size, _ = stored[n]
        if own.pop(size, None):
            problems.append(f"checkpoint {size}: no trusted key signed it")
    problems += more
    bent = recount.first_bad(bent, [*own.values(), *anchored]) or _head(session, recount)
    if bent is not None:
        problems.insert(0, f"audit: {bent.why}")
    else:
        # Of a bent record the events say nothing that could be compared.
        problems += _tables(session, recount.told)
    return Verdict(
        events=checkpoints.head(session)[0],
        plans=len(session.exec(select(PlanRow.id)).all()),
        problems=tuple(problems),
        first_bad=bent.seq if bent else None,
        checkpoints=len(stored),
        anchored=max((note.checkpoint.size for _, note in outside.anchors), default=0),
        remarks=tuple(_remarks(recount, stored, outside)),
    )


def _checkpoints(stored: list[tuple[int, str]]) -> tuple[dict[int, Mark], list[str]]:
    """What the stored checkpoints claim, by their size, and what is wrong with the others."""
    marks, problems = {}, []
    for size, text in stored:
        try:
            (note,) = notes_in(text)
        except (NotANote, ValueError) as problem:
            problems.append(f"checkpoint {size}: {problem}")
            continue
        if note.checkpoint.size != size:
            problems.append(f"checkpoint {size}: it is over {note.checkpoint.size} rows")
        else:
            marks[size] = Mark(checkpoint=note.checkpoint, found=f"the checkpoint over {size}")
    return marks, problems


def _anchors(stored: list[tuple[int, str]], outside: Outside) -> tuple[list[Mark], list[str]]:
    """What the anchors claim, and what is wrong with them."""
    kept = {text for _, text in stored}
    marks, problems = [], []
    for where, note in outside.anchors:
        size = note.checkpoint.size
        # What stands in the ledger with the same signature is checked there.
        if note.text() not in kept:
            if outside.trust is not None and not outside.trust.signed(note):
                problems.append(f"anchor over {size} in {where}: no trusted key signed it")
                continue
            problems.append(f"anchor over {size} in {where}: its checkpoint is no longer in the ledger")
        marks.append(Mark(checkpoint=note.checkpoint, found=f"the anchor in {where}"))
    return marks, problems


def _head(session: Session, recount: Recount) -> Bent | None:
    seq, own = checkpoints.head(session)
    if (seq, own) == (recount.seq, recount.head.hex()):
        return None
    return Bent(seq=recount.seq + 1, why=f"the chain ends at row {recount.seq}, its head says {seq}")


def _tables(session: Session, told: Told) -> list[str]:
    try:
        return [
            *_plans(session, told),
            *_decisions(session, told),
            *_evidence(session, told),
            *_words(session, told),
        ]
    except (ValueError, KeyError, TypeError) as problem:
        return [f"a table holds what Midwatch never wrote: {problem}"]


def _plans(session: Session, told: Told) -> Iterator[str]:
    gone = set(told.drafts)
    for row in session.exec(select(PlanRow)):
        proposal = session.get(ProposalRow, row.id)
        gone.discard(row.id)
        if not digest_of(row.canonical) == row.digest == told.drafts.get(row.id):
            yield f"plan {row.id}: its bytes do not match its digest"
        stands = proposal.state if proposal else "nowhere"
        if stands != told.moves.get(row.id, [PlanState.DRAFT.value])[-1]:
            yield f"plan {row.id}: it stands at {stands}, but its events say {told.moves.get(row.id)}"
    for plan_id in sorted(gone):
        yield f"plan {plan_id}: its events are there and it is not"
    for plan_id, path in told.moves.items():
        for start, end in zip([PlanState.DRAFT.value, *path], path, strict=False):
            if (start, end) not in _EDGES:
                yield f"plan {plan_id}: its events go from {start} to {end}"


def _decisions(session: Session, told: Told) -> Iterator[str]:
    kept = {(row.plan_id, str(row.body["mac"])) for row in session.exec(select(DecisionRow))}
    for plan_id, _ in sorted(kept - told.seals):
        yield f"plan {plan_id}: a decision of which no event tells"
    for plan_id, _ in sorted(told.seals - kept):
        yield f"plan {plan_id}: an event tells of a decision that is not there"
    for plan_id in sorted(told.unsigned):
        yield f"plan {plan_id}: a signed decision is not what its key signed"


def _evidence(session: Session, told: Told) -> Iterator[str]:
    missing = dict(told.evidence)
    for row in session.exec(select(EvidenceRow).execution_options(yield_per=500)):
        name, excerpt = f"E{row.n}", str(row.body["excerpt"])
        digest = missing.pop((row.incident, name), "")
        gone = excerpt == payloads.ERASED and digest in told.erased
        if not gone and hashlib.sha256(excerpt.encode()).hexdigest() != digest:
            yield f"INC-{row.incident}: {name} is not what was seen"
    for incident, name in missing:
        yield f"INC-{incident}: {name} is no longer there"


def _words(session: Session, told: Told) -> Iterator[str]:
    missing = told.words - {""}
    for row in session.exec(select(PayloadRow).execution_options(yield_per=500)):
        missing.discard(row.digest)
        kept = payloads.digest_of(row.words, row.salt) == row.digest
        if not kept and not (row.erased_at is not None and row.digest in told.erased):
            yield f"payload {row.digest[:12]}: the words are not what was written"
    for digest in sorted(missing):
        yield f"payload {digest[:12]}: it is no longer there"


def _remarks(recount: Recount, stored: list[tuple[int, str]], outside: Outside) -> Iterator[str]:
    if outside.trust is None:
        yield "there is no list of trusted keys here: signatures were not checked"
    anchored = max((note.checkpoint.size for _, note in outside.anchors), default=0)
    if anchored < recount.seq:
        signed = max((size for size, _ in stored), default=0)
        yield (
            f"{recount.seq - anchored} events after the newest anchor ({recount.seq - signed} after the "
            "newest checkpoint): that they are all is not proven yet"
        )
