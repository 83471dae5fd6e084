"""Which closed incidents are found again by their words, and how far back that goes."""

from __future__ import annotations

from datetime import timedelta

from agents.incident import IncidentState, Recovery
from agents.ledger import archive, incidents, memory
from agents.ledger.store import Ledger
from agents.ledger.tables import IncidentRow
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_memory import BAD_IMAGE, DAY, Desk
from tests.support.plans import a_delivery, an_alert


def test_the_words_of_a_closed_incident_weigh_by_what_they_say(ledger: Ledger, clock: HandClock) -> None:
    made = Desk(ledger, clock)
    made.closes(made.opens(), Recovery.NOTHING_DONE)
    made.opens()
    with ledger.read() as session:
        (found,) = archive.closed(session)
    assert (found.number, found.at, found.alerts, found.cause) == (
        1,
        clock() - timedelta(seconds=DAY),
        ("KubePodNotReady",),
        BAD_IMAGE,
    )
    title = "KubePodNotReady shop KubePodNotReady " * 2
    cause = f"deployment rollout bad_image {BAD_IMAGE.sentence} " * 3
    assert found.text == f"{title}{cause}It says so."
    assert found.model_copy(update={"cause": None}).text == f"{title}   It says so."


def test_the_newest_five_hundred_are_searched(ledger: Ledger, clock: HandClock) -> None:
    with ledger.write() as tx:
        for n in range(archive.MOST + 1):
            row = IncidentRow(
                cluster="demo",
                group_key=f"g{n}",
                title=f"t{n}",
                severity="info",
                state=IncidentState.CLOSED.value,
                phase="closed",
                opened_at=clock(),
            )
            tx.session.add(row)
    with ledger.read() as session:
        found = [one.title for one in archive.closed(session)]
    assert found == [f"t{n}" for n in range(archive.MOST, 0, -1)]


def test_an_incident_is_known_by_the_names_of_its_first_fifty_alerts(
    ledger: Ledger, clock: HandClock
) -> None:
    nameless = an_alert(clock(), fingerprint="f", labels={"namespace": "shop"})
    many = [an_alert(clock(), fingerprint=f"f{n}", labels={"alertname": f"A{n}"}) for n in range(51)]
    incidents.accept(ledger, [a_delivery(clock(), nameless), a_delivery(clock(), *many, group_key="g2")])
    with ledger.read() as session:
        assert memory.alert_names(session, 1) == set()
        assert len(memory.alert_names(session, 2)) == 50
