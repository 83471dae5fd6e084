"""A long record verified by a process of its own, while this one goes on with what people wait for.

In a thread it would share the interpreter with the webhook and the pages: for as long as a million rows take,
each of them would take twice as long. The other process gives way to everything else on its machine.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from agents.auditor.halves import ALONE
from agents.auditor.recount import Recount
from agents.auditor.verify import Outside, Progress, Verdict, verify
from agents.ledger import checkpoints
from agents.ledger.store import Ledger, LedgerUnavailable

TELL_S = 0.2
GIVES_WAY = 10
"""How much nicer than its parent the process is."""
_NEVER = 2**62


class GivenUp(Exception):
    """Whoever asked for the verification does not want it any more."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One verification: of which ledger, against what, and whether it is still wanted."""

    ledger: Ledger
    outside: Outside
    progress: Progress
    wanted: Callable[[], bool] = lambda: True


def verified(work: Work, alone: int = ALONE) -> Verdict:
    """As :func:`verify` has it; elsewhere when there are more rows than ``alone``.

    Blocking. Raises LedgerUnavailable, and GivenUp when it is not wanted any more.
    """
    with work.ledger.read() as session:
        size, _ = checkpoints.head(session)
    if size > alone:
        work.progress.alone = _NEVER
        if (found := _elsewhere(work)) is not None:
            return found
        work.progress.alone = ALONE
    return verify(work.ledger, work.outside, work.progress)


def _elsewhere(work: Work) -> Verdict | None:
    """None when that process was killed or could not read: then it is done here, and takes longer."""
    # A fresh interpreter: a fork would share the database's connections.
    spawn = get_context("spawn")
    near, far = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_verify, args=(work.ledger.url, work.outside, far), daemon=True)
    process.start()
    far.close()
    try:
        while work.wanted():
            if not near.poll(TELL_S):
                continue
            found, work.progress.recount, work.progress.events = near.recv()
            if found is not None:
                verdict: Verdict = found
                return verdict
    except (EOFError, OSError):
        # Killed between two words of its, or within one.
        return None
    finally:
        process.kill()
        process.join()
        near.close()
    raise GivenUp


def _verify(url: str, outside: Outside, answer: Connection) -> None:
    """Be the other process: say how far it is until it is done."""
    os.nice(GIVES_WAY)
    # Whoever stops a whole group means its parent, which ends it; dying first, it would be done there again.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    ledger = Ledger(url)
    # Two processes at once would take both processors of a small machine from whoever waits for a page.
    progress = Progress(alone=_NEVER)
    try:
        # Without an answer whoever waits verifies by itself, and says why when it cannot either.
        with suppress(LedgerUnavailable), ThreadPoolExecutor(max_workers=1) as pool:
            working = pool.submit(verify, ledger, outside, progress)
            while not wait([working], TELL_S).done:
                answer.send((None, Recount(seq=progress.recount.seq), progress.events))
            answer.send((working.result(), edge_of(progress.recount), progress.events))
    finally:
        ledger.close()


def edge_of(recount: Recount) -> Recount:
    """A pass that goes on from where this one ended; what that one was told is not carried along."""
    return Recount(seq=recount.seq, head=recount.head, tree=recount.tree)
