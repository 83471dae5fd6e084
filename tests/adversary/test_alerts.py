"""What a sender of alerts, genuine or not, may try (threats T1 to T6, property P14)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.incident import Outcome, Recovery
from agents.investigator.targets import claimed_elsewhere, targets
from agents.ledger import incidents, investigations
from agents.ledger.notification import Disposition
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow, DeliveryRow, IncidentRow
from midwatch.intake.notification import read_delivery
from midwatch.intake.sources import WINDOW_S, WRONG_TRIES
from midwatch.intake.writer import BATCH
from midwatch.settings import Settings
from midwatch.web.app import application
from tests.support.kube_objects import deployment, pod, replicaset
from tests.support.ledgers import empty_ledger
from tests.support.plans import a_delivery, an_alert, numbers
from tests.support.pretend_queue import RememberingQueue
from tests.support.scale import scale
from tests.support.two_alertmanagers import Sent, at, replay
from tools.kubernetes.inventory import Inventory

FIXTURES = Path(__file__).parent.parent / "fixtures" / "alertmanager"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(empty_ledger(tmp_path / "ledger.db"), RememberingQueue())
    yield opened
    opened.close()


def deliveries(ledger: Ledger) -> int:
    with ledger.read() as session:
        return len(session.exec(select(DeliveryRow)).all())


def recorded(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


class Body:
    """The application, and how often somebody asked for a piece of a request's body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Message:
            self.asked += 1
            return await receive()

        await self.app(scope, counted, send)


def sender(app: ASGIApp, address: str = "192.0.2.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://midwatch")


def forged(chance: random.Random) -> tuple[bytes, dict[str, bytes]]:
    """A body, genuine or noise, under a header that is wrong, or under none."""
    near = [
        b"Bearer",
        b"Bearer the-right-on",
        b"Bearer the-right-one2",
        b"Basic dGhlLXJpZ2h0LW9uZTo=",
        b"\xff",
    ]
    noise = bytes(chance.choices(range(33, 256), k=chance.randrange(1, 60)))
    header = chance.choice([None, noise, b"Bearer " + noise, chance.choice(near)])
    body = chance.choice([recorded("single_firing"), b"[" * 100_000, chance.randbytes(99), b""])
    return body, {} if header is None else {"Authorization": header}


@pytest.mark.proof
@pytest.mark.timeout(900)
async def test_t01_a_forged_webhook_leaves_no_row_and_is_not_even_read(
    ledger: Ledger, tmp_path: Path
) -> None:
    body = Body(application(Settings(state_dir=tmp_path, webhook_token="the-right-one"), ledger))
    chance = random.Random(1)
    for number in range(scale("forged_webhooks")):
        async with sender(body, f"10.0.{number // 250}.{number % 250}") as client:
            content, header = forged(chance)
            answer = await client.post("/alertmanager", content=content, headers=header)
        assert answer.status_code == 401, header
    assert body.asked == 0
    assert deliveries(ledger) == 0


async def test_t01_a_source_that_guesses_too_often_is_not_compared_any_more(
    ledger: Ledger, tmp_path: Path
) -> None:
    body = Body(application(Settings(state_dir=tmp_path, webhook_token="the-right-one"), ledger))
    right = {"Authorization": "Bearer the-right-one"}
    async with sender(body) as client, sender(body, "192.0.2.8") as elsewhere:
        guesses = [await client.post("/alertmanager", content=b"{}") for _ in range(WRONG_TRIES + 5)]
        assert [one.status_code for one in guesses] == [401] * (WRONG_TRIES + 1) + [503] * 4
        late = await client.post("/alertmanager", content=recorded("single_firing"), headers=right)
        assert (late.status_code, body.asked, deliveries(ledger)) == (503, 0, 0)
        assert 0 < int(late.headers["Retry-After"]) <= WINDOW_S
        # Only that source: the answer of the others waits for the ledger, which is not open here.
        refused = await elsewhere.post("/alertmanager", content=b"{", headers=right)
        assert refused.status_code == 400


async def test_t01_where_no_credential_is_asked_nobody_is_shut_out(ledger: Ledger, tmp_path: Path) -> None:
    async with sender(application(Settings(state_dir=tmp_path), ledger), "127.0.0.1") as client:
        for _ in range(WRONG_TRIES * 2):
            answer = await client.post("/alertmanager", content=b"{", headers={"Authorization": "Bearer x"})
            assert answer.status_code == 400


async def test_t02_a_replayed_webhook_starts_no_second_investigation(ledger: Ledger) -> None:
    for _ in range(5):
        incidents.accept(ledger, [read_delivery(recorded("single_firing"), NOW, "c")])
    assert numbers(ledger) == [1]
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


def _batches(chance: random.Random, sent: list[Sent]) -> Iterator[list[Sent]]:
    """As the intake commits them: some at a time; where an incident is closed at once, no further."""
    batch: list[Sent] = []
    most = 1
    for one in sent:
        batch.append(one)
        if len(batch) >= most or (one.first and one.news.closed_at_once):
            yield batch
            batch, most = [], chance.randint(1, BATCH)
    yield batch


def _close(ledger: Ledger, number: int | None) -> None:
    """As the investigator does when it finds that all is over."""
    assert number is not None
    lease = investigations.take(ledger, number, "w", 60)
    assert lease is not None
    ended = Outcome(recovery=Recovery.NOTHING_DONE, at=NOW, sentence="It ended by itself.")
    investigations.close(ledger, lease, ended)


def _everything(ledger: Ledger) -> tuple[list[str], set[str]]:
    """The groups of all incidents, and those of the open ones in which nothing fires."""
    with ledger.read() as session:
        rows = session.exec(select(IncidentRow)).all()
        quiet = {row.group_key for row in rows if row.state == "closed" or row.resolved_at is not None}
        firing = {row.group_key for row in rows if row.state == "open" and row.resolved_at is None}
    return [row.group_key for row in rows], quiet - firing


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_p14_repeats_of_two_alertmanagers_do_what_one_would(ledger: Ledger) -> None:
    chance = random.Random(14)
    sent, oracle = replay(chance, scale("replayed_deliveries"))
    for batch in _batches(chance, sent):
        read = [read_delivery(one.body, at(one.at), "c") for one in batch]
        receipts = incidents.accept(ledger, read)
        for one, receipt in zip(batch, receipts, strict=True):
            assert (receipt.disposition is Disposition.DUPLICATE) is not one.first, one
            assert (receipt.disposition is Disposition.NEW) is (one.first and one.news.opens), one
        if batch and batch[-1].first and batch[-1].news.closed_at_once:
            _close(ledger, receipts[-1].incident)
    groups, quiet = _everything(ledger)
    assert len(groups) == oracle.incidents
    assert quiet == oracle.quiet
    looks = [job for job in ledger.queue.jobs if job.lane == "investigator"]
    assert len(looks) == oracle.news
    assert deliveries(ledger) == len(sent)


def test_t27_a_secret_in_a_label_never_reaches_the_record(ledger: Ledger) -> None:
    labels = {"alertname": "password=hunter22secret", "namespace": "shop"}
    incidents.accept(ledger, [a_delivery(NOW, an_alert(NOW, labels=labels))])
    with ledger.read() as session:
        assert not [row for row in session.exec(select(AuditRow)) if b"hunter22secret" in row.body]
