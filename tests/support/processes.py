"""Processes of ours for stories: started as anybody starts them, or forked when all is imported.

Importing the program takes longer than most stories; a test that kills it fifty times forks it instead.
A forked process is as real: its own memory, sockets and pid, and SIGKILL ends it as it ends any other.
"""

from __future__ import annotations

import multiprocessing
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from threading import Lock
from typing import Protocol

from evals.processes import Child
from tests.support.datacentre import wait_until
from tests.support.mortal import launch

_IMPORTED = ["tests.support.mortal", "midwatch.serve", "midwatch.actor", "midwatch.wiring"]
_IMPORTED += ["tests.support.intake_server"]
_IMPORTED += ["agents.investigator.graph", "agents.gatekeeper.counter", "agents.gatekeeper.office"]

# A start polls every process there is, and how one ended can be read only once: of two threads that ask
# at the same time the second is told 255.
_ONE_ASKS = Lock()


class Process(Protocol):
    """What a story needs of a process."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def code(self) -> int | None:
        """How it ended, negative by signal, or None while it runs."""

    def tail(self) -> str:
        """The end of its log."""

    def end(self) -> None:
        """SIGTERM, and SIGKILL when that does not help."""


class Started:
    """``python -m COMMAND`` in a process of its own."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._child = Child(" ".join(command), command, environment, log)
        self.pid = self._child.process.pid
        self.tail = self._child.tail
        self.end = self._child.end

    def code(self) -> int | None:
        return self._child.process.poll()


class Forked:
    """``midwatch COMMAND`` that kills itself at ``point``; see :mod:`tests.support.mortal`."""

    def __init__(self, what: tuple[str, str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        log.touch()
        self._ended: int | None = None
        self._process = forking().Process(target=launch, args=(*what, environment, str(log)))
        with _ONE_ASKS:
            self._process.start()
        self.pid = self._process.pid or 0

    def code(self) -> int | None:
        with _ONE_ASKS:
            return self._process.exitcode if self._ended is None else self._ended

    def tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def end(self) -> None:
        # A story may end a process itself; everything that was begun is ended once more behind it.
        if self._ended is not None:
            return
        with _ONE_ASKS:
            self._process.terminate()
        try:
            wait_until(lambda: self.code() is not None)
        except AssertionError:
            self._process.kill()
            wait_until(lambda: self.code() is not None)
        self._ended = self.code()
        with _ONE_ASKS:
            self._process.close()


@cache
def forking() -> ForkServerContext:
    """What starts a process that has imported all of Midwatch already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context
