"""What one investigation may spend, and what it has spent: looks, questions to the model, tokens, time.

Counted in the graph's state, so that a restart does not fill the purse again. An empty purse ends
in an honest partial diagnosis: what was left out is listed as not checked (property P27).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Coin = Literal["tool_calls", "model_calls", "tokens"]


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """The most that one incident may cost; ``seconds`` is the time of one round of looking and thinking."""

    tool_calls: int = 40
    model_calls: int = 12
    tokens: int = 60_000
    seconds: float = 120.0


@dataclass(kw_only=True)
class Purse:
    """One round's view of the allowance. ``clock`` gives seconds that never go back."""

    allowance: Allowance
    spent: dict[str, int] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @classmethod
    def resumed(cls, allowance: Allowance, spent: Mapping[str, int] | None) -> Purse:
        """The purse of a round that goes on from what the state remembers."""
        return cls(allowance=allowance, spent=dict(spent or {}))

    @property
    def seconds_left(self) -> float:
        """Seconds this round may still work; never negative."""
        return max(0.0, self._began + self.allowance.seconds - self.clock())

    def left(self, coin: Coin) -> int:
        """How many of these are left; never negative."""
        most: int = getattr(self.allowance, coin)
        return max(0, most - self.spent.get(coin, 0))

    def pay(self, coin: Coin, count: int = 1) -> None:
        """Write down what was spent, also when it was more than was left."""
        self.spent[coin] = self.spent.get(coin, 0) + count

    def take(self, coin: Coin) -> str:
        """Spend one, or say in words why there is none."""
        if not self.left(coin):
            return f"the budget of {getattr(self.allowance, coin)} {coin.replace('_', ' ')} is spent"
        if not self.seconds_left:
            return f"the time of {self.allowance.seconds:g} s is over"
        self.pay(coin)
        return ""
