"""Intake: how many alerts a second are taken in for good, while what they opened is investigated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlmodel import select

from agents.ledger.store import Ledger
from agents.ledger.tables import DeliveryRow
from evals.bench.figures import Bound, Figure, Result, Statistic, at_most
from evals.bench.flood import Door, Flood, flood
from evals.bench.street import street
from evals.processes import BrokenArrow
from evals.world.alerting import Alert, Origin, webhook_body

RATE = Figure(
    title="intake on SQLite, 10 alerts a POST",
    unit="alerts/s",
    bounds=(Bound(statistic=Statistic.P50, value=1000, at_least=True),),
)
LATENCY = Figure(title="… time of one such POST", unit="ms", bounds=(at_most(Statistic.P99, 500),))
RUNS, SECONDS, CONNECTIONS, ALERTS = 3, 10.0, 16, 10
_MARK = b"deadbeef"


def measure(folder: Path) -> list[Result]:
    """Three floods of 10 s over 16 keep-alive connections into a whole ``midwatch serve`` without chat.

    Every POST is a group of its own with 10 alerts; only 2xx count, and the ledger must hold each delivery
    that was acknowledged. The commit is SQLite's with ``synchronous=FULL``.
    """
    with street(folder, 1, {"slack_mode": "off"}) as at:
        door = Door(url=at.install.url, token=at.install.token)
        bodies = groups()
        runs = [asyncio.run(flood(door, bodies, CONNECTIONS, SECONDS)) for _ in range(RUNS)]
        _all_kept(f"sqlite:///{at.install.folder / 'state' / 'midwatch.db'}", runs)
    rates = tuple(len(run.accepted) * ALERTS / run.seconds for run in runs)
    times = tuple(time * 1000 for run in runs for time in run.times)
    return [Result(figure=RATE, values=rates), Result(figure=LATENCY, values=times)]


def _all_kept(url: str, runs: list[Flood]) -> None:
    acknowledged = {json.loads(body)["delivery"] for run in runs for body in run.accepted}
    ledger = Ledger(url)
    try:
        with ledger.read() as session:
            kept = set(session.exec(select(DeliveryRow.id)))
    finally:
        ledger.close()
    if lost := acknowledged - kept:
        raise BrokenArrow(f"{len(lost)} acknowledged deliveries are not in the ledger")


def groups() -> Iterator[bytes]:
    """Bodies without end, each a group of its own: its namespace and its fingerprints were never seen."""
    template = _template()
    return (template.replace(_MARK, b"%08x" % number) for number in count(1))


def _template() -> bytes:
    now, mark = datetime.now(UTC), _MARK.decode()
    alerts = [
        Alert(
            labels={"alertname": "KubePodNotReady", "namespace": f"ns-{mark}", "pod": f"web-{n}"},
            annotations={"summary": "Pod has been in a non-ready state for more than 15 minutes."},
            active_since=now,
            starts_at=now,
        )
        for n in range(ALERTS)
    ]
    origin = Origin(
        prometheus_url="http://prometheus.example",
        alertmanager_url="http://alertmanager.example",
        external_labels={},
        receiver="midwatch",
    )
    body = webhook_body(alerts, origin, "kube_pod_status_ready == 0")
    for n, listed in enumerate(body["alerts"]):
        listed["fingerprint"] = f"{mark}{n:08x}"
    return json.dumps(body).encode()
