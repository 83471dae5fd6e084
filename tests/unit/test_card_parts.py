"""Forms, threads, calls for help, the pieces of a message: each word and each limit is on file."""

from __future__ import annotations

from typing import Any

import pytest

from agents.gatekeeper import blocks
from agents.gatekeeper.entries import EXCERPT, MOST_EVIDENCE, entries
from agents.gatekeeper.modals import DIFF_ON_FORM, approve_view, reject_view
from agents.gatekeeper.paging import BENT, MOST_PEOPLE, pages
from agents.gatekeeper.whole import digest_of, whole_text
from agents.incident import Claim, Preview, Recovery
from agents.ledger.protocol import PlanState
from agents.ledger.roster import Entry, Roster
from tests.support.golden import as_lines, golden_lines
from tests.support.live_text import texts, words_in
from tests.support.told import (
    HELD,
    a_diagnosis,
    a_story,
    a_view,
    an_evidence,
    claims,
    ended,
    gone,
    on,
    said,
)
from tests.support.world_cluster import START

S = PlanState


def test_the_form_that_asks_why_is_what_was_reviewed() -> None:
    made = reject_view(a_view(S.PENDING, steps=(on("a"), on("b"))).plan, "sealed")
    assert as_lines([made]) == golden_lines("cards/form-reject", [made])


def test_the_form_that_asks_for_the_digest_is_what_was_reviewed() -> None:
    view = a_view(S.PENDING, steps=(on("a"), gone("b")), tier=2)
    odd = a_view(S.PENDING, steps=(on("a", "conjure"),), tier=3).plan
    made: list[object] = [approve_view(view.plan, view.preview, "sealed"), approve_view(odd, None, "")]
    assert as_lines(made) == golden_lines("cards/form-approve", made)


@pytest.mark.parametrize(("length", "whole"), [(DIFF_ON_FORM, True), (DIFF_ON_FORM + 1, False)])
def test_a_form_shows_what_it_can_of_a_diff_and_else_its_digest(length: int, whole: bool) -> None:
    two = ("x" * (length - 2), "y")
    view = a_view(S.PENDING, preview=Preview(plan_id="p", at=START, diffs=two, dry_run_digest="d" * 64))
    there = list(texts(approve_view(view.plan, view.preview, "")))
    diff = "\n".join(two)
    text = whole_text(view.plan, view.preview)
    assert (diff in there) is whole
    brief = (
        f"The whole change has {len(text)} characters and is a file in the thread; SHA-256 {digest_of(text)}"
    )
    assert (brief in there) is not whole


def test_a_thread_is_what_was_reviewed() -> None:
    found = a_diagnosis(
        claims=(Claim(text="a", evidence=("E2", "E1")), Claim(text="b", evidence=("E3",))), patch="a: b"
    )
    seen = tuple(map(an_evidence, range(1, 5)))
    given = said(a_view(S.PENDING).plan, "U0ADA", "U0BEN")
    told = a_story(
        a_view(S.SUPERSEDED, reason="a newer one"),
        a_view(S.DRAFT),
        a_view(S.DENIED, decisions=given, reason="not tonight"),
        a_view(S.PENDING),
        diagnosis=found,
        evidence=seen,
        outcome=ended(Recovery.RECOVERED, web=True, alert=False),
    )
    made: list[object] = [list(entry) for entry in entries(told)]
    assert as_lines(made) == golden_lines("cards/thread", made)
    assert entries(a_story(diagnosis=None, evidence=seen)) == []


@pytest.mark.parametrize(("length", "cut"), [(EXCERPT, False), (EXCERPT + 1, True)])
def test_an_excerpt_in_a_thread_ends_visibly_where_it_was_cut(length: int, cut: bool) -> None:
    ((_, block),) = entries(a_story(evidence=(an_evidence(1, "x" * length),)))
    shown = f"{'x' * EXCERPT}\n… (whole on the incident page)" if cut else "x" * length
    assert words_in(block) == [f"E1 kubernetes.log shop/web\n{shown}"]


def test_a_thread_shows_the_first_of_much_evidence() -> None:
    many = MOST_EVIDENCE + 1
    told = a_story(
        diagnosis=a_diagnosis(claims=claims(many, "seen")),
        evidence=tuple(map(an_evidence, range(1, many + 1))),
    )
    assert [key for key, _ in entries(told)] == [f"evidence-E{n}" for n in range(1, many)]


def test_who_may_sign_a_plan_is_called_and_anybody_else_where_nobody_may() -> None:
    may = Entry(user_id="U0ADA", team_id="T0OURS", namespaces=frozenset({"shop"}))
    other = [Entry(user_id=f"U{n}", team_id="T0OURS") for n in range(MOST_PEOPLE + 1)]
    none = Entry(user_id="U0NONE", team_id="T0OURS", tiers=frozenset())
    lost, bent, held = (
        a_view(S.UNKNOWN, obstacle="no answer"),
        a_view(S.QUARANTINED),
        a_view(S.APPROVED, obstacle=HELD),
    )
    told = a_story(a_view(S.UNKNOWN), lost, bent, held, bent=("b" * 16,))
    made = pages(told, Roster(approvers=(none, *other, may)))
    anybody = tuple(entry.mention for entry in other)[:MOST_PEOPLE]
    plan = lost.plan.id
    assert [(page.plan_id, page.key, page.why, page.who) for page in made] == [
        (plan, f"page-{plan}-unknown", "no answer", (may.mention,)),
        (plan, f"page-{plan}-bent", BENT, (may.mention,)),
        ("b" * 16, f"page-{'b' * 16}-bent", BENT, anybody),
    ]
    assert pages(a_story(lost), Roster(approvers=tuple(other)))[0].who == anybody
    assert made[0].block == blocks.people("Please look", "no answer. ", [("user", "U0ADA")])


@pytest.mark.parametrize(
    ("made", "limit"),
    [
        (blocks.header, 150),
        (blocks.context, 1000),
        (lambda text: blocks.confirm(text, "", ""), 100),
        (lambda text: blocks.confirm("", text, ""), 300),
        (lambda text: blocks.confirm("", "", text), 30),
        (lambda text: blocks.fields([("n", text[2:])]), 2000),
    ],
)
def test_a_text_is_as_long_as_slack_takes_and_ends_visibly_where_it_was_cut(made: Any, limit: int) -> None:
    def longest(count: int) -> str:
        return max(texts(made("x" * count)), key=len).replace("n\n", "xx")

    assert longest(limit) == "x" * limit
    assert longest(limit + 1) == "x" * (limit - 1) + "…"


def test_the_parts_of_a_message_are_what_was_reviewed() -> None:
    made: list[object] = [
        blocks.context("a", "", "b"),
        blocks.code(blocks.redact("")),
        blocks.paragraph("t", ""),
        blocks.paragraph("t", "x", ("u", "w")),
        blocks.people("t", "x", [("user", "U1"), ("user", "U2")]),
        blocks.people("t", "x", [("usergroup", "S123")]),
        blocks.listed(["a", "b"]),
        blocks.confirm("t", "x", "y"),
    ]
    assert as_lines(made) == golden_lines("cards/parts", made)
