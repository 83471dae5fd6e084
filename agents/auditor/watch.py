"""The auditor at work: it follows the record as it grows, signs it, tells it outside, and cries out.

Every second the new rows are recomputed from where the last look ended; a checkpoint is due after
100 rows or 60 seconds. Every four minutes the whole record is recomputed from its first row, because
an old row may be bent as well (threat T19). A record that was found bent is never signed again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from agents.auditor import anchors, signatures, verdicts
from agents.auditor.anchors import CHAT, Outlet
from agents.auditor.apart import GivenUp, Work, edge_of, verified
from agents.auditor.keys import KeyProblem, KeyRing, Trust
from agents.auditor.notes import Checkpoint, NotANote, notes_in
from agents.auditor.recount import Bent, Recount
from agents.auditor.verdicts import Kept
from agents.auditor.verify import Progress, Verdict
from agents.ledger import checkpoints
from agents.ledger.checkpoints import Pace
from agents.ledger.store import Ledger, LedgerError
from agents.ledger.tags import Tag

logger = logging.getLogger("midwatch.auditor")


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How often what is done, in seconds; and after how many rows a checkpoint is due anyway."""

    look_s: float = 1.0
    sign_s: float = 60.0
    sign_rows: int = 100
    whole_s: float = 240.0
    tell_s: float = 10.0
    anchors: Pace = field(default_factory=Pace)


@dataclass(kw_only=True)
class Auditor:
    """One auditor of one ledger. ``found`` is what is wrong, empty while the record is whole."""

    ledger: Ledger
    keys: KeyRing
    anchor_file: Path
    verdict_file: Path
    rhythm: Rhythm = field(default_factory=Rhythm)
    found: tuple[str, ...] = ()
    first_bad: int | None = None
    last: Verdict | None = None
    last_at: datetime | None = None
    signed: int = 0
    progress: Progress | None = None
    """How far the verification is that runs now, if one does."""
    _asked: bool = field(default=False, repr=False)
    _kept: Kept | None = field(default=None, repr=False)
    _anchored: int | None = field(default=None, repr=False)
    _untold: str = field(default="", repr=False)
    _edge: Recount = field(default_factory=Recount, repr=False)
    _bent: Bent | None = field(default=None, repr=False)
    _whole_at: float = field(default=float("-inf"), repr=False)
    _stopping: threading.Event = field(default_factory=threading.Event, repr=False)

    def look(self) -> tuple[str, ...]:
        """Follow the new rows, sign when it is due, recompute all when it is time; what is wrong.

        Blocking. Raises LedgerError while the database is away, OSError, KeyProblem and NotANote for files.
        """
        trust = self.keys.open(self.ledger.now())
        if self._asked or time.monotonic() - self._whole_at >= self.rhythm.whole_s:
            self._recompute()
        # What was seen with our own eyes and is gone stays wrong, also when the rest fits together again.
        self._bent = self._bent or self._follow()
        told = self.last.problems if self.last else ()
        self.found = (f"audit: {self._bent.why}",) if self._bent else told
        self.first_bad = self._bent.seq if self._bent else self.last.first_bad if self.last else None
        if not self.found and self._due():
            self._sign(trust)
        self._to_files(trust)
        return self.found

    def ask(self) -> None:
        """Have all recomputed at the next look; asked often, it is done once."""
        self._asked = True

    @property
    def busy(self) -> bool:
        """Whether all is being recomputed, or is about to be."""
        return self._asked or self.progress is not None

    @property
    def seen(self) -> int:
        """How many rows were recomputed."""
        return self._edge.seq

    def _recompute(self) -> None:
        # Who asks from here on means a later state. Should this fail, the next look does it again.
        self._asked, self._whole_at = False, float("-inf")
        self.progress = Progress()
        try:
            outside = anchors.outside(self.keys, self.anchor_file)
            work = Work(ledger=self.ledger, outside=outside, progress=self.progress, wanted=self._is_wanted)
            self.last = verified(work)
            if not self._edge.seq:
                # The first look need not walk through years of rows a second time.
                self._edge = edge_of(self.progress.recount)
        finally:
            self.progress = None
        self._whole_at, self.last_at = time.monotonic(), self.ledger.now()

    def _is_wanted(self) -> bool:
        return not self._stopping.is_set()

    def stop(self) -> None:
        """Give up what is being recomputed, if it is done elsewhere: it may take longer than people wait."""
        self._stopping.set()

    def _follow(self) -> Bent | None:
        """Go on from where the last look ended: what was seen then must still come before."""
        with self.ledger.read() as session:
            seq, own = checkpoints.head(session)
            if seq < self._edge.seq:
                return Bent(seq=seq + 1, why=f"row {seq + 1} was there and is gone")
            for part in checkpoints.rows(session, after=self._edge.seq):
                if bent := self._edge.feed(part):
                    return bent
        if (seq, own) != (self._edge.seq, self._edge.head.hex()):
            return Bent(seq=seq, why=f"row {seq} is not the row that was there")
        return None

    def _due(self) -> bool:
        with self.ledger.read() as session:
            last = checkpoints.newest(session)
        size, at = (0, None) if last is None else (last[0], last[2])
        self.signed = size
        if self._edge.seq <= size:
            return False
        late = at is None or (self.ledger.now() - at).total_seconds() >= self.rhythm.sign_s
        return late or self._edge.seq - size >= self.rhythm.sign_rows

    def _sign(self, trust: Trust) -> None:
        checkpoint = Checkpoint(
            origin=trust.origin,
            size=self._edge.seq,
            root=self._edge.tree.root(),
            head=self._edge.head,
            at=self.ledger.now(),
        )
        note = self.keys.sign(checkpoint, trust)
        checkpoints.store(self.ledger, checkpoint.size, note.text())
        self.signed = checkpoint.size

    def _to_files(self, trust: Trust) -> None:
        """Keep the verdict, and anchor what is signed. A file that takes nothing now is tried again at the
        next look, and holds up neither the record's watch nor what the chat is told."""
        said = ""
        for write in (self._keep, lambda: self._anchor(trust)):
            try:
                write()
            except OSError as problem:
                said = str(problem)
        if said and said != self._untold:
            logger.error("what the auditor found cannot be kept: %s", said)
        self._untold = said

    def _keep(self) -> None:
        if self.last is None or self.last_at is None:
            return
        found = replace(self.last, problems=self.found, first_bad=self.first_bad)
        now = Kept(at=self.last_at, verdict=found)
        if now != self._kept:
            verdicts.keep(self.verdict_file, now)
            self._kept = now

    def _anchor(self, trust: Trust) -> None:
        """Add to the file every checkpoint of ours that is newer than what it holds."""
        if self.found:
            return
        if self._anchored is None:
            self._anchored = max((note.checkpoint.size for note in anchors.kept(self.anchor_file)), default=0)
        if self.signed <= self._anchored:
            return
        with self.ledger.read() as session:
            stored = checkpoints.notes(session, after=self._anchored)
        # What somebody else put into the table is verification's to name, and not ours to vouch for.
        refused = set(signatures.unsigned(trust, [text for _, text in stored]))
        fresh = [note for n, (_, text) in enumerate(stored) if n not in refused for note in notes_in(text)]
        if fresh:
            anchors.append(self.anchor_file, *fresh)
        self._anchored = max(size for size, _ in stored)


