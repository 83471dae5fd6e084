"""One pass over the audit rows: chain, tree, columns against bytes, and what every checkpoint has to say.

It can stop anywhere and go on later, so that a long record is recomputed in small pieces. Which of the
checkpoints count is known only when their signatures were checked, so they are compared after the pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from agents.auditor.notes import Checkpoint
from agents.auditor.tree import Tree
from agents.ledger.chain import GENESIS
from agents.ledger.checkpoints import Stored
from agents.ledger.statements import fits_event
from agents.ledger.tags import Tag

_DECIDED, _MOVED, _ERASED = Tag.PLAN_DECIDED.value, Tag.PLAN_MOVED.value, Tag.PAYLOAD_ERASED.value
_EVIDENCE, _DRAFTED = Tag.EVIDENCE_STORED.value, Tag.PLAN_DRAFTED.value


@dataclass(frozen=True, kw_only=True)
class Bent:
    """The first row that does not fit, and how."""

    seq: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A checkpoint to meet on the way, and where it was found."""

    checkpoint: Checkpoint
    found: str


@dataclass(kw_only=True)
class Told:
    """What the events say of the other tables; verification compares."""

    drafts: dict[str, str] = field(default_factory=dict)
    moves: dict[str, list[str]] = field(default_factory=dict)
    seals: set[tuple[str, str]] = field(default_factory=set)
    evidence: dict[tuple[int | None, str], str] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    unsigned: set[str] = field(default_factory=set)
    """Plans with a decision whose statement its own key did not sign."""

    def hear(self, tag: str, plan: str, incident: int | None, body: dict[str, str]) -> None:
        """One event."""
        if tag == _MOVED:
            self.moves.setdefault(plan, []).append(body["to"])
        elif tag == _DRAFTED:
            self.drafts[plan] = body["digest"]
        elif tag == _DECIDED:
            self.seals.add((plan, body["mac"]))
            self.words.add(body["reason_digest"])
            if not fits_event(body):
                self.unsigned.add(plan)
        elif tag == _EVIDENCE:
            self.evidence[incident, body["id"]] = body["digest"]
        elif tag == _ERASED:
            self.erased.add(body["digest"])

    def join(self, later: Told) -> None:
        """And then all that."""
        self.drafts |= later.drafts
        for plan, path in later.moves.items():
            self.moves.setdefault(plan, []).extend(path)
        self.seals |= later.seals
        self.evidence |= later.evidence
        self.words |= later.words
        self.erased |= later.erased
        self.unsigned |= later.unsigned


_TELLING = {_DECIDED, _MOVED, _ERASED, _EVIDENCE, _DRAFTED}


@dataclass(kw_only=True)
class Recount:
    """A pass that has come to row ``seq``: the chain's head and the tree there, and what was told.

    ``met`` is head and tree at each row of ``sizes`` that it came by."""

    sizes: set[int] = field(default_factory=set)
    met: dict[int, tuple[bytes, Tree]] = field(default_factory=dict)
    seq: int = 0
    head: bytes = bytes.fromhex(GENESIS)
    tree: Tree = field(default_factory=Tree)
    told: Told = field(default_factory=Told)

    def feed(self, rows: Iterable[Stored]) -> Bent | None:
        """Go on over these rows; the first that does not fit ends it."""
        try:
            return self._feed(rows)
        except (ValueError, KeyError, TypeError, AttributeError):
            # Whoever owns the database can put anything into it, also what is no JSON and not even bytes.
            return Bent(seq=self.seq + 1, why=f"row {self.seq + 1} is no event")

    def _feed(self, rows: Iterable[Stored]) -> Bent | None:
        # Local names and nothing twice: a million times a microsecond is a second.
        head, count, sizes, telling, sha256 = self.head, self.seq, self.sizes, _TELLING, hashlib.sha256
        before, fresh = head.hex(), []
        try:
            for seq, prev_hash, own, body, tag, plan, incident, at in rows:
                leaf = sha256(b"\0" + body).digest()
                after = sha256(b"\2" + head + leaf).digest()
                # The columns are what is searched and shown; only the bytes are in the chain. Their names
                # are sorted (RFC 8785), so these are the beginning and the end of every honest row.
                of = "null" if incident is None else incident
                end = f',"incident":{of},"plan":"{plan}","seq":{count + 1},"tag":"{tag}"}}'.encode()
                start = f'{{"at":"{at[:10]}T{at[11:19]}'.encode()
                fits = seq == count + 1 and prev_hash == before and own == after.hex()
                if not (fits and body.endswith(end) and body.startswith(start)):
                    self.head, self.seq = head, count
                    return Bent(seq=count + 1, why=self._misfit(seq, prev_hash, own == after.hex()))
                if tag in telling:
                    self.told.hear(tag, plan, incident, orjson.loads(body)["body"])
                fresh.append(leaf)
                head, count, before = after, seq, own
                if seq in sizes:
                    self.tree.grow(fresh)
                    fresh.clear()
                    self.met[seq] = (head, Tree(size=self.tree.size, peaks=self.tree.peaks[:]))
        finally:
            self.head, self.seq = head, count
            self.tree.grow(fresh)
        return None

    def _misfit(self, seq: int, prev_hash: str, sealed: bool) -> str:
        if seq != self.seq + 1:
            return f"row {self.seq + 1} is missing: found {seq} instead"
        if prev_hash != self.head.hex():
            return f"row {seq} does not follow the row before it"
        if not sealed:
            return f"row {seq} was changed after it was written"
        return f"row {seq} says something else in its columns"

    def join(self, second: Recount) -> None:
        """Go on to where a pass ended that began here, with this one's hash and a tree of its own."""
        self.met |= {size: (head, self.tree.join(tree)) for size, (head, tree) in second.met.items()}
        self.tree = self.tree.join(second.tree)
        self.seq, self.head = second.seq, second.head
        self.told.join(second.told)

    def first_bad(self, bent: Bent | None, marks: list[Mark]) -> Bent | None:
        """At the end of the record, or where it is ``bent``: the first row that does not fit, also to one of
        these checkpoints."""
        against = [mark for mark in marks if self._against(mark)]
        if against:
            # Of several over the same rows the first one given is the one that is named.
            first = min(against, key=lambda mark: mark.checkpoint.size)
            size = first.checkpoint.size
            return Bent(seq=size, why=f"the rows up to {size} are not those of {first.found}")
        return bent or self._missed(marks)

    def _against(self, mark: Mark) -> bool:
        met = self.met.get(mark.checkpoint.size)
        if met is None:
            return False
        head, tree = met
        return (head, tree.root()) != (mark.checkpoint.head, mark.checkpoint.root)

    def _missed(self, marks: list[Mark]) -> Bent | None:
        beyond = [mark for mark in marks if mark.checkpoint.size > self.seq]
        if not beyond:
            return None
        first = min(beyond, key=lambda mark: mark.checkpoint.size)
        # Without the row where it ends now: it grows again, and this is still the same thing to say.
        size, found = first.checkpoint.size, first.found
        return Bent(
            seq=self.seq + 1,
            why=f"the record ends before row {size}, which {found} knows: its tail was cut off",
        )
