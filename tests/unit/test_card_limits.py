"""Whatever an incident holds, its card fits into what Slack takes, and nothing in it comes alive."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.gatekeeper.cards import render
from agents.gatekeeper.details import details_view
from agents.gatekeeper.fitting import MOST_BLOCKS, MOST_CHARACTERS, Piece, characters, fitted
from agents.gatekeeper.modals import approve_view, reject_view
from agents.gatekeeper.reasons import Reasons
from agents.incident import Claim, Finding, Hypothesis, Outcome, Preview, Recovery, Severity
from agents.ledger.cards import ChatFile
from agents.ledger.protocol import PlanState
from agents.ledger.story import Story
from evals.world.slack.blocks import checked_view, message_blocks
from tests.support.live_text import parts, texts
from tests.support.plans import an_alert
from tests.support.told import CHECKOUT, GRAVE, OURS, SEAL, a_diagnosis, a_receipt, a_story, a_view, on, said
from tests.support.world_cluster import START

NASTY = (
    "<!channel>",
    "<@U0ADA000001>",
    "<https://evil.example|click>",
    "\u202egnp",
    "\u200b",
    "*b*",
    "&lt;",
    "\x00",
)
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(NASTY),
    st.builds(
        lambda part, times: part * times,
        st.sampled_from((*NASTY, "x", "\n", "\u0430", "\U0001f525")),
        st.sampled_from((1, 7, 900, 4_000)),
    ),
).map(lambda text: f"a{text}")


@st.composite
def stories(draw: Any) -> Story:
    """An incident made of strangers' words, in any state, of up to 40 steps."""
    some = st.lists(HOSTILE, max_size=8)
    claims = tuple(Claim(text=text, evidence=("E1", "E22", "E333", "E4")) for text in draw(some))
    cause = Hypothesis(code="image.bad", object=CHECKOUT, sentence=draw(HOSTILE), score=0.5)
    seen = Finding(
        code="pod.bad", severity=Severity.CRITICAL, object=CHECKOUT, message=draw(HOSTILE), evidence=("E1",)
    )
    found = a_diagnosis(
        cause=cause,
        claims=claims,
        changed=claims,
        findings=(seen,) * draw(st.integers(0, 90)),
        alternatives=(cause,) * draw(st.integers(0, 60)),
        not_checked=tuple(draw(some)),
        unheard=draw(HOSTILE),
        no_plan_because=draw(HOSTILE),
        prose=draw(HOSTILE)[:600],
        source="model",
    )
    state = draw(st.sampled_from(PlanState))
    many = draw(st.sampled_from((1, 2, 3, 40)))
    steps = tuple(on(f"web-{n}-{'w' * draw(st.sampled_from((0, 200)))}") for n in range(many))
    plan = a_view(state, steps=steps, radius=(GRAVE,) * many).plan
    view = a_view(
        state,
        steps=steps,
        radius=(GRAVE,) * many,
        note=draw(HOSTILE),
        reason=draw(HOSTILE),
        obstacle=draw(st.one_of(st.just(""), HOSTILE)),
        preview=Preview(plan_id="p", at=START, diffs=(draw(HOSTILE),) * many, dry_run_digest="d" * 64),
        decisions=said(plan, *(f"U0PERSON{n:03}" for n in range(draw(st.sampled_from((0, 1, 30)))))),
        receipts=tuple(a_receipt(plan, n, 409, "CONFLICT " * 40) for n in range(1, many + 1)),
    )
    over = Outcome(recovery=Recovery.NOT_RECOVERED, at=START, sentence=draw(HOSTILE))
    made = a_story(view, diagnosis=found, outcome=draw(st.sampled_from((None, over))), halted=draw(HOSTILE))
    labels = {name: draw(HOSTILE) for name in ("alertname", "namespace", "service", "owner")}
    incident = made.incident.model_copy(
        update={
            "alerts": (an_alert(START, labels=labels),) * draw(st.sampled_from((1, 300))),
            "title": draw(HOSTILE),
            "severity": draw(HOSTILE),
            "cluster": draw(HOSTILE),
        }
    )
    file = ChatFile(key=f"change-{view.plan.id}", file_id="F1", link=f"{OURS}/F1", sha256="0" * 64)
    return made.model_copy(update={"incident": incident, "files": (file,)})


@settings(max_examples=10, deadline=None)
@given(told=stories(), why=st.lists(HOSTILE, max_size=6))
def test_every_card_is_one_that_slack_takes(told: Story, why: list[str]) -> None:
    card = render(told, SEAL, OURS, Reasons(tier=tuple(why), entries=tuple(why)))
    message_blocks(card.blocks)
    assert len(card.blocks) <= MOST_BLOCKS
    assert characters(card.blocks) <= MOST_CHARACTERS
    assert len(card.text) <= 300
    shown = json.dumps(card.blocks, ensure_ascii=False)
    assert '"mrkdwn"' not in shown
    assert "\u202e" not in shown
    assert "\u200b" not in shown
    links = [part["url"] for part in parts(card.blocks) if part.get("type") == "link"]
    assert all(link.startswith(OURS) for link in links)


@settings(max_examples=4, deadline=None)
@given(told=stories())
def test_every_form_is_one_that_slack_takes(told: Story) -> None:
    view = told.plan
    assert view is not None
    checked_view(details_view(told, OURS))
    checked_view(approve_view(view.plan, view.preview, "sealed"))
    checked_view(reject_view(view.plan, "sealed"))


def test_what_is_least_important_gives_way_first_and_is_named() -> None:
    def piece(level: int, size: int) -> Piece:
        return Piece(blocks=[{"type": "x", "text": f"{level}" * size}], gives_way=level, name=f"part {level}")

    blocks = fitted([piece(0, 100), piece(3, 5_000), piece(9, 6_000), piece(5, 6_000)])
    shown = [text for block in blocks for text in texts(block)]
    assert [text[0] for text in shown if text[0].isdigit()] == ["0", "3", "5"]
    assert "No room here, but on the page: part 9" in shown
