"""POST → card: from the alert's arrival to a card that can be signed, without a model."""

from __future__ import annotations

from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.street import Street, shops, street

SIGNABLE = Figure(
    title="POST → card with its Approve button",
    unit="s",
    bounds=(at_most(Statistic.P50, 1), at_most(Statistic.P99, 5)),
)
SHOPS = 40


def measure(folder: Path) -> list[Result]:
    """40 broken shops, one alert after the other, each when the chat is quiet again.

    From right before the POST is sent until the pretend Slack accepts the first message about the shop
    that has the Approve button: read, diagnosed, drafted, rehearsed by the actor, and shown.
    """
    with street(folder, SHOPS) as at:
        times = tuple(_one(at, shop) for shop in shops(SHOPS))
    return [Result(figure=SIGNABLE, values=times)]


def _one(at: Street, shop: str) -> float:
    at.settle()
    sent = at.post(shop)
    at.wait(lambda: at.asking(shop))
    found = since(at, shop, sent)
    at.over(shop)
    return found


def since(at: Street, shop: str, sent: float) -> float:
    """Seconds from ``sent`` to the card that can be signed."""
    asking = at.asking(shop)
    if asking is None:
        raise AssertionError("waited for before it is read")
    return asking.at - sent
