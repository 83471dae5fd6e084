"""How often a method may be called: Slack's "about one message a second" and its tiers, as token buckets."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from evals.world.slack.options import SlackOptions
from evals.world.slack.wire import JsonObject, RateLimitedError


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """One bucket's size and how fast it fills, in calls a second."""

    burst: int
    per_second: float


@dataclass
class Limiter:
    """Token buckets by key. Time is the workspace's clock, in seconds."""

    options: SlackOptions
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def count(self, method: str, arguments: JsonObject) -> None:
        """Count a call, or raise :class:`RateLimitedError`. Methods without a limit here are not counted."""
        limit = _LIMITS.get(method)
        if limit is not None:
            # Posting has its limit in each channel; the tiers are for all that an app does in a workspace.
            where = str(arguments.get("channel")) if method == "chat.postMessage" else ""
            self._spend(f"{method} {where}", limit(self.options))

    def _spend(self, key: str, allowed: Allowance) -> None:
        burst, rate, now = float(allowed.burst), allowed.per_second, self.options.clock()
        tokens, since = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - since) * rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            # Whole seconds, never 0: clients sleep exactly this long.
            raise RateLimitedError(max(1, math.ceil((1 - tokens) / rate)))
        self._buckets[key] = (tokens - 1, now)


def _posts(options: SlackOptions) -> Allowance:
    return Allowance(burst=options.post_burst, per_second=options.posts_per_second)


def _updates(options: SlackOptions) -> Allowance:
    return Allowance(burst=options.update_burst, per_second=options.updates_per_minute / 60)


# https://docs.slack.dev/apis/web-api/rate-limits
_LIMITS: dict[str, Callable[[SlackOptions], Allowance]] = {
    "chat.postMessage": _posts,
    "chat.update": _updates,
}
