"""How long a test waits for what must happen, also on a machine that stands still now and then.

A wait costs nothing once the thing has happened, so none is short. Slack's own three seconds are for the
tests that are about them: everybody else's workspace is patient.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.world.slack.options import SlackOptions

# Less than half of what pytest gives a test: one that fails can still say what it waited for.
PATIENCE_S = 120.0


def patient(**changes: Any) -> SlackOptions:
    """A workspace that gives an app, and a person before a form, all the time there is."""
    # Imported where used: a worker process that only wants to know how long to wait brings no web server up.
    from evals.world.slack.options import SlackOptions

    return replace(SlackOptions(ack_timeout_s=PATIENCE_S, trigger_ttl_s=PATIENCE_S), **changes)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition next to the event loop that makes it true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
