"""The brake from the chat: who may pull it, what it says, and that it is on record (P25)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.gatekeeper.posting import advance
from agents.ledger import brake, executions
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.tags import Tag
from evals import oncall
from evals.world.slack.people import ADA, BEN, FOREIGN_TEAM, INCIDENTS, MIA, STELLA
from evals.world.slack.wire import JsonObject
from tests.support.front_desk import FrontDesk, front_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FrontDesk]:
    with front_desk(tmp_path) as made:
        yield made


def typed(desk: FrontDesk, who: str, text: str) -> str:
    """What this person is told after typing a command."""
    assert desk.person(who).slash(INCIDENTS, text).ok
    answer: JsonObject = desk.slack.deliveries[-1].response or {}
    return json.dumps(answer)


def claimed(desk: FrontDesk) -> Claim | Objection:
    return executions.claim(desk.ledger, desk.plan.id, "actor-1", lambda _plan, _decision: True)


def test_p25_whoever_may_sign_can_halt_in_the_chat_and_the_card_says_so(desk: FrontDesk) -> None:
    assert "halted" in typed(desk, ADA, "/midwatch halt the wrong cluster")
    assert desk.settings.halt_file.exists()
    assert ADA in desk.said(Tag.HALTED)[-1]
    assert "the wrong cluster" in typed(desk, MIA, "/midwatch status")
    desk.run(advance(desk.office, 1))
    card = json.dumps(desk.slack.workspace.message(desk.office.channel_id, desk.card_ts))
    assert "Midwatch is halted" in card
    assert oncall.approve(desk.person(BEN), 10).ok
    assert claimed(desk) is Objection.HALTED
    assert "resumed" in typed(desk, BEN, "/midwatch resume it was the right one")
    assert not desk.settings.halt_file.exists()
    assert BEN in desk.said(Tag.RESUMED)[-1]
    assert isinstance(claimed(desk), Claim)


@pytest.mark.parametrize("word", ["halt", "resume"])
def test_p25_whoever_may_not_sign_can_neither_halt_nor_resume(desk: FrontDesk, word: str) -> None:
    brake.halt(desk.ledger, desk.settings.halt_file, ("the test", "a drill"))
    switched = len(desk.said(Tag.HALTED, Tag.RESUMED))
    assert "not on the roster" in typed(desk, MIA, f"/midwatch {word} because")
    assert len(desk.said(Tag.HALTED, Tag.RESUMED)) == switched
    assert MIA in desk.said(Tag.HALT_REFUSED)[-1]
    assert desk.settings.halt_file.exists()


def command(desk: FrontDesk, who: str, **differs: object) -> JsonObject:
    ours = desk.slack.credentials
    return {
        "team_id": ours.team_id,
        "user_id": who,
        "channel_id": INCIDENTS,
        "command": "/midwatch",
        "text": "resume now",
        "api_app_id": ours.app_id,
        "trigger_id": "1.2.3",
        **differs,
    }


@pytest.mark.parametrize(
    ("who", "differs"),
    [
        (ADA, {"team_id": FOREIGN_TEAM}),
        (ADA, {"api_app_id": "A0EVIL"}),
        (ADA, {"enterprise_id": "E0FOREIGN"}),
        (STELLA, {}),
        ("U0NOBODY001", {}),
        ("", {}),
    ],
)
def test_p12_a_resume_from_elsewhere_ends_no_halt(
    desk: FrontDesk, who: str, differs: dict[str, object]
) -> None:
    brake.halt(desk.ledger, desk.settings.halt_file, ("the test", "a drill"))
    desk.forge.deliver(command(desk, who, **differs), "slash_commands")
    assert desk.said(Tag.RESUMED) == []
    assert len(desk.said(Tag.HALT_REFUSED)) == 1
    assert desk.settings.halt_file.exists()


def test_t08_a_resume_that_comes_again_ends_no_later_halt(desk: FrontDesk) -> None:
    first = command(desk, ADA)
    desk.forge.deliver(first, "slash_commands")
    assert len(desk.said(Tag.RESUMED)) == 1
    brake.halt(desk.ledger, desk.settings.halt_file, ("the test", "again"))
    # Signed anew with the same trigger: in HTTP mode the gate would already refuse the same bytes.
    desk.forge.deliver(first, "slash_commands")
    assert len(desk.said(Tag.RESUMED)) == 1
    assert desk.settings.halt_file.exists()


def test_p25_a_halt_holds_by_file_when_the_database_takes_no_write(desk: FrontDesk) -> None:
    with desk.ledger.writer.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON halt BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    said = typed(desk, ADA, "/midwatch halt now")
    assert "holds the actor" in said
    assert desk.settings.halt_file.exists()
    assert desk.state() is PlanState.PENDING


def test_an_unknown_word_is_answered_with_those_that_are_known(desk: FrontDesk) -> None:
    assert "halt REASON" in typed(desk, ADA, "/midwatch dance")
    assert "on watch" in typed(desk, ADA, "/midwatch status")
