"""The same when ten alert groups arrive at once, as they do when something larger breaks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evals.bench.figures import Figure, Result
from evals.bench.post_to_card import since
from evals.bench.street import Street, shops, street

BURST = Figure(title="… ten POSTs at once → card with its Approve button", unit="s")
AT_ONCE, BURSTS = 10, 3


def measure(folder: Path) -> list[Result]:
    """Three bursts of ten alert groups, each sent from ten threads when the chat is quiet again."""
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
    return [since(at, shop, moment)[0] for shop, moment in zip(names, sent, strict=True)]
