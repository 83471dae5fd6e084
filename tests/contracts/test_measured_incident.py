"""An incident with metrics, over the real protocols: what was asked and stored."""

from __future__ import annotations

from pathlib import Path

from agents.investigator.analyzers.measured import Name
from tests.support.datacentre import wait_until
from tests.support.watch import watch, with_metrics
from tools import tracks


def test_series_of_the_workload_are_asked_for_and_stored_as_evidence(
    tmp_path: Path,
) -> None:
    with watch("oom", tmp_path) as at:
        with_metrics(at)
        at.centre.break_it()
        wait_until(lambda: bool(at.centre.prometheus.tsdb.series("kube_pod_container_status_restarts_total")))
        labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "cart"}
        at.hear(at.alert(labels=labels))
        at.look()
        asked = [item for item in at.story.evidence if Name.MEMORY.value in item.notes]
        assert len(asked) == 1
        assert asked[0].ok
        assert all(one.labels["namespace"] == "shop" for one in tracks.read(asked[0].excerpt))
        assert not any("not asked" in line for line in at.diagnosis.not_checked)
