"""An approver who loses the right at any step up to the claim: nothing is begun after that (P5).

A roster is a file and the claim a transaction; of two that overlap either may come first. What is promised is
told by their order: who began to claim after the roster was replaced has no claim, and of a claim and a lost
account, which are both in the record, the claim is earlier or is not there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import yaml
from sqlmodel import col, select

from agents.actor.hands import Hands
from agents.auditor.verify import verify
from agents.incident import Approver, Plan
from agents.ledger import accounts, executions, groups, incidents, investigations, moves, previews
from agents.ledger.accounts import Seen, SeenGroup
from agents.ledger.decisions import decide
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from tests.contracts.conftest import HandClock
from tests.support.patience import PATIENCE_S
from tests.support.plans import ADA, BEN, a_decision, a_delivery, a_plan, a_step, an_alert
from tests.support.scale import PROVING, scale

RUNS = scale("revocations")
GROUP = {"group": "S0ONCALL", "team_id": ADA.team_id}
EVERYTHING = {"tiers": [1, 2, 3], "namespaces": ["*"]}
OUT = "out of the group"
STEPS = ("before the click", "between two clicks", "before the claim", "while it is claimed")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Two people who may sign, an actor that asks whether they still may, and plans for them."""

    ledger: Ledger
    clock: HandClock
    folder: Path
    seal: SealKey

    @property
    def hands(self) -> Hands:
        """An actor's right to check rights; a claim needs no cluster."""
        return Hands(
            ledger=self.ledger,
            cluster=None,  # type: ignore[arg-type]
            actor_id="actor-1",
            seal=self.seal,
            roster_file=self.folder / "roster.yaml",
            halt_file=self.folder / "HALT",
        )

    def roster(self, ada: dict[str, Any] | None, *more: dict[str, Any]) -> None:
        """The people from now on: Ben, and Ada with these rights, if any; and what else is listed."""
        people = [(BEN, EVERYTHING), *([(ADA, ada)] if ada is not None else [])]
        listed = [who.model_dump() | rights for who, rights in people]
        text = yaml.safe_dump({"approvers": [*listed, *more]})
        draft = self.folder / "roster.draft"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.folder / "roster.yaml")

    def group(self, *who: Approver) -> None:
        """The chat says that these are in the group."""
        members = tuple(one.user_id for one in who)
        seen = SeenGroup(**GROUP, handle="oncall", members=members, at=self.clock())
        groups.record(self.ledger, self.seal.vouched(seen))

    def account(self, *, good: bool) -> None:
        """The chat says so of Ada's account."""
        seen = self.seal.vouched(Seen(approver=ADA, good=good, at=self.clock()))
        accounts.record(self.ledger, 1, seen)

    def shown(self, number: int) -> Plan:
        """A plan of two signatures that waits for them."""
        alert = an_alert(self.clock(), fingerprint=f"f{number}")
        (told,) = incidents.accept(self.ledger, [a_delivery(self.clock(), alert, group_key=f"g{number}")])
        lease = investigations.take(self.ledger, told.incident or 0, "the test", 60)
        assert lease is not None
        signatures = {"approvals_needed": 2, "tier": 3}
        plan = a_plan(
            self.clock(),
            incident=f"INC-{told.incident}",
            nonce=f"{number:032x}",
            steps=(a_step(name=f"checkout-{number}"),),
            **signatures,
        )
        assert investigations.draft(self.ledger, lease, plan, "why") == plan.id
        preview = previews.Preview(plan_id=plan.id, at=self.clock(), diffs=("d",), dry_run_digest="a" * 64)
        assert previews.store_preview(self.ledger, preview) is None
        posted = previews.Posted(channel_id=f"C{number}", message_ts=f"{number}.1", card_digest="c")
        assert previews.mark_pending(self.ledger, plan.id, posted) is None
        return plan

    def signed(self, plan: Plan, who: Approver) -> None:
        word = a_decision(plan, self.clock(), approver=who)
        assert not isinstance(decide(self.ledger, self.seal.sealed(word)), Objection)

    def state(self, plan: Plan) -> PlanState:
        with self.ledger.read() as session:
            found = moves.standing(session, plan.id)
        assert isinstance(found, moves.Standing)
        return found.state

    def last(self, tag: Tag) -> int:
        """Where in the record such an event stands last; 0 if nowhere."""
        with self.ledger.read() as session:
            query = select(AuditRow.seq).where(AuditRow.tag == tag.value).order_by(col(AuditRow.seq).desc())
            return session.exec(query).first() or 0


