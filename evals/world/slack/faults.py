"""Trouble on request: what a client of Slack meets on a bad day, for the calls that a test chooses."""

import threading
from dataclasses import dataclass, field, replace
from typing import Literal

from evals.world.slack.wire import RateLimitedError, SlackError

Lost = Literal["", "question", "answer"]


@dataclass(frozen=True)
class Hold:
    """A call that is kept waiting: ``asked`` is set when it came in, and it goes on once ``go`` is set."""

    asked: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def until_let_go(self) -> None:
        """Wait for ``go``. Blocking."""
        self.asked.set()
        self.go.wait()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One rule, for the next ``times`` calls of ``method`` (empty: any); None means until it is taken away.

    Delay and hold are waited for first. Then the call is answered with ``status`` or refused with ``error``
    instead of being done, or the line is cut: before Slack heard the ``question``, or after it did what was
    asked and before the ``answer`` left.
    """

    method: str = ""
    times: int | None = 1
    delay_s: float = 0.0
    hold: Hold | None = None
    """For what has to happen in between: no time to guess, and no test that is too fast for its machine."""
    status: int | None = None
    """500 and above: an answer without JSON. 429: Slack's own, with ``retry_after_s`` as its header."""
    retry_after_s: int = 1
    error: str = ""
    """An error code of Slack's, e.g. ``fatal_error``, in an answer with ``ok: false``."""
    lost: Lost = ""


@dataclass
class Faults:
    """The rules in force, oldest first. Lives in the server's event loop."""

    rules: list[Fault] = field(default_factory=list)

    def take(self, method: str) -> Fault:
        """The first rule for this method, used up once; a rule that does nothing when there is none."""
        for index, rule in enumerate(self.rules):
            if rule.method not in ("", method):
                continue
            if rule.times is not None:
                self.rules[index] = replace(rule, times=rule.times - 1)
                # Used up: gone before the next call is looked at.
                self.rules = [left for left in self.rules if left.times != 0]
            return rule
        return Fault()


class BrokenError(SlackError):
    """Slack answered with a status of its own and no JSON."""

    retryable = True

    def __init__(self, status: int) -> None:
        super().__init__(f"http_{status}")
        self.status = status


def refuse(fault: Fault) -> None:
    """Raise what the fault answers instead of doing the call, if it does."""
    if fault.status == 429:
        raise RateLimitedError(fault.retry_after_s)
    if fault.status is not None:
        raise BrokenError(fault.status)
    if fault.error:
        raise SlackError(fault.error)
