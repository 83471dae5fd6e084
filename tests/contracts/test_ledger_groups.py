"""Looks at user groups in the ledger, and what the claim makes of them, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from agents.actor.hands import Hands
from agents.incident import Approver, Plan
from agents.ledger import accounts, decisions, executions, groups
from agents.ledger.accounts import CLAIM_MAY_RELY_ON, Flaw, Seen, SeenGroup
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from agents.ledger.tables_looks import ChatGroupRow
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_plans import pending
from tests.contracts.test_ledger_record import record
from tests.support.plans import ADA, BEN, a_decision

KEY, ONCALL = SealKey(b"s" * 32), "S0ONCALL"
TICK = timedelta(microseconds=1)
CHANGED = Tag.GROUP_CHANGED.value


def look(clock: HandClock, *who: Approver, **changes: Any) -> SeenGroup:
    values: dict[str, Any] = {"team_id": ADA.team_id, "group": ONCALL, "handle": "oncall", "at": clock()}
    members = tuple(sorted(one.user_id for one in who))
    return KEY.vouched(SeenGroup(**(values | {"members": members} | changes)))


def kept(ledger: Ledger, group: str = ONCALL) -> SeenGroup | None:
    with ledger.read() as session:
        return groups.last_seen(session, ADA.team_id, group)


def hands(ledger: Ledger, folder: Path, *more: dict[str, Any]) -> Hands:
    """An actor's right to check rights, over a roster that names the group; a claim needs no cluster."""
    named = {"group": ONCALL, "team_id": ADA.team_id, "tiers": [1, 2, 3], "namespaces": ["*"]}
    (folder / "roster.yaml").write_text(yaml.safe_dump({"approvers": [named, *more]}), encoding="utf-8")
    return Hands(
        ledger=ledger,
        cluster=None,  # type: ignore[arg-type]
        actor_id="actor-1",
        seal=KEY,
        roster_file=folder / "roster.yaml",
        halt_file=folder / "HALT",
    )


def signed(ledger: Ledger, clock: HandClock, *who: Approver, **changes: Any) -> Plan:
    plan = pending(ledger, clock, **changes)
    for one in who:
        human = {"human": f"{one.team_id}/{one.user_id}", "typed": plan.digest[:6]}
        word = KEY.sealed(a_decision(plan, clock(), approver=one, request=human))
        assert isinstance(decisions.decide(ledger, word), decisions.Decided)
    return plan


def claimed(ledger: Ledger, plan: Plan, actor: Hands) -> Claim | Objection:
    return executions.claim(ledger, plan.id, "actor-1", actor.still_valid)


def test_a_look_is_kept_whole_and_what_changed_since_is_on_record(ledger, clock):
    assert kept(ledger) is None
    first = look(clock, ADA, BEN)
    groups.record(ledger, first)
    assert kept(ledger) == first
    assert KEY.vouches(first)
    clock.forward(90)
    groups.record(ledger, look(clock, BEN, ADA, handle="watch"))
    clock.forward(90)
    groups.record(ledger, look(clock, BEN))
    clock.forward(90)
    groups.record(ledger, look(clock, flaw=Flaw.DISABLED))
    of, gone = {"team": "T0OURS", "group": ONCALL, "flaw": ""}, {"came": [], "left": ["U0BEN"]}
    assert record(ledger, CHANGED) == [
        (CHANGED, of | {"came": ["U0ADA", "U0BEN"], "left": [], "members": first.digest}, None, ""),
        (CHANGED, of | {"came": [], "left": ["U0ADA"], "members": look(clock, BEN).digest}, None, ""),
        (CHANGED, of | gone | {"flaw": "it is disabled", "members": look(clock).digest}, None, ""),
    ]


def test_of_two_looks_that_overlapped_the_later_question_stands(ledger, clock):
    early = look(clock, ADA, BEN)
    clock.forward(5)
    late = look(clock, BEN)
    groups.record(ledger, late)
    groups.record(ledger, early)
    assert kept(ledger) == late
    clock.forward(-5)
    groups.record(ledger, early)
    assert kept(ledger) == early, "what pretends to be of tomorrow does not last"


def test_a_member_of_a_group_signs_as_long_as_they_are_in_it(ledger, clock, tmp_path):
    actor = hands(ledger, tmp_path)
    groups.record(ledger, look(clock, ADA, BEN))
    plan = signed(ledger, clock, ADA)
    clock.forward(30)
    groups.record(ledger, look(clock, BEN))
    assert claimed(ledger, plan, actor) is Objection.APPROVER_LOST_RIGHT
    groups.record(ledger, look(clock, ADA))
    assert isinstance(claimed(ledger, plan, actor), Claim)


def test_a_look_counts_at_the_claim_up_to_four_minutes_and_not_from_the_future(ledger, clock, tmp_path):
    actor = hands(ledger, tmp_path)
    plan = signed(ledger, clock, ADA, claim_within_s=3600)
    seen = look(clock, ADA)
    groups.record(ledger, seen)
    clock.at = seen.at + CLAIM_MAY_RELY_ON + TICK
    account = Seen(approver=ADA, good=True, at=clock())
    accounts.record(ledger, 1, KEY.vouched(account))
    assert claimed(ledger, plan, actor) is Objection.APPROVER_LOST_RIGHT
    clock.at = seen.at - TICK
    assert claimed(ledger, plan, actor) is Objection.APPROVER_LOST_RIGHT
    clock.at = seen.at + CLAIM_MAY_RELY_ON
    assert isinstance(claimed(ledger, plan, actor), Claim)


