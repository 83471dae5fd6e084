"""A digest's message: within Slack's limits whatever strangers wrote, the same until something changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.gatekeeper.digest_words import render
from agents.gatekeeper.fitting import MOST_BLOCKS, MOST_CHARACTERS, characters
from agents.incident import Incident
from agents.ledger.digests import MOST_TOLD, Digest, Waiting
from agents.ledger.protocol import PlanState
from evals.world.slack.blocks import message_blocks
from tests.support.live_text import words_in
from tests.support.plans import a_plan, a_step, an_alert
from tests.support.told import OURS, a_diagnosis, a_story
from tests.support.world_cluster import START

LONG = "<!channel> *bold* <https://evil.example|x> " * 200


def waiting(state: PlanState | None = PlanState.DRAFT, text: str = "checkout", **changes: object) -> Waiting:
    labels = {"alertname": "KubePodNotReady", "namespace": text, "service": text, "severity": "critical"}
    alert = an_alert(START, labels=labels)
    told = a_story().incident.model_copy(update={"alerts": (alert,), "severity": text[:200], **changes})
    cause = a_diagnosis().cause
    assert cause is not None
    found = a_diagnosis(cause=cause.model_copy(update={"sentence": text}))
    plan = a_plan(START, steps=(a_step(set={"/spec/template/spec/containers/0/image": text}),))
    incident = Incident.model_validate(told)
    return Waiting(incident=incident, diagnosis=found, plan=plan if state else None, state=state, since=START)


def digest(*first: Waiting, more: int = 0, told: int = 7, is_open: bool = True) -> Digest:
    return Digest(
        number=1,
        channel_id="C1",
        message_ts="",
        shown="",
        tried=False,
        told=told,
        open=is_open,
        asked=5,
        first=first,
        more=more,
    )


def test_a_digest_of_the_longest_words_is_one_that_slack_takes() -> None:
    shown = render(digest(*[waiting(text=LONG)] * MOST_TOLD, more=190), OURS)
    message_blocks(shown.blocks)
    assert len(shown.blocks) <= MOST_BLOCKS
    assert characters(shown.blocks) <= MOST_CHARACTERS
    assert all(block["type"] in {"header", "context", "rich_text"} for block in shown.blocks)
    assert "and 190 more. All of them: " in words_in(shown.blocks)
    assert shown.text == "200 incidents wait for room in this channel"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PlanState.DRAFT, "Proposed: Set the image of the container in Deployment shop/checkout"),
        (PlanState.EXPIRED, "Not proposed any more (expired): Set the image"),
        (None, "No change is proposed."),
    ],
)
def test_each_incident_says_what_where_why_how_sure_since_when_and_what_is_proposed(
    state: PlanState | None, words: str
) -> None:
    shown = render(digest(waiting(state)), OURS)
    said = "".join(words_in([shown.blocks[2]]))
    assert said.startswith("Checkout: Pod not ready  ")
    assert "demo / checkout / checkout, waits since 02:00 UTC" in said
    assert "checkout (confidence: high)" in said
    assert words in said
    assert ("expires 02:30 UTC" in said) is (state is PlanState.DRAFT)
    assert f"{OURS}/incidents/20" in str(shown.blocks[2])


def test_a_minute_that_passes_changes_nothing_and_somebody_else_does() -> None:
    one = render(digest(waiting()), OURS)
    assert render(digest(waiting(opened_at=START + timedelta(minutes=1))), OURS).digest == one.digest
    assert render(digest(waiting(), more=1), OURS).digest != one.digest


def test_when_it_is_over_it_says_so_in_one_line() -> None:
    shown = render(digest(told=1, is_open=False), OURS)
    assert "".join(words_in(shown.blocks)) == (
        "The storm is over  1 incident had to wait here. Each has a card of its own by now, or is over."
    )
