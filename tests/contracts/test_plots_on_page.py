"""The plot on an incident's page: drawn from stored evidence, under the page's own policy, inert."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from agents.incident import Diagnosis, Finding, Severity
from agents.ledger.incidents import accept
from agents.ledger.investigations import Look, store_evidence, take, write_diagnosis
from agents.ledger.plots import plots
from agents.ledger.story import story
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.plans import a_delivery, an_alert
from tools import tracks
from tools.kubernetes.objects import ObjectRef
from tools.plot_png import png
from tools.prometheus import Track

TOKEN = "the-token-of-the-first-start"
HOSTILE = 'web"><script>alert(1)</script>'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with one diagnosed incident whose finding was read from a series."""
    made = Settings(state_dir=tmp_path, listen="127.0.0.1:0")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "login.sha256").write_text(hashlib.sha256(TOKEN.encode()).hexdigest())
    ledger, now = ledger_of(made), datetime.now(UTC)
    accept(ledger, [a_delivery(now, an_alert(now))])
    lease = take(ledger, 1, "test", 60)
    assert lease is not None
    start = float(int(now.timestamp()) - 3600)
    labels = {"namespace": "shop", "pod": HOSTILE}
    track = Track(labels=labels, points=tuple((start + 60 * n, 0.5 + n / 150) for n in range(60)))
    look = Look(key="m", tool="prometheus.query", query="memory", excerpt=tracks.written([track], 60))
    (kept,) = store_evidence(ledger, lease, [look])
    finding = Finding(
        code="metric.memory.near_limit",
        severity=Severity.INFO,
        object=ObjectRef(kind="Pod", namespace="shop", name=HOSTILE),
        message="memory is short",
        fields={"metric": "memory against its limit", "unit": "share", "series": labels, "threshold": 1.0},
        evidence=(kept.id,),
    )
    write_diagnosis(ledger, lease, 1, Diagnosis(cause=None, findings=(finding,), confidence="none"))
    ledger.close()
    return made


async def test_a_series_that_a_finding_was_read_from_is_drawn_and_stays_inert(settings: Settings) -> None:
    ledger = ledger_of(settings)
    inside = httpx.ASGITransport(app=application(settings, ledger))
    async with httpx.AsyncClient(transport=inside, base_url="http://127.0.0.1") as client:
        page = await client.get("/incidents/1", headers={"Authorization": f"Bearer {TOKEN}"})
    assert page.status_code == 200
    assert page.text.count("<svg") == 1
    assert "limit 100%" in page.text
    assert "alert(1)" in page.text
    assert "<script>" not in page.text
    assert " style=" not in page.text
    ledger.close()


def test_the_same_story_gives_the_picture_for_a_card(settings: Settings) -> None:
    ledger = ledger_of(settings)
    told = story(ledger, 1)
    assert told is not None
    (plot,) = plots(told)
    assert png(plot) == png(plot)
    assert plot.began is not None
    ledger.close()
