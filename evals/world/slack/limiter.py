"""How often a channel may be posted to: Slack's "about one message a second", as a token bucket."""

import math
from dataclasses import dataclass, field

from evals.world.slack.options import SlackOptions
from evals.world.slack.wire import RateLimitedError


@dataclass
class Limiter:
    """Token buckets by key. Time is the workspace's clock, in seconds."""

    options: SlackOptions
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spend(self, key: str) -> None:
        """Take one token of this key's bucket, or raise :class:`RateLimitedError`."""
        burst, rate, now = self.options.post_burst, self.options.posts_per_second, self.options.clock()
        tokens, since = self._buckets.get(key, (float(burst), now))
        tokens = min(float(burst), tokens + (now - since) * rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            # Whole seconds, never 0: clients sleep exactly this long.
            raise RateLimitedError(max(1, math.ceil((1 - tokens) / rate)))
        self._buckets[key] = (tokens - 1, now)
