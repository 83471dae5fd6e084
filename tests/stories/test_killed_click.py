"""SIGKILL of ``midwatch serve`` around a click (threat T40): it counts once or not at all, and is told so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.ledger.protocol import PlanState
from agents.ledger.tags import Tag
from evals.world.slack.forge import FalseClick, Forge
from evals.world.slack.journal import Delivery
from evals.world.slack.options import Mode
from evals.world.slack.person import Button
from tests.support.patience import PATIENCE_S
from tests.support.story import Scene, scene


@contextmanager
def killed_at(point: str, at: Scene) -> Iterator[Button]:
    """``serve`` died at ``point`` of Ada's click on this button; it runs again, in peace."""
    first = at.serve(point)
    at.centre.break_it()
    at.until(lambda: at.stands(PlanState.PENDING))
    ada = at.person("oncall")
    button = ada.wait_for_button("approve", timeout=PATIENCE_S)
    assert not ada.click(button).ok, "it was acknowledged"
    at.until(lambda: first.code() is not None)
    assert first.code() == -signal.SIGKILL, first.tail()
    at.serve("none")
    yield button


def again(at: Scene, button: Button) -> None:
    """A new click of Ada's on the same button, whether or not the card still shows it."""
    place = {"channel": button.channel, "ts": button.ts, "action_id": "approve", "value": button.value}
    forge = Forge(at.centre.slack)
    payload = forge.click(FalseClick(user_id=at.person("oncall").user_id, **place))
    at.until(lambda: forge.deliver(payload).acknowledged)


@pytest.mark.parametrize("mode", ["http", "socket"])
def test_t40_a_decision_that_was_never_acknowledged_stands_once(mode: Mode, tmp_path: Path) -> None:
    with scene("bad-image", tmp_path, slack=mode) as at, killed_at("c1", at) as button:
        assert len(at.said(Tag.PLAN_DECIDED)) == 1
        again(at, button)
        at.person("oncall").wait_for_ephemeral("already decided", timeout=PATIENCE_S)
        assert len(at.said(Tag.PLAN_DECIDED)) == 1
        at.until(at.closed)
        assert at.stands(PlanState.SUCCEEDED)
        assert len(at.effects()) == 1
        assert at.whole() == ()


@pytest.mark.parametrize("mode", ["http", "socket"])
def test_t40_a_click_that_was_received_and_lost_counts_when_made_again(mode: Mode, tmp_path: Path) -> None:
    with scene("bad-image", tmp_path, slack=mode) as at, killed_at("c0", at) as button:
        assert at.said(Tag.PLAN_DECIDED) == []
        assert at.stands(PlanState.PENDING)
        again(at, button)
        at.until(at.closed)
        assert len(at.said(Tag.PLAN_DECIDED)) == 1
        assert len(at.effects()) == 1
        assert at.whole() == ()


def test_t40_the_very_delivery_that_was_lost_counts_when_slack_sends_it_again(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path) as at, killed_at("c0", at):
        lost = clicks(at)[-1]
        at.until(lambda: Forge(at.centre.slack).deliver(lost.payload).acknowledged)
        at.until(lambda: at.said(Tag.PLAN_DECIDED))
        at.until(at.closed)
        assert at.said(Tag.REPLAY_REFUSED) == []
        assert len(at.effects()) == 1


def clicks(at: Scene) -> list[Delivery]:
    return [one for one in at.centre.slack.deliveries if one.payload.get("type") == "block_actions"]
