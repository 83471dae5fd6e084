"""Whole cards, forms and threads as Slack gets them: each word and each limit is on file and reviewed."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from agents.gatekeeper.cards import render
from agents.gatekeeper.symptom import in_words
from agents.gatekeeper.whole import DIFF_ON_CARD, digest_of, is_long, whole_text
from agents.incident import Claim, Outcome, Preview, Recovery, Verdict
from agents.ledger.cards import ChatFile
from agents.ledger.past import Attempt, Fate, Past
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.story import PlanView, Story
from tests.support.golden import as_lines, golden_lines
from tests.support.live_text import texts, words_in
from tests.support.plans import a_step
from tests.support.told import (
    CHECKOUT,
    GRAVE,
    HELD,
    OURS,
    REACH,
    SEAL,
    a_diagnosis,
    a_receipt,
    a_story,
    a_view,
    claims,
    ended,
    gone,
    on,
    said,
)
from tests.support.world_cluster import START

S = PlanState
SIZE = "/spec/resources/requests/storage"
EARLIER = Past(
    incident=12,
    at=START,
    code="image.bad",
    object=CHECKOUT,
    attempts=(Attempt(step=a_step(), fate=Fate.HELPED, at=START, seconds=130),),
)


def everything_said() -> Story:
    found = a_diagnosis(
        claims=(Claim(text="Two looks agree", evidence=("E7", "E8")), *claims(4, "Seen")),
        changed=(Claim(text="Two of one", evidence=("E3", "E4")), *claims(3, "Changed")),
        not_checked=tuple(f"place {n}" for n in range(1, 7)),
        unheard="the purse is empty",
        prose="Only rules spoke, so these words are not shown.",
    )
    view = a_view(S.PENDING, note="it ran well before", radius=(GRAVE,))
    return a_story(view, diagnosis=found, past=(EARLIER, EARLIER), alerts=2)


def model_spoke() -> Story:
    found = a_diagnosis(
        cause=None,
        confidence="none",
        claims=(),
        prose="Perhaps the disk.",
        source="model",
        no_plan_because="nothing that is known helps",
    )
    return a_story(diagnosis=found, phase="diagnosing", halted="by U0BEN: a drill")


def two_of_three_steps() -> Story:
    steps = (on("a"), on("b"), on("c"), on("d"))
    plan = a_view(S.PARTIAL, steps=steps).plan
    receipts = (
        a_receipt(plan, 1, 200, "APPLIED"),
        a_receipt(plan, 2, None),
        a_receipt(plan, 3, 409, "NOT_APPLIED"),
    )
    given = said(plan, "U0ADA")
    return a_story(
        a_view(S.PARTIAL, steps=steps, receipts=receipts, reason="step 3: conflict", decisions=given)
    )


def one_of_two() -> Story:
    terms: dict[str, Any] = {
        "tier": 3,
        "approvals_needed": 2,
        "steps": (on("a"), on("b")),
        "radius": (REACH, GRAVE),
    }
    plan = a_view(S.PENDING, **terms).plan
    given = (*said(plan, "U0ADA"), *said(plan, "U0BEN", verdict=Verdict.DENY))
    return a_story(a_view(S.PENDING, decisions=given, **terms), halted="by U0BEN: a drill")


def what_cannot_be_undone() -> Story:
    sizes: dict[str, Any] = {"expect": {SIZE: "1Gi"}, "set": {SIZE: "2Gi"}}
    larger = a_step(verb="expand_pvc", kind="PersistentVolumeClaim", name="data", **sizes)
    steps = (gone("a"), gone("b"), larger, on("c", "conjure"), on("d"))
    return a_story(a_view(S.PENDING, steps=steps, tier=2))


def recovered() -> Story:
    plan = a_view(S.SUCCEEDED).plan
    done = a_view(
        S.SUCCEEDED, decisions=said(plan, "U0ADA"), receipts=(a_receipt(plan, 1, 200),), reason="hidden"
    )
    return a_story(done, outcome=ended(Recovery.RECOVERED), phase="closed")


CARDS: dict[str, Story] = {
    "looking": a_story(diagnosis=None, phase="gathering"),
    "everything-said": everything_said(),
    "model-spoke": model_spoke(),
    "one-of-two": one_of_two(),
    "not-undone": what_cannot_be_undone(),
    "partly-done": two_of_three_steps(),
    "unknown-verb": a_story(a_view(S.PENDING, steps=(on("a", "conjure"),))),
    "rehearsed": a_story(a_view(S.DRAFT, preview=None)),
    "ready": a_story(a_view(S.DRAFT)),
    "approved": a_story(a_view(S.APPROVED), halted="by U0BEN: a drill"),
    "lost-right": a_story(a_view(S.APPROVED, obstacle=Objection.APPROVER_LOST_RIGHT.value)),
    "recovered": recovered(),
    "not-recovered": a_story(outcome=ended(Recovery.NOT_RECOVERED, "It goes on.")),
    "nothing-done": a_story(outcome=ended(Recovery.NOTHING_DONE, "It went away."), past=(EARLIER,)),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_what_was_reviewed(name: str) -> None:
    shown = render(CARDS[name], SEAL, OURS)
    assert as_lines([shown.text, *shown.blocks]) == golden_lines(f"cards/{name}", [shown.text, *shown.blocks])
    assert shown.digest == hashlib.sha256(orjson.dumps(shown.blocks)).hexdigest()
    message = shown.message("incident-20")
    assert (message.blocks, message.text, message.key) == (shown.blocks, shown.text, "incident-20")


def decision_line(view: PlanView, outcome: Outcome | None = None) -> str:
    """Where the plan stands, what hinders it and whether all is over: the words and the buttons."""
    shown = blocks_of(view, outcome)
    said = [words for block in shown if (words := words_in(block))[0] == "Decision  "]
    buttons = [
        words_in(element["text"])
        for block in shown
        for element in block.get("elements", [])
        if "value" in element
    ]
    return f"{view.state}, {view.obstacle or 'free'}, {'over' if outcome else 'open'}: {said} {buttons}"


def blocks_of(view: PlanView, outcome: Outcome | None = None) -> list[dict[str, Any]]:
    return render(a_story(view, outcome=outcome), SEAL, OURS).blocks


def test_what_became_of_a_plan_has_its_words_in_every_state() -> None:
    lines = [decision_line(a_view(state, obstacle=held)) for state in S for held in ("", HELD)]
    why = {
        "reason": "U0ADA: not tonight",
        "decisions": said(a_view(S.DENIED).plan, "U0ADA", "U0BEN", verdict=Verdict.DENY),
    }
    lines += [decision_line(a_view(state, **why)) for state in (S.DENIED, S.APPROVED, S.SUCCEEDED)]
    lines += [
        decision_line(a_view(state), ended(Recovery.RECOVERED))
        for state in (S.SUCCEEDED, S.PENDING, S.FAILED)
    ]
    assert as_lines(list(lines)) == golden_lines("cards/decision-lines", list(lines))


@pytest.mark.parametrize("state", S)
def test_steps_are_told_one_by_one_once_something_was_begun(state: PlanState) -> None:
    begun = {S.EXECUTING, S.UNKNOWN, S.SUCCEEDED, S.PARTIAL, S.FAILED}
    for steps in ((on("a"),), (on("a"), on("b"))):
        shown = render(a_story(a_view(state, steps=steps)), SEAL, OURS).blocks
        told = [words for block in shown for words in texts(block) if words.endswith(": not begun")]
        assert len(told) == (2 if state in begun and len(steps) == 2 else 0)


def long_change(length: int = DIFF_ON_CARD + 1, state: PlanState = S.PENDING, **more: Any) -> PlanView:
    shown = Preview(plan_id="p", at=START, diffs=("x" * (length - 2), "y"), dry_run_digest="d" * 64)
    return a_view(state, preview=shown, **more)


def uploaded(view: PlanView, **more: Any) -> ChatFile:
    text = whole_text(view.plan, view.preview)
    given = {
        "key": f"change-{view.plan.id}",
        "file_id": "F1",
        "sha256": digest_of(text),
        "link": "http://slack/F1",
    }
    return ChatFile(**(given | more))


def words_and_buttons(story: Story) -> tuple[str, list[str]]:
    blocks = render(story, SEAL, OURS).blocks
    ids = [
        element["action_id"]
        for block in blocks
        for element in block.get("elements", [])
        if "value" in element
    ]
    return "\n".join(text for block in blocks for text in texts(block)), ids


@pytest.mark.parametrize(("length", "whole"), [(DIFF_ON_CARD, True), (DIFF_ON_CARD + 1, False)])
def test_a_diff_stands_on_the_card_whole_or_not_at_all(length: int, whole: bool) -> None:
    view = long_change(length)
    shown, buttons = words_and_buttons(a_story(view))
    assert view.preview is not None
    assert ("\n".join(view.preview.diffs) in shown) is whole
    assert ("x" * 100 in shown) is whole
    assert ("approve" in buttons) is whole
    assert "reject" in buttons
    assert is_long(view.plan, view.preview) is not whole


def test_what_does_not_fit_can_be_signed_once_its_file_is_in_the_thread() -> None:
    view = long_change()
    shown, buttons = words_and_buttons(a_story(view, files=(uploaded(view),)))
    assert "approve" in buttons
    assert f"SHA-256 {digest_of(whole_text(view.plan, view.preview))}" in shown


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"key": "change-of-another"}])
def test_a_file_of_something_else_lets_nobody_sign(wrong: dict[str, str]) -> None:
    view = long_change()
    _, buttons = words_and_buttons(a_story(view, files=(uploaded(view, **wrong),)))
    assert "approve" not in buttons


def test_many_steps_whose_words_do_not_fit_are_a_file_too_and_it_names_each_of_them() -> None:
    view = a_view(S.PENDING, steps=tuple(on(f"web-{n}") for n in range(40)))
    assert is_long(view.plan, view.preview)
    text = whole_text(view.plan, view.preview)
    assert all(f"shop/web-{n} " in text for n in range(40))
    assert text.count("-a\n+b") == 40


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("KubePodNotReady", "Pod not ready"),
        ("KubeCPUOvercommit", "CPU overcommit"),
        ("TargetDown", "Target down"),
        ("HTTP5xxHigh", "HTTP 5 xx high"),
        ("node_disk_full", "Node disk full"),
        ("Kube", "Kube"),
        ("", ""),
    ],
)
def test_an_alerts_name_is_read_as_words(name: str, words: str) -> None:
    assert in_words(name) == words
