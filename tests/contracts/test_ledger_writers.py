"""Several who write at once, and several deliveries in one transaction."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.auditor.verify import verify
from agents.incident import Outcome, Recovery
from agents.ledger import incidents, investigations, lines, store
from agents.ledger.incidents import accept
from agents.ledger.notification import Disposition
from agents.ledger.store import Ledger, LedgerUnavailable, set_halt
from tests.support.plans import a_delivery, an_alert

WRITERS = 8


def test_a_delivery_knows_what_its_neighbours_in_the_batch_did(ledger, clock):
    first = a_delivery(clock(), an_alert(clock()))
    joined = a_delivery(clock(), an_alert(clock()), an_alert(clock(), fingerprint="f2"))
    renamed = a_delivery(clock(), an_alert(clock(), fingerprint="f2"), group_key="after a changed route")
    gone = a_delivery(
        clock(), an_alert(clock(), firing=False), an_alert(clock(), fingerprint="f2", firing=False)
    )
    clock.forward(30)
    again = a_delivery(clock(), an_alert(clock()))
    told = accept(ledger, [first, joined, renamed, gone, again])
    assert [one.disposition for one in told] == [
        Disposition.NEW,
        Disposition.JOINED,
        Disposition.DUPLICATE,
        Disposition.RESOLVED,
        Disposition.JOINED,
    ]
    assert {one.incident for one in told} == {1}
    assert [one.delivery_id for one in told] == [1, 2, 3, 4, 5]
    found = incidents.incident(ledger, 1)
    assert found is not None
    assert [(alert.fingerprint, alert.firing) for alert in found.alerts] == [("f1", True), ("f2", False)]
    assert verify(ledger).ok


def test_who_writes_at_the_same_time_waits_and_nobody_fails(ledger):
    ready = threading.Barrier(WRITERS)
    failed: list[LedgerUnavailable] = []

    def halt_and_resume() -> None:
        ready.wait()
        try:
            for halted in (True, False) * 5:
                set_halt(ledger, halted=halted, by="test", reason="")
        except LedgerUnavailable as error:
            failed.append(error)

    threads = [threading.Thread(target=halt_and_resume) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = verify(ledger)
    assert found.ok
    assert found.events == WRITERS * 10


def test_who_waits_too_long_for_the_one_writer_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.ledger.engine.BUSY_TIMEOUT_MS", 20)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger.write() as held:
        held.session.connection()
        with pytest.raises(LedgerUnavailable, match="no connection became free"), ledger.write() as other:
            other.session.connection()
    ledger.close()


def test_a_reader_sees_one_state_while_others_write(ledger):
    with ledger.read() as session:
        before = store.halted(session)
        set_halt(ledger, halted=True, by="test", reason="")
        session.expire_all()
        assert before is None
        assert store.halted(session) is None, "what was committed later belongs to another state"
    with ledger.read() as session:
        assert store.halted(session) is not None


def _phase(ledger: Ledger, lease: investigations.Lease) -> None:
    investigations.set_phase(ledger, lease, "diagnose")


def _end(ledger: Ledger, lease: investigations.Lease) -> None:
    well = Outcome(recovery=Recovery.RECOVERED, at=ledger.now(), sentence="It is well again.")
    investigations.close(ledger, lease, well)


@pytest.mark.parametrize("look", [_phase, _end])
def test_a_storm_and_an_investigation_of_one_incident_never_wait_for_each_other(ledger, clock, look):
    accept(ledger, [a_delivery(clock(), an_alert(clock()))])
    lease = investigations.take(ledger, 1, "the test", 60)
    with ThreadPoolExecutor() as beside:
        with ledger.write() as tx:
            tx.alone()
            other = beside.submit(look, ledger, lease)
            # It comes as far as it can: on PostgreSQL to the first lock that is taken.
            threading.Event().wait(0.3)
            assert lines.list_in(tx, "C1", 1)
        other.result()
    assert verify(ledger).ok


@pytest.mark.parametrize("look", [_phase, _end])
def test_nor_do_a_delivery_and_an_investigation(ledger, clock, look):
    accept(ledger, [a_delivery(clock(), an_alert(clock()))])
    lease = investigations.take(ledger, 1, "the test", 60)
    clock.forward(1)
    joined = a_delivery(clock(), an_alert(clock()), an_alert(clock(), fingerprint="f2"))
    with ThreadPoolExecutor() as beside:
        with ledger.write() as tx:
            tx.alone()
            other = beside.submit(look, ledger, lease)
            threading.Event().wait(0.3)
            assert incidents._accept_one(tx, joined).disposition is Disposition.JOINED
        other.result()
    assert verify(ledger).ok
