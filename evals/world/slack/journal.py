"""What happened on the wire: every Web API call made to the workspace, every delivery made to the app.

Tests read these lists from their own thread; entries are appended in one thread and never change once
``finished`` is set.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from evals.world.slack.wire import JsonObject

T = TypeVar("T")
Kind = Literal["interactive", "events_api", "slash_commands"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One Web API call, after it was answered. ``arguments`` never holds the token."""

    method: str
    arguments: JsonObject
    status: int
    error: str | None
    at: float


@dataclass(kw_only=True)
class Delivery:
    """One thing told to the app, with how each attempt went.

    ``attempts`` holds one word per attempt: ``acknowledged``, ``timeout``, ``disconnected``,
    ``no_connection``, ``refused`` (no TCP connection) or ``http_<status>``.
    """

    kind: Kind
    payload: JsonObject
    envelope_id: str
    at: float
    """When it was sent for the first time, by the workspace's clock."""
    attempts: list[str] = field(default_factory=list)
    response: JsonObject | None = None
    seconds: float | None = None
    """Wall seconds from first send to acknowledgement; None while or when there was none."""
    # False while attempts go on, which for HTTP events may be minutes.
    finished: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether some attempt was acknowledged in time."""
        return bool(self.attempts) and self.attempts[-1] == "acknowledged"


@dataclass(kw_only=True)
class Journal:
    """Both lists, oldest first, and a way to wait for what they will hold."""

    calls: list[Call] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def called(self, call: Call) -> None:
        """The app made a call, and it was answered."""
        with self._news:
            self.calls.append(call)
            self._news.notify_all()

    def telling(self, delivery: Delivery) -> None:
        """Something is about to be told to the app."""
        with self._news:
            self.deliveries.append(delivery)
            self._news.notify_all()

    def told(self, delivery: Delivery) -> None:
        """How that went is known."""
        with self._news:
            delivery.finished = True
            self._news.notify_all()

    def wait_for(self, find: Callable[[], T | None], seconds: float) -> T:
        """What ``find`` first makes of the lists; TimeoutError after ``seconds`` (wall)."""
        with self._news:
            found = self._news.wait_for(find, seconds)
        if found is None:
            raise TimeoutError(f"nothing of the kind within {seconds} s")
        return found
