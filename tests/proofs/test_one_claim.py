"""However many reach for a plan or an object at the same moment, one has it, on both databases (P8, I9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlmodel import col, select

from agents.auditor.verify import verify
from agents.incident import Plan
from agents.ledger import executions, incidents, investigations, previews
from agents.ledger.decisions import Decided, decide
from agents.ledger.executions import Claim
from agents.ledger.protocol import ACTIVE, Objection, PlanState
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import ObjectLockRow, ProposalRow
from tests.contracts.conftest import HandClock
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert
from tests.support.scale import PROVING, scale

THREADS = scale("claim_threads")
PROPOSALS = scale("claim_proposals")
# Who comes second finds a plan that is not approved any more, and never one that looks tampered with.
LOST = {Objection.NO_SUCH_EDGE}


def wanted(ledger: Ledger, clock: HandClock, number: int, name: str) -> tuple[investigations.Lease, Plan]:
    """A plan that is not drafted yet, for an incident of its own."""
    alert = an_alert(clock(), fingerprint=f"f{number}")
    (told,) = incidents.accept(ledger, [a_delivery(clock(), alert, group_key=f"g{number}")])
    lease = investigations.take(ledger, told.incident or 0, "the test", 60)
    assert lease is not None
    image = {"/spec/template/spec/containers/0/image": f"r/checkout:{number}"}
    steps = (a_step(name=name, set=image),)
    return lease, a_plan(clock(), incident=f"INC-{told.incident}", nonce=f"{number:032x}", steps=steps)


def signed(ledger: Ledger, clock: HandClock, number: int) -> Plan:
    """A plan of an incident and an object of its own, with all the signatures it needs."""
    lease, plan = wanted(ledger, clock, number, f"checkout-{number}")
    assert investigations.draft(ledger, lease, plan, "why") == plan.id
    shown = previews.Preview(plan_id=plan.id, at=clock(), diffs=("d",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    posted = previews.Posted(channel_id=f"C{number}", message_ts=f"{number}.1", card_digest="c")
    assert previews.mark_pending(ledger, plan.id, posted) is None
    assert decide(ledger, a_decision(plan, clock())) == Decided(state=PlanState.APPROVED)
    return plan


def asked(ledger: Ledger, plan: Plan, actor: str) -> Claim | Objection:
    """What the ledger answers to a claim, asked again while no connection is free, as an actor does."""
    while True:
        try:
            return executions.claim(ledger, plan.id, actor, lambda *_: True)
        except LedgerUnavailable:
            continue


@pytest.mark.proof
@pytest.mark.timeout(3_600 if PROVING else 900)
def test_p08_of_all_who_claim_at_once_exactly_one_wins_and_the_others_know_why(
    ledger: Ledger, clock: HandClock
) -> None:
    plans = [signed(ledger, clock, number) for number in range(1, PROPOSALS + 1)]
    # All at the same plan at the same moment: the barrier lets them go together, plan after plan.
    barrier = Barrier(THREADS, timeout=600)

    def actor(number: int) -> list[Claim | Objection]:
        answers = []
        for plan in plans:
            barrier.wait()
            answers.append(asked(ledger, plan, f"actor-{number}"))
        return answers

    with ThreadPoolExecutor(THREADS) as pool:
        given = list(zip(*pool.map(actor, range(THREADS)), strict=True))
    for plan, answers in zip(plans, given, strict=True):
        won = [answer for answer in answers if isinstance(answer, Claim)]
        assert [claim.plan.id for claim in won] == [plan.id]
        lost = {answer for answer in answers if not isinstance(answer, Claim)}
        assert lost <= LOST
    assert verify(ledger).ok


@pytest.mark.proof
@pytest.mark.timeout(3_600 if PROVING else 900)
def test_i9_of_a_claim_and_a_newer_draft_at_the_same_moment_one_has_the_object(
    ledger: Ledger, clock: HandClock
) -> None:
    claims = 0
    with ThreadPoolExecutor(2) as pool:
        for number in range(1, PROPOSALS + 1):
            older = signed(ledger, clock, number)
            lease, newer = wanted(ledger, clock, number + PROPOSALS, f"checkout-{number}")
            claimed = pool.submit(executions.claim, ledger, older.id, "actor", lambda *_: True)
            drafted = pool.submit(investigations.draft, ledger, lease, newer, "why")
            begun = isinstance(claimed.result(), Claim)
            assert drafted.result() == (Objection.OBJECT_BUSY if begun else newer.id)
            with ledger.read() as session:
                held = session.exec(select(ObjectLockRow.plan_id)).all()
                active = session.exec(
                    select(ProposalRow.plan_id).where(col(ProposalRow.state).in_(ACTIVE))
                ).all()
            assert older.id in held if begun else newer.id in held
            assert sorted(held) == sorted(active)
            claims += begun
    assert claims
    assert verify(ledger).ok
