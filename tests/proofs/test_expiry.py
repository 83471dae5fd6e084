"""Nothing is claimed or signed too late, whoever is alive and whatever other clocks say (P4)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.ledger import executions, moves
from agents.ledger.decisions import decide
from agents.ledger.executions import Claim
from agents.ledger.migrate import upgrade
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.proofs.test_one_claim import signed
from tests.support.ledgers import empty_ledger
from tests.support.model_trace import hurried, planned
from tests.support.plans import a_decision
from tests.support.pretend_queue import RememberingQueue
from tests.support.real_servers import fresh_database

MS = timedelta(milliseconds=1)
SKEWS = (timedelta(minutes=-10), timedelta(0), timedelta(minutes=10))
MATRIX = tuple(itertools.product((-MS, timedelta(0), MS), (False, True), SKEWS))
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder: Path = tmp_path_factory.mktemp("frozen")
    opened = Ledger(empty_ledger(folder / "ledger.db"), RememberingQueue(), HandClock())
    hurried(opened)
    yield opened
    opened.close()


def ids(value: object) -> str:
    return f"{value.total_seconds():+}s" if isinstance(value, timedelta) else f"sweeper={value}"


@pytest.mark.parametrize(("offset", "sweeper", "skew"), MATRIX, ids=ids)
def test_p04_a_claim_counts_until_its_last_millisecond_and_never_later(
    frozen: Ledger, offset: timedelta, sweeper: bool, skew: timedelta
) -> None:
    clock = frozen._clock
    assert isinstance(clock, HandClock)
    # The approver's clock is wrong: what it writes into a decision is evidence and no clock.
    driven = planned(frozen, clock, f"to-claim-{next(numbers)}", 1)
    assert (driven.rehearse(), driven.post()) == ("", "")
    assert not isinstance(decide(frozen, a_decision(driven.plan, clock() + skew)), Objection)
    clock.at += timedelta(seconds=driven.plan.claim_within_s) + offset
    if sweeper:
        moves.expire_due(frozen, driven.lease.incident)
    answer = executions.claim(frozen, driven.plan.id, "actor", lambda *_: True)
    in_time = offset <= timedelta(0)
    assert isinstance(answer, Claim) is in_time
    assert in_time or answer is (Objection.NO_SUCH_EDGE if sweeper else Objection.EXPIRED)


@pytest.mark.parametrize(("offset", "sweeper", "skew"), MATRIX, ids=ids)
def test_p04_a_signature_counts_until_its_last_millisecond_and_never_later(
    frozen: Ledger, offset: timedelta, sweeper: bool, skew: timedelta
) -> None:
    clock = frozen._clock
    assert isinstance(clock, HandClock)
    driven = planned(frozen, clock, f"to-sign-{next(numbers)}", 1)
    assert (driven.rehearse(), driven.post()) == ("", "")
    clock.at = driven.plan.pending_until + offset
    if sweeper:
        moves.expire_due(frozen, driven.lease.incident)
    decide(frozen, a_decision(driven.plan, clock() + skew))
    late = PlanState.EXPIRED if sweeper else PlanState.PENDING
    assert driven.ps is (PlanState.APPROVED if offset <= timedelta(0) else late)


@pytest.mark.postgresql
@pytest.mark.parametrize("skew", SKEWS, ids=ids)
@pytest.mark.parametrize(("waited_s", "claims"), [(60, True), (121, False)])
def test_p04_on_postgresql_only_the_databases_clock_counts(
    ledger_server: str, skew: timedelta, waited_s: int, claims: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WrongTime(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + skew

    with fresh_database(ledger_server) as url:
        ledger = Ledger(url, RememberingQueue())
        upgrade(ledger.writer)
        monkeypatch.setattr("agents.ledger.store.datetime", WrongTime)
        at = ledger.now()
        clock = HandClock()
        clock.at = at
        plan = signed(ledger, clock, 1)
        with ledger.writer.begin() as connection:
            back = text("UPDATE proposal SET state_at = state_at - make_interval(secs => :s)")
            connection.execute(back, {"s": waited_s})
        answer = executions.claim(ledger, plan.id, "actor", lambda *_: True)
        ledger.close()
    assert isinstance(answer, Claim) is claims
    assert claims or answer is Objection.EXPIRED
