"""Each scenario from alert to verified fix: four processes' worth of protocols, one signature, one change."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.incident import Recovery
from agents.ledger.protocol import PlanState
from agents.ledger.story import Story
from agents.ledger.tags import Tag
from tests.support.story import scene


@pytest.mark.parametrize("name", ["bad-image", "oom", "selector-mismatch", "scaled-to-zero"])
def test_one_signature_leads_to_one_change_and_a_recovery(name: str, tmp_path: Path) -> None:
    with scene(name, tmp_path) as at:
        at.serve()
        at.centre.break_it()
        at.until(lambda: at.stands(PlanState.PENDING))
        assert at.effects() == [], "something was changed before anybody signed"
        at.approve()
        at.until(at.closed)
        told = at.told()
        assert told is not None
        assert told.outcome is not None
        assert told.outcome.recovery is Recovery.RECOVERED
        assert [view.state for view in told.plans] == [PlanState.SUCCEEDED]
        assert _metrics_are_cited(told), "the alert's own signal is stored and told"
        assert len(at.effects()) == 1
        assert "actor" in at.effects()[0].user
        at.until(lambda: at.centre.state()["oracle"]["met"])
        assert at.whole() == ()


def _metrics_are_cited(told: Story) -> bool:
    asked = {item.id for item in told.evidence if item.tool == "prometheus.query" and item.ok}
    claims = told.diagnosis.claims if told.diagnosis else ()
    return any(asked & set(claim.evidence) for claim in claims)


def test_a_signature_over_http_leads_to_one_change_and_a_recovery(tmp_path: Path) -> None:
    with scene("bad-image", tmp_path, slack="http") as at:
        at.serve()
        at.centre.break_it()
        at.approve()
        at.until(at.closed)
        told = at.told()
        assert told is not None
        assert told.outcome is not None
        assert told.outcome.recovery is Recovery.RECOVERED
        assert [view.state for view in told.plans] == [PlanState.SUCCEEDED]
        assert len(at.effects()) == 1
        assert at.centre.slack.connections == 0, "a socket was opened all the same"
        assert at.whole() == ()


def test_the_dead_mans_switch_opens_nothing_and_changes_nothing(tmp_path: Path) -> None:
    with scene("watchdog", tmp_path) as at:
        at.serve()
        at.centre.break_it()
        at.until(lambda: at.said(Tag.DELIVERY_ACCEPTED))
        assert at.told() is None
        assert at.effects() == []
        assert at.centre.state()["oracle"]["met"]
        assert at.whole() == ()
