"""The questions put to Prometheus: all of them pass the allow-list, pinned to the incident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.investigator.analyzers.measured import Name
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.measuring import STEPS, Span
from agents.investigator.templates import TEMPLATES, Wanted, wanted
from tests.support.kube_objects import pod
from tests.support.scenes import scene
from tools.kubernetes.inventory import Inventory
from tools.promql import Objection, Query, Scope, admissible

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
LONG = Span.around(NOW - timedelta(hours=9), NOW)


def asked(name: Name) -> Wanted:
    label = "node" if name is Name.PRESSURE else "namespace"
    return Wanted(template=TEMPLATES[name], label=label, value="here")


def judged(one: Wanted, value: str) -> Objection | None:
    query = Query(expr=one.expression, window=LONG.window.end - LONG.window.start, step=LONG.step)
    return admissible(query, Scope(labels={one.label: frozenset({value})}))


@pytest.mark.parametrize("name", Name)
def test_every_template_passes_the_allow_list_for_its_own_incident_and_for_no_other(name: Name) -> None:
    assert judged(asked(name), "here") is None
    assert judged(asked(name), "elsewhere") is Objection.OUT_OF_SCOPE


def test_an_answer_has_few_points_however_long_ago_the_alert_began() -> None:
    for minutes in (0, 1, 90, 500, 10_000):
        span = Span.around(NOW - timedelta(minutes=minutes), NOW)
        assert (span.window.end - span.window.start) / span.step <= STEPS
        assert timedelta(hours=3) <= span.window.end - span.window.start <= timedelta(hours=6)


@pytest.mark.parametrize("name", ['shop"} or up{x="', "Shop", "", "a" * 70, "shop\n"])
def test_a_name_that_no_namespace_has_is_never_part_of_a_query(name: str) -> None:
    assert wanted(Snapshot(inventory=Inventory.of_list({"items": []}), taken_at=NOW), name) == ()


def test_only_what_is_there_is_asked_about() -> None:
    taken = scene([]).taken_at
    alone = Inventory.of_list({"kind": "List", "items": [pod("web-1")]})
    names = {one.template.name for one in wanted(Snapshot(inventory=alone, taken_at=taken), "shop")}
    assert names == {Name.MEMORY, Name.THROTTLED, Name.RESTARTS}
