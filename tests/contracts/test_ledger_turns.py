"""So many investigations begin within an hour, and whoever waits is told for how long."""

from __future__ import annotations

import pytest

from agents.ledger import incidents, investigations, turns
from agents.ledger.investigations import Lease, LeaseLost
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.support.plans import a_delivery, an_alert


def opened(ledger: Ledger, clock: HandClock, number: int) -> Lease:
    told = an_alert(clock(), fingerprint=f"f{number}")
    incidents.accept(ledger, [a_delivery(clock(), told, group_key=f"g{number}")])
    lease = investigations.take(ledger, number, "worker", 10_000)
    assert lease is not None
    return lease


def test_the_oldest_of_the_last_so_many_makes_room_when_it_is_an_hour_old(
    ledger: Ledger, clock: HandClock
) -> None:
    leases = [opened(ledger, clock, number) for number in (1, 2, 3, 4)]
    for lease in leases[:3]:
        assert turns.begin(ledger, lease, 3) == 0.0
        clock.forward(60)
    assert turns.begin(ledger, leases[3], 2) == turns.seconds_to_wait(ledger, 4, 2) == 3_600 - 120
    assert turns.begin(ledger, leases[3], 1) == 3_600 - 60
    assert turns.begin(ledger, leases[0], 1) == turns.seconds_to_wait(ledger, 1, 1) == 0.0, "it has begun"
    clock.forward(3_600 - 121)
    assert turns.seconds_to_wait(ledger, 4, 2) == 1
    clock.forward(1)
    assert turns.begin(ledger, leases[3], 2) == 0.0
    found = incidents.incident(ledger, 4)
    assert (found and found.phase) == "investigating"


def test_what_resolved_by_itself_or_is_not_there_waits_for_nothing(ledger: Ledger, clock: HandClock) -> None:
    first, second = opened(ledger, clock, 1), opened(ledger, clock, 2)
    assert turns.begin(ledger, first, 1) == 0.0
    assert turns.seconds_to_wait(ledger, 2, 1) == 3_600
    over = an_alert(clock(), fingerprint="f2", firing=False, ends_at=clock())
    incidents.accept(ledger, [a_delivery(clock(), over, group_key="g2")])
    assert turns.begin(ledger, second, 1) == turns.seconds_to_wait(ledger, 2, 1) == 0.0
    assert turns.seconds_to_wait(ledger, 9, 1) == 0.0
    found = incidents.incident(ledger, 2)
    assert (found and found.phase) == "received", "nothing began"


def test_whose_lease_ran_out_begins_nothing_and_hears_why(ledger: Ledger, clock: HandClock) -> None:
    lease = opened(ledger, clock, 1)
    clock.forward(10_000)
    assert turns.begin(ledger, lease, 1) == 0.0, "to the last moment"
    clock.forward(1)
    with pytest.raises(LeaseLost, match=r"^the lease on INC-1 is no longer ours$"):
        turns.begin(ledger, lease, 1)
    assert investigations.renew(ledger, lease, 60)
    assert investigations.take(ledger, 1, "other", 60) is None
    investigations.release(ledger, lease)
    taken = investigations.take(ledger, 1, "other", 60)
    assert taken is not None
    assert (taken.owner, taken.token, (taken.until - clock()).total_seconds()) == (
        "other",
        lease.token + 1,
        60,
    )
    assert not investigations.renew(ledger, lease, 60)
    investigations.release(ledger, lease)
    with pytest.raises(LeaseLost):
        investigations.set_phase(ledger, lease, "late")
    investigations.set_phase(ledger, taken, "gathering")
    assert investigations.take(ledger, 9, "other", 60) is None


def test_a_lease_that_ends_now_may_be_taken_now(ledger: Ledger, clock: HandClock) -> None:
    opened(ledger, clock, 1)
    clock.forward(9_999.999)
    assert investigations.take(ledger, 1, "other", 60) is None
    clock.forward(0.001)
    assert investigations.take(ledger, 1, "other", 60) is not None
