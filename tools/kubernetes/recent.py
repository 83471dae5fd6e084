"""What several looks ask for within a moment is asked once.

In a storm of incidents each looks at its own namespace, and all of them at the same classes and webhooks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

KEPT_S = 5.0

T = TypeVar("T")


@dataclass(kw_only=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = float("-inf")
    answer: object = None


@dataclass(kw_only=True)
class Recent:
    """Answers by what was asked, for ``kept_s`` seconds and several threads. ``clock`` never goes back."""

    kept_s: float = KEPT_S
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, _Kept] = field(default_factory=dict, repr=False)

    def get(self, asked: str, ask: Callable[[], T], worth: Callable[[T], bool] = lambda _: True) -> T:
        """The answer from a moment ago, or a new one; kept only when it is ``worth`` it.

        Who asks while another does waits for that answer.
        """
        kept = self._kept.setdefault(asked, _Kept())
        with kept.lock:
            if self.clock() - kept.at < self.kept_s:
                # The same question always has an answer of the same type.
                return cast("T", kept.answer)
            answer = ask()
            if worth(answer):
                kept.at, kept.answer = self.clock(), answer
            return answer
