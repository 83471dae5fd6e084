"""What a sender of alerts, genuine or not, may try (threats T1 to T6, property P14)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from agents.incident import IncidentState
from agents.investigator.targets import claimed_elsewhere, targets
from agents.ledger import incidents, investigations
from agents.ledger.migrate import upgrade
from agents.ledger.notification import Delivery, Disposition
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, DeliveryRow
from midwatch.intake.notification import read_delivery
from midwatch.intake.writer import GroupCommit
from midwatch.settings import Settings
from midwatch.web.app import application
from tests.support.kube_objects import deployment, pod, replicaset
from tests.support.plans import a_delivery, an_alert
from tests.support.pretend_queue import RememberingQueue
from tools.kubernetes.inventory import Inventory

FIXTURES = Path(__file__).parent.parent / "fixtures" / "alertmanager"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", RememberingQueue())
    upgrade(opened.writer)
    yield opened
    opened.close()


def deliveries(ledger: Ledger) -> int:
    with ledger.read() as session:
        return len(session.exec(select(DeliveryRow)).all())


def recorded(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


async def test_t01_a_forged_webhook_is_refused_and_leaves_no_row(ledger: Ledger, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, webhook_token="the-right-one")
    app = application(settings, ledger)
    chance = random.Random(1)
    forged = ["", "Bearer", "Bearer the-right-on", "Bearer the-right-one2", "Basic dGhlLXJpZ2h0LW9uZTo="]
    forged += ["".join(chance.choices("Bearthigon- =0123", k=chance.randrange(60))) for _ in range(300)]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://midwatch") as client:
        for header in forged:
            answer = await client.post(
                "/alertmanager", content=recorded("single_firing"), headers={"Authorization": header}
            )
            assert answer.status_code == 401, header
    assert deliveries(ledger) == 0


async def test_t02_a_replayed_webhook_starts_no_second_investigation(ledger: Ledger) -> None:
    for _ in range(5):
        incidents.accept(ledger, [read_delivery(recorded("single_firing"), NOW, "c")])
    assert len(incidents.page(ledger)) == 1
    assert len([job for job in ledger.queue.jobs if job.lane == "investigator"]) == 1


def test_t03_a_cluster_label_moves_no_scope_and_is_said(ledger: Ledger) -> None:
    labels = {"alertname": "A", "namespace": "shop", "cluster": "somebody-elses"}
    incidents.accept(ledger, [a_delivery(NOW, an_alert(NOW, labels=labels), source="ours")])
    found = incidents.incident(ledger, 1)
    assert found is not None
    assert found.cluster == "ours"
    (said,) = claimed_elsewhere(found)
    assert "somebody-elses" in said


@given(
    st.dictionaries(
        st.sampled_from(["namespace", "pod", "deployment", "service", "node", "job_name", "instance"]),
        st.sampled_from(["kube-system", "../../x", "shop", "web", "", "*", "shop/../kube-system", "\u202ex"])
        | st.text(max_size=20),
    )
)
def test_t04_labels_are_search_keys_and_reach_only_what_exists(labels: dict[str, str]) -> None:
    objects = [deployment(), replicaset(1), pod("web-r1-aaaaa")]
    inventory = Inventory.of_list({"kind": "List", "items": objects})
    about = targets((an_alert(NOW, labels={"alertname": "A", **labels}),), inventory)
    known = {(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in objects}
    assert {ref.key for ref in about.radius} <= known
    assert {ref.key for ref in about.refs} <= known


def test_t06_a_truncated_body_closes_nothing(ledger: Ledger) -> None:
    whole = orjson.loads(recorded("max_alerts_10_truncated"))
    incidents.accept(ledger, [read_delivery(orjson.dumps(whole), NOW, "c")])
    quiet = [{**alert, "status": "resolved"} for alert in whole["alerts"]]
    said = orjson.dumps({**whole, "status": "resolved", "alerts": quiet})
    incidents.accept(ledger, [read_delivery(said, NOW, "c")])
    with ledger.read() as session:
        assert not investigations.is_resolved(session, 1)


def _history(chance: random.Random) -> tuple[list[Delivery], set[str], set[str]]:
    """Groups that fire and partly resolve, each notification sent 1 to 5 times by two Alertmanagers."""
    sent: list[Delivery] = []
    opened, resolved = set(), set()
    for number in range(120):
        group, at = f"g{number}", NOW + timedelta(seconds=number)
        alert = an_alert(at, fingerprint=f"f{number}")
        notices = [a_delivery(at, alert, group_key=group)]
        opened.add(group)
        if chance.random() < 0.5:
            notices.append(
                a_delivery(at, an_alert(at, fingerprint=f"f{number}", firing=False), group_key=group)
            )
            resolved.add(group)
        for notice in notices:
            sent += [notice] * chance.randint(1, 5)
    return sent, opened, resolved


async def test_p14_repeats_of_two_alertmanagers_open_what_one_would(ledger: Ledger) -> None:
    sent, opened, resolved = _history(random.Random(14))
    async with GroupCommit(lambda batch: incidents.accept(ledger, batch), 10_000) as writer:
        receipts = [await writer.submit(one) for one in sent]
    found = incidents.page(ledger, limit=1_000)
    assert sorted(one.group_key for one in found) == sorted(opened)
    assert all(one.state is IncidentState.OPEN for one in found)
    with ledger.read() as session:
        quiet = {one.group_key for one in found if investigations.is_resolved(session, one.number)}
    assert quiet == resolved
    assert sum(receipt.disposition is Disposition.NEW for receipt in receipts) == len(opened)


def test_t27_a_secret_in_a_label_never_reaches_the_record(ledger: Ledger) -> None:
    labels = {"alertname": "password=hunter22secret", "namespace": "shop"}
    incidents.accept(ledger, [a_delivery(NOW, an_alert(NOW, labels=labels))])
    with ledger.read() as session:
        assert not [row for row in session.exec(select(AuditRow)) if b"hunter22secret" in row.body]
