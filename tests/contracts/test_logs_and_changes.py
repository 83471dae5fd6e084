"""Logs with their times and what changed before, over the real protocols: read, stored, cited and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from agents.ledger.tables import EvidenceRow
from tests.support.datacentre import wait_until
from tests.support.watch import Watch, watch
from tools.kubernetes.log_lines import log_lines

JsonText = dict[str, object]


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """A rollout of an image that does not exist, and one look at it."""
    folder: Path = tmp_path_factory.mktemp("watch")
    with watch("bad-image", folder) as made:
        made.centre.break_it()
        wait_until(lambda: _new_pod(made))
        made.hear(made.alert())
        made.look()
        yield made


def test_the_rollout_before_the_alert_is_told_with_its_image_and_who_did_it(at: Watch) -> None:
    nearest = at.diagnosis.changed[0]
    assert "Deployment shop/checkout: revision " in nearest.text
    assert "image of checkout: " in nearest.text
    assert "shop/checkout:2.9.0" in nearest.text
    assert "by ci-deployer" in nearest.text
    (kept,) = [row for row in _evidence(at) if row["tool"] == "kubernetes.changes"]
    assert nearest.evidence == (kept["id"],)
    assert nearest.text in str(kept["excerpt"])


def test_the_logs_of_what_the_alert_is_about_are_read_though_it_runs_and_each_line_has_its_time(
    at: Watch,
) -> None:
    read = [row for row in _evidence(at) if row["tool"] == "kubernetes.log" and row["ok"]]
    assert any("/pods/checkout-" in str(row["query"]) for row in read)
    lines = [line for row in read for line in log_lines(str(row["excerpt"]))]
    assert lines
    assert all(line.at for line in lines)


def test_the_other_run_of_a_container_that_never_ended_is_not_asked_for(at: Watch) -> None:
    assert not [row for row in _evidence(at) if row["tool"] == "kubernetes.log" and not row["ok"]]


def _evidence(at: Watch) -> list[JsonText]:
    with at.ledger.read() as session:
        return [dict(row.body) for row in session.exec(select(EvidenceRow)).all()]


def _new_pod(at: Watch) -> bool:
    pods = at.box.cluster.get("/api/v1/namespaces/shop/pods")["items"]
    states = (one.get("state") or {} for pod in pods for one in pod["status"].get("containerStatuses", []))
    return any("waiting" in state for state in states)