def _sql(ledger: Ledger, words: str, **values: Any) -> None:
    with ledger.writer.begin() as connection:
        connection.execute(text(f"UPDATE chat_group SET {words}"), values)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("members = 'U0ADA U0BEN'", {}),
        ("handle = 'admins', members = 'U0ADA'", {}),
        ("flaw = '', members = 'U0ADA'", {}),
        ("flaw = 'no flaw of ours', members = 'U0ADA'", {}),
        ("mac = ''", {}),
        ("mac = :mac", {"mac": "é" * 64}),
    ],
)
def test_t18_a_look_that_was_altered_in_the_database_gives_nobody_a_right(
    ledger, clock, tmp_path, words, values
):
    actor = hands(ledger, tmp_path)
    plan = signed(ledger, clock, ADA)
    groups.record(ledger, look(clock, BEN))
    _sql(ledger, words, **values)
    assert claimed(ledger, plan, actor) is Objection.APPROVER_LOST_RIGHT


def test_t18_a_look_at_another_group_or_of_another_time_is_good_for_nothing(ledger, clock, tmp_path):
    actor = hands(ledger, tmp_path)
    old = look(clock, ADA)
    groups.record(ledger, old)
    clock.forward(CLAIM_MAY_RELY_ON.total_seconds() + 1)
    plan = signed(ledger, clock, ADA)
    groups.record(ledger, look(clock, ADA, group="S0EVERYBODY"))
    groups.record(ledger, look(clock, BEN))
    genuine = _row(ledger, ONCALL)

    def put(**changes: Any) -> Claim | Objection:
        """Whoever owns the database puts another row into the place of the look."""
        with ledger.write() as tx:
            tx.session.merge(ChatGroupRow(**(genuine | changes)))
        return claimed(ledger, plan, actor)

    lost = Objection.APPROVER_LOST_RIGHT
    assert put() is lost, "the truth: she is not in it"
    assert put(**_row(ledger, "S0EVERYBODY") | {"group_id": ONCALL}) is lost
    assert put(members="U0ADA", seen_at=old.at, mac=old.mac) is lost, "it was true then"
    assert put(members="U0ADA", mac=old.mac) is lost
    account = KEY.vouched(Seen(approver=ADA, good=True, at=clock()))
    assert put(members="U0ADA", mac=account.mac) is lost


def _row(ledger: Ledger, group: str) -> dict[str, Any]:
    with ledger.read() as session:
        return session.get_one(ChatGroupRow, (ADA.team_id, group)).model_dump()


def test_t18_a_look_that_is_young_and_sealed_does_not_outlive_the_event_of_who_left(ledger, clock, tmp_path):
    actor = hands(ledger, tmp_path)
    groups.record(ledger, look(clock, ADA, BEN))
    plan, young = signed(ledger, clock, ADA), _row(ledger, ONCALL)
    clock.forward(30)
    groups.record(ledger, look(clock, BEN))
    with ledger.write() as tx:
        tx.session.merge(ChatGroupRow(**young))
    assert claimed(ledger, plan, actor) is Objection.APPROVER_LOST_RIGHT
    _sql(ledger, "members = 'U0BEN'")
    clock.forward(30)
    groups.record(ledger, look(clock, BEN))
    assert len(record(ledger, CHANGED)) == 2, "the record said so already, whatever the row said"
    _sql(ledger, "members = 'U0ADA'")
    groups.record(ledger, look(clock, ADA))
    assert isinstance(claimed(ledger, plan, actor), Claim)


def test_t18_an_event_that_is_none_of_ours_bears_no_look_out(ledger, clock, tmp_path):
    actor = hands(ledger, tmp_path)
    groups.record(ledger, look(clock, ADA))
    plan = signed(ledger, clock, ADA)
    for body in ({}, {"team": "T0OURS", "group": ONCALL}, {"team": "T0OURS", "group": ONCALL, "members": 1}):
        with ledger.write() as tx:
            tx.audit(Tag.GROUP_CHANGED, body)
        assert claimed(ledger, plan, actor) is Objection.APPROVER_LOST_RIGHT


def test_one_human_by_name_and_by_group_is_one_signature_at_the_claim(ledger, clock, tmp_path):
    groups.record(ledger, look(clock, ADA, BEN))
    plan = signed(ledger, clock, ADA, BEN, tier=3, approvals_needed=2)
    linked = [{"user_id": one.user_id, "team_id": one.team_id, "person": "ada"} for one in (ADA, BEN)]
    assert claimed(ledger, plan, hands(ledger, tmp_path, *linked)) is Objection.APPROVER_LOST_RIGHT
    assert isinstance(claimed(ledger, plan, hands(ledger, tmp_path)), Claim)


def test_t48_a_member_linked_to_whoever_asked_does_not_count_at_the_claim(ledger, clock, tmp_path):
    groups.record(ledger, look(clock, ADA, BEN))
    plan = signed(ledger, clock, BEN, requester=ADA.user_id)
    same = [
        {"user_id": ADA.user_id, "team_id": ADA.team_id, "tiers": [], "person": "b"},
        {"user_id": BEN.user_id, "team_id": BEN.team_id, "tiers": [], "person": "b"},
    ]
    assert claimed(ledger, plan, hands(ledger, tmp_path, *same)) is Objection.APPROVER_LOST_RIGHT
    assert isinstance(claimed(ledger, plan, hands(ledger, tmp_path)), Claim)
