"""However many actors reach for a plan at the same moment, one has it (property P8), on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from agents.auditor.verify import verify
from agents.incident import Plan
from agents.ledger import executions, incidents, investigations, previews
from agents.ledger.decisions import Decided, decide
from agents.ledger.executions import Claim
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert
from tests.support.scale import PROVING, scale

THREADS = scale("claim_threads")
PROPOSALS = scale("claim_proposals")
# Told by whatever the loser came upon first: the state, its version, or the lock on the object.
LOST = {Objection.NO_SUCH_EDGE, Objection.CHANGED_MEANWHILE, Objection.OBJECT_BUSY}


def signed(ledger: Ledger, clock: HandClock, number: int) -> Plan:
    """A plan of an incident and an object of its own, with all the signatures it needs."""
    alert = an_alert(clock(), fingerprint=f"f{number}")
    (told,) = incidents.accept(ledger, [a_delivery(clock(), alert, group_key=f"g{number}")])
    lease = investigations.take(ledger, told.incident or 0, "the test", 60)
    assert lease is not None
    steps = (a_step(name=f"checkout-{number}"),)
    plan = a_plan(clock(), incident=f"INC-{told.incident}", nonce=f"{number:032x}", steps=steps)
    investigations.draft(ledger, lease, plan, "why")
    shown = previews.Preview(plan_id=plan.id, at=clock(), diffs=("d",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    posted = previews.Posted(channel_id="C1", message_ts=f"{number}.1", card_digest="c")
    assert previews.mark_pending(ledger, plan.id, posted) is None
    assert decide(ledger, a_decision(plan, clock())) == Decided(state=PlanState.APPROVED)
    return plan


@pytest.mark.proof
@pytest.mark.timeout(3_600 if PROVING else 900)
def test_p08_of_all_who_claim_at_once_exactly_one_wins_and_the_others_know_why(
    ledger: Ledger, clock: HandClock
) -> None:
    plans = [signed(ledger, clock, number) for number in range(1, PROPOSALS + 1)]
    # All at the same plan at the same moment: the barrier lets them go together, plan after plan.
    barrier = Barrier(THREADS, timeout=120)

    def actor(number: int) -> list[Claim | Objection]:
        answers = []
        for plan in plans:
            barrier.wait()
            answers.append(executions.claim(ledger, plan.id, f"actor-{number}", lambda *_: True))
        return answers

    with ThreadPoolExecutor(THREADS) as pool:
        given = list(zip(*pool.map(actor, range(THREADS)), strict=True))
    for plan, answers in zip(plans, given, strict=True):
        won = [answer for answer in answers if isinstance(answer, Claim)]
        assert [claim.plan.id for claim in won] == [plan.id]
        lost = {answer for answer in answers if not isinstance(answer, Claim)}
        assert lost <= LOST
    assert verify(ledger).ok
