"""The same when five alert groups arrive at once, as they do when something larger breaks.

Five cards are as many as one channel asks with at a time; the next wait for a place.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evals.bench.figures import Figure, Result
from evals.bench.post_to_card import since
from evals.bench.street import Street, shops, street

BURST = Figure(title="… five POSTs at once → card with its Approve button", unit="s")
AT_ONCE, BURSTS = 5, 6


def measure(folder: Path) -> list[Result]:
    """Six bursts of five alert groups, each sent from five threads when the chat is quiet again."""
    street_of = shops(AT_ONCE * BURSTS)
    with street(folder, len(street_of)) as at:
        starts = range(0, len(street_of), AT_ONCE)
        times = [time for start in starts for time in _burst(at, street_of[start : start + AT_ONCE])]
    return [Result(figure=BURST, values=tuple(times))]


def _burst(at: Street, names: list[str]) -> list[float]:
    at.settle()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = list(pool.map(at.post, names))
    at.wait(lambda: all(at.asking(shop) for shop in names))
    found = [since(at, shop, moment) for shop, moment in zip(names, sent, strict=True)]
    for shop in names:
        at.over(shop)
    return found
