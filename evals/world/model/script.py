"""What the pretend model says: lines with a cue, played in order, each in a good or a bad manner."""

from __future__ import annotations

import enum
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]


class Manner(enum.Enum):
    """How an answer is delivered."""

    WELL = "well"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    """The content is not JSON."""
    REFUSING = "refusing"
    TRUNCATED = "truncated"
    """The content stops in the middle, ``finish_reason`` is ``length``."""
    EMPTY = "empty"
    NO_CHOICES = "no_choices"
    NOT_JSON = "not_json"
    """The whole HTTP body is a web page."""
    DROPPED = "dropped"
    """The connection is cut."""


@dataclass(frozen=True)
class ModelRequest:
    """One call as it arrived. ``text`` is all message text, ``stage`` the schema or function asked for."""

    body: JsonObject
    text: str
    stage: str


Answer = JsonObject | str | Callable[[ModelRequest], JsonObject | str]
"""An object becomes JSON text; a string is said as it is; a function is asked each time."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One answer. It is used when ``when`` is a stage's name or stands in the request (empty: always).

    ``times`` is how often it may be used (None: for ever), ``seconds`` the delay or the ``Retry-After``,
    ``headers`` are sent with a refusal for now, and an answer that is not ``counted`` has no usage.
    """

    answer: Answer = ""
    when: str = ""
    times: int | None = 1
    manner: Manner = Manner.WELL
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    counted: bool = True

    def fits(self, request: ModelRequest) -> bool:
        """Whether the request is this line's cue."""
        return not self.when or self.when == request.stage or self.when in request.text

    def said(self, request: ModelRequest) -> str:
        """The text of the answer."""
        answer = self.answer(request) if callable(self.answer) else self.answer
        return answer if isinstance(answer, str) else json.dumps(answer)


class Script:
    """The lines still to be said, in order. Safe to use from any thread."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._lines = list(lines)
        self._used = [0] * len(self._lines)
        self._lock = threading.Lock()

    @classmethod
    def of(cls, lines: Iterable[Mapping[str, Any]]) -> Script:
        """A script from plain data: the fields of Line by name. Raises TypeError or ValueError on others."""
        read = ({**line, "manner": Manner(line.get("manner", "well"))} for line in lines)
        return cls(Line(**line) for line in read)

    def add(self, *lines: Line) -> None:
        """Append lines."""
        with self._lock:
            self._lines.extend(lines)
            self._used.extend([0] * len(lines))

    def clear(self) -> None:
        """Forget every line."""
        with self._lock:
            self._lines.clear()
            self._used.clear()

    def next(self, request: ModelRequest) -> Line | None:
        """The first unspent line that fits, spent once more; None when the script has nothing to say."""
        with self._lock:
            for index, line in enumerate(self._lines):
                spent = line.times is not None and self._used[index] >= line.times
                if not spent and line.fits(request):
                    self._used[index] += 1
                    return line
        return None