async def watch(auditor: Auditor, outlet: Outlet, stop: asyncio.Event) -> None:
    """Look until told to stop. What is wrong is logged, recorded and told; so is every due anchor."""
    stopping = asyncio.create_task(_stop_at(stop, auditor))
    try:
        await _watch(auditor, outlet, stop)
    except GivenUp:
        # Whoever starts next verifies all of it.
        return
    finally:
        stopping.cancel()


async def _stop_at(stop: asyncio.Event, auditor: Auditor) -> None:
    await stop.wait()
    auditor.stop()


async def _watch(auditor: Auditor, outlet: Outlet, stop: asyncio.Event) -> None:
    cried: set[str] = set()
    untold: dict[str, str] = {}
    said, told_at = "", float("-inf")
    while not stop.is_set():
        try:
            found = await asyncio.to_thread(auditor.look)
            if fresh := [problem for problem in found if problem not in cried]:
                key, text = await _cry_out(auditor, fresh)
                untold[key] = text
                cried |= set(fresh)
            for key, text in list(untold.items()):
                # The chat may be away, or not be there yet: it is told as soon as it is.
                if await outlet.post(text, key):
                    del untold[key]
            if not found and time.monotonic() - told_at >= auditor.rhythm.tell_s:
                told_at = time.monotonic()
                await _anchor(auditor, outlet)
            said = ""
        except (LedgerError, KeyProblem, NotANote, OSError) as problem:
            # Once for each kind of trouble: a database that is away for an hour is away once.
            if str(problem) != said:
                logger.error("the record cannot be watched: %s", problem)  # noqa: TRY400
            said = str(problem)
        await _pause(stop, auditor.rhythm.look_s)


async def _cry_out(auditor: Auditor, fresh: list[str]) -> tuple[str, str]:
    """Log and record what is wrong; the key and the words to tell it under."""
    first = fresh[0]
    logger.error("THE RECORD IS BENT: %s", "; ".join(fresh))
    try:
        await asyncio.to_thread(_record, auditor, fresh)
    except LedgerError as problem:
        logger.warning("that the record is bent cannot be recorded: %s", problem)
    more = f" (and {len(fresh) - 1} more)" if fresh[1:] else ""
    text = f"The record is bent: {first}{more}. Nothing is signed until it is mended and serve started anew."
    return f"bent-{hashlib.sha256(first.encode()).hexdigest()[:12]}", text


def _record(auditor: Auditor, fresh: list[str]) -> None:
    with auditor.ledger.write() as tx:
        tx.audit(Tag.CHAIN_BROKEN, {"first_bad": auditor.first_bad, "found": fresh[:10]})


async def _anchor(auditor: Auditor, outlet: Outlet) -> None:
    """Tell the newest checkpoint in the chat when it is time (see :class:`checkpoints.Pace`)."""
    due = await asyncio.to_thread(checkpoints.due, auditor.ledger, CHAT, auditor.rhythm.anchors)
    if due is None:
        return
    size, note = due
    words = f"The record so far, {size} events. Keep this: `midwatch verify --anchor` compares it."
    where = await outlet.post(f"{words}\n{note}", f"anchor-{size}")
    if where:
        await asyncio.to_thread(checkpoints.told_at, auditor.ledger, size, CHAT, where)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping], timeout=seconds)
    stopping.cancel()
