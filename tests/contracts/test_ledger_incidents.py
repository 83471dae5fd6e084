"""From deliveries to incidents: nothing doubled, nothing lost, nothing closed too early."""

from __future__ import annotations

import pytest

from agents.auditor.verify import verify
from agents.incident import IncidentState, Outcome, Recovery
from agents.ledger import alert_rows, incidents, investigations, turns
from agents.ledger.incidents import accept
from agents.ledger.investigations import LeaseLost, Look
from agents.ledger.notification import Disposition
from tests.contracts.test_ledger_record import record
from tests.support.plans import a_delivery, an_alert, numbers


def one(ledger, delivery) -> Disposition:
    return accept(ledger, [delivery])[0].disposition


def resolved(ledger) -> bool:
    with ledger.read() as session:
        return investigations.is_resolved(session, 1)


def test_the_same_notification_twice_opens_one_incident(ledger, clock):
    delivery = a_delivery(clock(), an_alert(clock()))
    assert one(ledger, delivery) is Disposition.NEW
    clock.forward(0.0014)
    half = a_delivery(clock(), an_alert(clock()))
    assert one(ledger, half) is Disposition.DUPLICATE
    assert numbers(ledger) == [1]
    woken = [job for job in ledger.queue.jobs if job.lane == "investigator"]
    assert len(woken) == 1


def test_a_changed_group_key_still_finds_the_incident_by_fingerprint(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    assert one(ledger, a_delivery(clock(), an_alert(clock()), group_key="other")) is Disposition.DUPLICATE


def test_another_cluster_is_another_incident(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    assert one(ledger, a_delivery(clock(), an_alert(clock()), source="prod-2")) is Disposition.NEW


def test_an_alert_that_joins_is_part_of_the_same_incident(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    both = a_delivery(clock(), an_alert(clock()), an_alert(clock(), fingerprint="f2"))
    assert one(ledger, both) is Disposition.JOINED
    found = incidents.incident(ledger, 1)
    assert found is not None
    assert len(found.alerts) == 2


def test_it_is_resolved_when_the_last_alert_is_and_not_before(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock()), an_alert(clock(), fingerprint="f2")))
    gone = an_alert(clock(), firing=False)
    assert one(ledger, a_delivery(clock(), gone)) is Disposition.RESOLVED
    assert not resolved(ledger)
    one(ledger, a_delivery(clock(), gone, an_alert(clock(), fingerprint="f2", firing=False)))
    assert resolved(ledger)


def test_a_truncated_body_resolves_nothing(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock()), truncated=190))
    one(ledger, a_delivery(clock(), an_alert(clock(), firing=False), truncated=190))
    assert not resolved(ledger)


