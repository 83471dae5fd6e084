"""News for open pages: one look at the ledger for all readers, told as server-sent events.

A reader says up to which event of the record its page was rendered, so nothing between the page and its
first look is missed, nor while it was away. What it hears is which incidents changed, never the change
itself: the page asks for that by its own address, with its own rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from sqlalchemy import func
from sqlmodel import Session, col, select

from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import AuditRow, ChainHeadRow
from agents.ledger.tags import Tag
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.web.frame import Number

LOOK_S = 1.0
BEAT_S = 15.0
LONGEST_S = 300.0
"""After so long a stream ends and its reader comes again: a login that is over ends what it opened."""
READERS = 200
PER_S = 20
"""Pages that may ask anew within a second, all readers together: a storm must not become ours."""
FAR = 5000
"""Events that are looked at one by one; a page that is further behind is told to look whatever changed."""
UNSEEN = frozenset({Tag.DELIVERY_ACCEPTED, Tag.CARD_UPDATED, Tag.CARD_POSTED, Tag.EVIDENCE_STORED})
"""What happens most often and changes nothing that a list shows."""


@dataclass(frozen=True, kw_only=True)
class News:
    """What changed up to the event ``seq``: the last event of everybody, of any list, of each incident."""

    seq: int
    everybody: int = 0
    listed: int = 0
    incidents: Mapping[int, int] = field(default_factory=dict)

    def concerns(self, incident: int | None, since: int) -> bool:
        """Whether the page of this incident, or without one a list, that knows ``since`` has to look."""
        own = self.listed if incident is None else self.incidents.get(incident, 0)
        return max(self.everybody, own) > since


def head(session: Session) -> int:
    """The newest event of the record: up to it a page that is rendered now knows everything."""
    return session.exec(select(ChainHeadRow.seq)).one()


def news(ledger: Ledger, since: int) -> News:
    """What changed after the event ``since``. Raises LedgerUnavailable."""
    with ledger.read() as session:
        newest = head(session)
        if not 0 <= newest - since <= FAR:
            return News(seq=newest, everybody=max(newest, since + 1))
        last = func.max(AuditRow.seq)
        rows = select(AuditRow.incident, AuditRow.tag, last).where(
            col(AuditRow.seq) > since, col(AuditRow.seq) <= newest
        )
        found = session.exec(rows.group_by(col(AuditRow.incident), col(AuditRow.tag))).all()
    seen = [(incident, seq) for incident, tag, seq in found if tag not in UNSEEN]
    numbers: dict[int, int] = {}
    for incident, _, seq in found:
        if incident is not None:
            numbers[incident] = max(seq, numbers.get(incident, 0))
    return News(
        seq=newest,
        # Without an incident it is of everybody: a halt stands on every page.
        everybody=max((seq for incident, seq in seen if incident is None), default=0),
        listed=max((seq for _, seq in seen), default=0),
        incidents=numbers,
    )


@dataclass(eq=False)
class _Reader:
    seq: int
    incident: int | None
    waiting: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, told: News) -> None:
        self.waiting |= told.concerns(self.incident, self.seq)
        self.seq = told.seq
        if self.waiting:
            self.woken.set()


class Live:
    """All readers of this process and the one task that looks for them; none looks while nobody reads."""

    def __init__(self, ledger: Ledger, *, look_s: float = LOOK_S, most: int = READERS) -> None:
        self._ledger = ledger
        self._look_s = look_s
        self._most = most
        self._readers: set[_Reader] = set()
        self._looking: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def readers(self) -> int:
        """How many read now."""
        return len(self._readers)

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return self._ended or len(self._readers) >= self._most

    def close(self) -> None:
        """Every stream ends: a server that stops waits for them."""
        self._ended = True
        for reader in self._readers:
            reader.woken.set()

    async def follow(self, since: int, incident: int | None) -> AsyncIterator[str]:
        """The events of one reader, in the words of the wire."""
        reader, loop = _Reader(since, incident), asyncio.get_running_loop()
        self._readers.add(reader)
        try:
            yield "retry: 2000\n\n"
            # What happened since its page was rendered, told to it alone; the rest comes for all at once.
            await self._catch_up(reader)
            self._start()
            until = loop.time() + LONGEST_S
            while not self._ended and loop.time() < until:
                if await self._woken(reader):
                    yield f"event: changed\nid: {reader.seq}\ndata: {reader.seq}\n\n"
                elif not self._ended:
                    yield ": still here\n\n"
        finally:
            self._readers.discard(reader)

    async def _woken(self, reader: _Reader) -> bool:
        try:
            await asyncio.wait_for(reader.woken.wait(), BEAT_S)
        except TimeoutError:
            return False
        reader.woken.clear()
        said, reader.waiting = reader.waiting, False
        return said

    async def _catch_up(self, reader: _Reader) -> None:
        try:
            reader.hear(await asyncio.to_thread(news, self._ledger, reader.seq))
        except LedgerUnavailable:
            # The page shows what it has; the next look may find the ledger again.
            return

    def _start(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        seq = min((reader.seq for reader in self._readers), default=0)
        while self._readers and not self._ended:
            try:
                told = await asyncio.to_thread(news, self._ledger, seq)
            except LedgerUnavailable:
                told = News(seq=seq)
            seq = told.seq
            for reader in self._readers:
                reader.hear(told)
            await asyncio.sleep(max(self._look_s, len(self._readers) / PER_S))


def router(live: Live) -> APIRouter:
    """``/live``: everything, or one incident, from an event on."""
    routes = APIRouter(dependencies=[needs(Role.VIEWER)])

    @routes.get("/live")
    async def follow(
        since: Number, incident: Number | None = None, last_event_id: Annotated[str, Header()] = ""
    ) -> Response:
        if live.full:
            # The page stays as it is, says that it is not live, and tries again by itself.
            busy = "as many pages as this installation serves follow already: load the page again by hand"
            return PlainTextResponse(busy, status_code=503, headers={"Retry-After": "10"})
        known = last_event_id.isdecimal() and len(last_event_id) < 19
        stream = live.follow(int(last_event_id) if known else since, incident)
        kept = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=kept)

    return routes