REVOKED: dict[str, Callable[[Desk], None]] = {
    "off the roster": lambda desk: desk.roster(None),
    "another tier": lambda desk: desk.roster(EVERYTHING | {"tiers": [1]}),
    "another namespace": lambda desk: desk.roster(EVERYTHING | {"namespaces": ["bank"]}),
    "the same human as the other": lambda desk: desk.roster(
        EVERYTHING | {"person": f"{BEN.team_id}/{BEN.user_id}"}
    ),
    "a roster that cannot be read": lambda desk: (desk.folder / "roster.yaml").write_text(
        "approvers: [", "utf-8"
    ),
    "a deactivated account": lambda desk: desk.account(good=False),
    OUT: lambda desk: desk.group(),
}
ON_RECORD = {"a deactivated account": Tag.APPROVER_LOST, OUT: Tag.GROUP_CHANGED}


@pytest.fixture
def desk(ledger: Ledger, clock: HandClock, tmp_path: Path) -> Desk:
    return Desk(ledger=ledger, clock=clock, folder=tmp_path, seal=SealKey(b"s" * 32))


@pytest.mark.proof
@pytest.mark.timeout(1_800 if PROVING else 300)
def test_p05_after_a_right_is_lost_nothing_is_begun_on_it_at_whatever_step_that_is(desk: Desk) -> None:
    draw, begun = random.Random(5), 0
    for number in range(1, RUNS + 1):
        desk.roster(EVERYTHING)
        desk.account(good=True)
        lost, step = list(REVOKED)[number % len(REVOKED)], STEPS[number // len(REVOKED) % len(STEPS)]
        if lost == OUT:
            desk.roster(None, GROUP | EVERYTHING)
            desk.group(ADA)
        begun += _once(desk, number, (lost, step), draw)
    assert verify(desk.ledger).ok
    # The race is one: sometimes the claim is first.
    assert begun or not PROVING


def _once(desk: Desk, number: int, which: tuple[str, str], draw: random.Random) -> bool:
    lost, step = which
    plan = desk.shown(number)
    if step == STEPS[0]:
        REVOKED[lost](desk)
    desk.signed(plan, ADA)
    if step == STEPS[1]:
        REVOKED[lost](desk)
    desk.signed(plan, BEN)
    if step == STEPS[3]:
        return _raced(desk, plan, lost, draw)
    if step == STEPS[2]:
        REVOKED[lost](desk)
    answer = executions.claim(desk.ledger, plan.id, "actor-1", desk.hands.still_valid)
    assert answer is Objection.APPROVER_LOST_RIGHT, which
    assert desk.state(plan) is PlanState.APPROVED
    return False


def _raced(desk: Desk, plan: Plan, lost: str, draw: random.Random) -> bool:
    """Whether the claim, begun while the right is being lost, was the first of the two."""
    together, revoked_at, waits = Barrier(2, timeout=PATIENCE_S), [0.0], draw.choice((0, 0, 1, 2_000, 20_000))

    def revoke() -> None:
        together.wait()
        for _ in range(waits):
            pass
        REVOKED[lost](desk)
        revoked_at[0] = time.monotonic()

    other = Thread(target=revoke)
    other.start()
    together.wait()
    for _ in range(draw.choice((0, 0, 2_000, 20_000))):
        pass
    began = time.monotonic()
    answer = executions.claim(desk.ledger, plan.id, "actor-1", desk.hands.still_valid)
    other.join()
    if not isinstance(answer, Claim):
        assert answer is Objection.APPROVER_LOST_RIGHT
        return False
    assert began <= revoked_at[0], "claimed although the right was lost before"
    if lost in ON_RECORD:
        assert desk.last(Tag.PLAN_CLAIMED) < desk.last(ON_RECORD[lost])
    return True