def test_a_flap_makes_it_fire_again(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    one(ledger, a_delivery(clock(), an_alert(clock(), firing=False)))
    clock.forward(30)
    assert one(ledger, a_delivery(clock(), an_alert(clock()))) is Disposition.JOINED
    assert not resolved(ledger)


def test_a_late_copy_of_what_is_over_makes_nothing_fire_again(ledger, clock):
    fires, over = an_alert(clock()), an_alert(clock(), firing=False, ends_at=clock())
    one(ledger, a_delivery(clock(), fires))
    one(ledger, a_delivery(clock(), over))
    clock.forward(119)
    assert one(ledger, a_delivery(clock(), fires)) is Disposition.DUPLICATE
    assert resolved(ledger)


def test_an_alert_that_was_only_not_repeated_fires_again_with_the_same_words(ledger, clock):
    """Prometheus could not reach Alertmanager for a while: the start stays what it was."""
    fires = an_alert(clock())
    one(ledger, a_delivery(clock(), fires))
    clock.forward(240)
    one(ledger, a_delivery(clock(), fires.model_copy(update={"firing": False, "ends_at": clock()})))
    clock.forward(10)
    assert one(ledger, a_delivery(clock(), fires)) is Disposition.JOINED
    assert not resolved(ledger)


def test_a_late_end_of_an_earlier_episode_does_not_end_this_one(ledger, clock):
    began = clock()
    one(ledger, a_delivery(clock(), an_alert(began)))
    clock.forward(60)
    ended = an_alert(began, firing=False, ends_at=clock())
    one(ledger, a_delivery(clock(), ended))
    clock.forward(60)
    again = clock()
    one(ledger, a_delivery(clock(), an_alert(again)))
    clock.forward(600)
    assert one(ledger, a_delivery(clock(), ended)) is Disposition.DUPLICATE
    assert not resolved(ledger)
    own = an_alert(again, firing=False, ends_at=clock())
    assert one(ledger, a_delivery(clock(), own)) is Disposition.RESOLVED


def test_an_end_that_came_first_is_believed_when_it_comes_again(ledger, clock):
    over = an_alert(clock(), firing=False, ends_at=clock())
    assert one(ledger, a_delivery(clock(), over)) is Disposition.IGNORED
    one(ledger, a_delivery(clock(), an_alert(clock())))
    assert one(ledger, a_delivery(clock(), over)) is Disposition.RESOLVED


def test_a_late_copy_reopens_no_closed_incident(ledger, clock):
    fires = an_alert(clock())
    one(ledger, a_delivery(clock(), fires))
    ended = Outcome(recovery=Recovery.NOTHING_DONE, at=clock(), sentence="It ended by itself.")
    investigations.close(ledger, a_lease(ledger, 1), ended)
    clock.forward(60)
    receipt = accept(ledger, [a_delivery(clock(), fires)])[0]
    assert (receipt.disposition, receipt.incident) == (Disposition.DUPLICATE, 1)
    assert numbers(ledger) == [1]


def test_a_watchdog_opens_nothing_and_a_stray_resolve_neither(ledger, clock):
    watchdog = an_alert(clock(), labels={"alertname": "Watchdog", "severity": "none"})
    assert one(ledger, a_delivery(clock(), watchdog)) is Disposition.IGNORED
    stray = a_delivery(clock(), an_alert(clock(), firing=False))
    assert one(ledger, stray) is Disposition.IGNORED
    assert numbers(ledger) == []


def test_one_worker_holds_an_incident_and_a_zombie_writes_nothing(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    first = investigations.take(ledger, 1, "one", 10)
    assert first is not None
    assert investigations.take(ledger, 1, "two", 10) is None
    clock.forward(11)
    second = investigations.take(ledger, 1, "two", 10)
    assert second is not None
    with pytest.raises(LeaseLost):
        investigations.set_phase(ledger, first, "late")
    investigations.set_phase(ledger, second, "in time")


def test_a_stage_that_runs_again_finds_its_evidence_again(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    lease = investigations.take(ledger, 1, "one", 10)
    assert lease is not None
    look = Look(key="round-1:/pods", tool="kubernetes.list", query="GET /pods", excerpt="Pod a")
    (first,) = investigations.store_evidence(ledger, lease, [look])
    (again,) = investigations.store_evidence(ledger, lease, [look])
    assert again == first
    assert first.id == "E1"


def test_a_closed_incident_lets_the_next_episode_open_a_new_one(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    lease = investigations.take(ledger, 1, "one", 10)
    assert lease is not None
    ended = Outcome(recovery=Recovery.NOTHING_DONE, at=clock(), sentence="It ended by itself.")
    investigations.close(ledger, lease, ended)
    found = incidents.incident(ledger, 1)
    assert found is not None
    assert found.state is IncidentState.CLOSED
    clock.forward(30)
    assert one(ledger, a_delivery(clock(), an_alert(clock()))) is Disposition.NEW
    assert verify(ledger).ok


def a_lease(ledger, number: int):
    lease = investigations.take(ledger, number, "w", 60)
    assert lease is not None
    return lease


def test_only_so_many_investigations_begin_within_an_hour_and_the_others_wait_their_turn(ledger, clock):
    for group in ("g1", "g2", "g3"):
        one(ledger, a_delivery(clock(), an_alert(clock(), fingerprint=group), group_key=group))
    assert turns.begin(ledger, a_lease(ledger, 1), 2) == 0
    clock.forward(600)
    assert turns.begin(ledger, a_lease(ledger, 2), 2) == 0
    assert turns.begin(ledger, a_lease(ledger, 3), 2) == turns.seconds_to_wait(ledger, 3, 2) == 3000
    assert turns.seconds_to_wait(ledger, 1, 2) == 0, "it has begun"
    clock.forward(3001)
    assert turns.seconds_to_wait(ledger, 3, 2) == 0
    assert investigations.take(ledger, 3, "the next", 60) is not None


def test_an_investigation_that_began_is_not_counted_again_after_a_restart(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    lease = a_lease(ledger, 1)
    assert [turns.begin(ledger, lease, 1) for _ in range(3)] == [0, 0, 0]


def test_what_resolved_by_itself_waits_for_no_turn(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock())))
    assert turns.begin(ledger, a_lease(ledger, 1), 1) == 0
    one(ledger, a_delivery(clock(), an_alert(clock(), fingerprint="f2"), group_key="g2"))
    assert turns.seconds_to_wait(ledger, 2, 1) > 0
    one(ledger, a_delivery(clock(), an_alert(clock(), fingerprint="f2", firing=False), group_key="g2"))
    assert turns.seconds_to_wait(ledger, 2, 1) == 0


@pytest.mark.parametrize(
    ("labels", "title"),
    [
        ({"namespace": "shop", "pod": "p", "service": "s", "deployment": "d"}, "A shop/d"),
        ({"namespace": "shop", "pod": "p", "service": "s"}, "A shop/s"),
        ({"namespace": "shop", "pod": "p"}, "A shop/p"),
        ({"deployment": "d"}, "A d"),
        ({"namespace": "shop"}, "A shop"),
        ({}, "A"),
    ],
)
def test_a_title_says_what_and_where(clock, labels, title):
    assert incidents.title_of(an_alert(clock(), labels={"alertname": "A"} | labels)) == title


@pytest.mark.parametrize(
    ("severities", "worst"),
    [
        (("warning", "error", "info"), "error"),
        (("error", "critical", "warning"), "critical"),
        (("info", "warning"), "warning"),
        (("page", "info"), "page"),
    ],
)
def test_an_incident_is_named_after_the_worst_of_its_first_alerts(ledger, clock, severities, worst):
    alerts = [
        an_alert(clock(), fingerprint=f"f{n}", labels={"alertname": f"A-{each}", "severity": each})
        for n, each in enumerate(severities)
    ]
    one(ledger, a_delivery(clock(), *alerts))
    found = incidents.incident(ledger, 1)
    assert (found.title, found.severity) == (f"A-{worst}", worst)


def test_a_copy_is_a_copy_for_two_minutes_whoever_closed_the_incident_meanwhile(ledger, clock):
    delivery = a_delivery(clock(), an_alert(clock()))
    assert one(ledger, delivery) is Disposition.NEW
    lease = investigations.take(ledger, 1, "worker", 60)
    ended = Outcome(recovery=Recovery.NOTHING_DONE, at=clock(), sentence="It went away.")
    investigations.close(ledger, lease, ended)
    clock.forward(119.999)
    late = a_delivery(clock(), an_alert(clock()), key=delivery.key)
    assert one(ledger, late) is Disposition.DUPLICATE
    assert one(ledger, late.model_copy(update={"source": "prod-2"})) is Disposition.NEW
    clock.forward(120)
    later = a_delivery(clock(), an_alert(clock()), key=delivery.key)
    assert one(ledger, later) is Disposition.NEW, "it is news after the last copy has aged"


def test_of_many_alerts_the_first_hundred_are_named_in_the_record(ledger, clock):
    one(ledger, a_delivery(clock(), an_alert(clock(), fingerprint="first")))
    many = [an_alert(clock(), fingerprint=f"f{n}") for n in range(incidents.MOST_NAMED + 1)]
    one(ledger, a_delivery(clock(), *many))
    ((_, body, number, _),) = record(ledger, "intake:alert:join")
    assert (body["alerts"], len(body["fingerprints"]), number) == (101, 100, 1)


def test_a_notification_of_hundreds_of_alerts_finds_each_of_them(ledger, clock):
    many = [an_alert(clock(), fingerprint=f"f{n}") for n in range(alert_rows.MOST_PRINTS + 1)]
    one(ledger, a_delivery(clock(), *many))
    again = [*many, an_alert(clock(), fingerprint="new")]
    assert one(ledger, a_delivery(clock(), *again)) is Disposition.JOINED
    found = incidents.incident(ledger, 1)
    assert len(found.alerts) == alert_rows.MOST_PRINTS + 2
