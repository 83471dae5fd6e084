"""State change → card: from a plan's new state to the card that says so."""

from __future__ import annotations

from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.street import PATIENCE_S, Street, shops, street
from evals.processes import BrokenArrow
from evals.world.slack.journal import Call
from evals.world.slack.person import Person

UPDATED = Figure(title="state change → card updated", unit="s", bounds=(at_most(Statistic.P99, 1),))
SHOPS = 30


def measure(folder: Path) -> list[Result]:
    """30 cards signed one after the other by the pretend on-call engineer.

    From the moment the pretend Slack sends the click, which is before the plan is APPROVED in the ledger,
    until it accepts the first update of that card without its Approve button.
    """
    with street(folder, SHOPS) as at:
        slack = at.install.data["slack"]
        ada = Person(slack["page_url"], slack["users"]["oncall"])
        times = [_one(at, ada, shop) for shop in shops(SHOPS)]
    return [Result(figure=UPDATED, values=tuple(times))]


def _one(at: Street, ada: Person, shop: str) -> float:
    at.post(shop)
    at.wait(lambda: at.asking(shop))
    at.settle()
    outcome = ada.click(ada.wait_for_button("approve", timeout=PATIENCE_S))
    if not outcome.ok:
        raise BrokenArrow(f"the click was not acknowledged: {outcome.error}")
    clicked = at.centre.slack.deliveries[-1].at
    at.wait(lambda: _updated(at, shop, clicked))
    update = _updated(at, shop, clicked)
    if update is None:
        raise AssertionError("waited for before it is read")
    return update.at - clicked


def _updated(at: Street, shop: str, since: float) -> Call | None:
    later = (call for call in at.about(shop) if call.at >= since)
    return next((call for call in later if not at.asks(call)), None)
