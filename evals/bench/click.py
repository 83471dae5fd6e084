"""Click → change sent: from the signature's delivery to the change at the API server."""

from __future__ import annotations

from pathlib import Path

from evals.bench.figures import Figure, Result, Statistic, at_most
from evals.bench.street import PATIENCE_S, Street, shops, street
from evals.processes import BrokenArrow
from evals.world.kubernetes.effects import Effect
from evals.world.slack.person import Person

CHANGE = Figure(title="click → change at the API server", unit="s", bounds=(at_most(Statistic.P50, 1),))
SHOPS = 30


def measure(folder: Path) -> list[Result]:
    """30 cards signed one after the other by the pretend on-call engineer.

    From the moment the pretend Slack sends the click over Socket Mode until the pretend API server has
    committed the change (dry runs do not count): decided, claimed, checked again, intended, sent.
    """
    with street(folder, SHOPS) as at:
        slack = at.install.data["slack"]
        ada = Person(slack["page_url"], slack["users"]["oncall"])
        times = [_one(at, ada, shop) for shop in shops(SHOPS)]
    return [Result(figure=CHANGE, values=tuple(times))]


def _one(at: Street, ada: Person, shop: str) -> float:
    at.post(shop)
    at.wait(lambda: at.asking(shop))
    at.settle()
    # The newest button is this shop's: the earlier cards have been signed and lost theirs.
    outcome = ada.click(ada.wait_for_button("approve", timeout=PATIENCE_S))
    if not outcome.ok:
        raise BrokenArrow(f"the click was not acknowledged: {outcome.error}")
    clicked = at.centre.slack.deliveries[-1].at
    at.wait(lambda: _effect(at, shop))
    effect = _effect(at, shop)
    if effect is None:
        raise AssertionError("waited for before it is read")
    return effect.at - clicked


def _effect(at: Street, shop: str) -> Effect | None:
    return next((each for each in at.centre.kubernetes.effects.all() if each.namespace == shop), None)
