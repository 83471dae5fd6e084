"""A long record recomputed by two processes: this one its first half, another one the second.

A row seals the one before it, so the second half begins with a hash that is only claimed. When the first
half ends with that hash the two are one pass; when it does not, this process goes on where it is, and
finds the row that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from sqlmodel import Session

from agents.auditor.recount import Bent, Recount
from agents.ledger import checkpoints
from agents.ledger.store import Ledger, LedgerUnavailable

ALONE = 100_000
"""Up to so many rows a process costs more time than it saves."""


@dataclass(frozen=True, kw_only=True)
class _Half:
    """The rows after ``after`` up to ``upto``, and the hash that row ``after`` is said to have."""

    url: str
    after: int
    upto: int
    head: bytes
    sizes: frozenset[int]


def recounted(session: Session, recount: Recount, alone: int = ALONE) -> Bent | None:
    """Bring a fresh recount over all rows that this session sees; the first that does not fit ends it."""
    half = _half(session, recount, alone)
    if half is not None:
        with _elsewhere(half) as other:
            bent = _feed(session, recount, half.after)
            if bent is None and recount.head == half.head and (found := other()):
                second, bent = found
                recount.join(second)
            if bent is not None:
                return bent
    return _feed(session, recount)


def _feed(session: Session, recount: Recount, upto: int | None = None) -> Bent | None:
    for part in checkpoints.rows(session, recount.seq, upto):
        if bent := recount.feed(part):
            return bent
    return None


def _half(session: Session, recount: Recount, alone: int) -> _Half | None:
    size, _ = checkpoints.head(session)
    after = middle(size)
    claimed = checkpoints.said_before(session, after + 1)
    if size <= alone or claimed is None:
        return None
    return _Half(
        url=session.get_bind().engine.url.render_as_string(hide_password=False),
        after=after,
        upto=size,
        head=claimed,
        sizes=frozenset(size for size in recount.sizes if size > after),
    )


def middle(size: int) -> int:
    """Near half of ``size`` rows, where no complete subtree of the second half begins in the first."""
    unit = 1 << max(0, size.bit_length() - 2)
    return unit if size < 3 * unit else 2 * unit


@contextmanager
def _elsewhere(half: _Half) -> Iterator[Callable[[], tuple[Recount, Bent | None] | None]]:
    """Begin at once; what is given waits for what it came to. None when that process was killed or could not
    read: then its half is done here, and takes longer."""
    # A fresh interpreter: a fork would share the database's connections.
    spawn = get_context("spawn")
    near, far = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_second, args=(half, far), daemon=True)
    process.start()
    far.close()

    def result() -> tuple[Recount, Bent | None] | None:
        try:
            found: tuple[Recount, Bent | None] = near.recv()
        except EOFError:
            return None
        return found

    try:
        yield result
    finally:
        process.kill()
        process.join()
        near.close()


def _second(half: _Half, answer: Connection) -> None:
    """Be the other process."""
    recount = Recount(sizes=set(half.sizes), seq=half.after, head=half.head)
    ledger = Ledger(half.url)
    try:
        # Without an answer whoever waits reads these rows itself, and says why when it cannot either.
        with suppress(LedgerUnavailable), ledger.read() as session:
            answer.send((recount, _feed(session, recount, half.upto)))
    finally:
        ledger.close()
