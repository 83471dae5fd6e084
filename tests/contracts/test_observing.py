"""A model asks to see one more thing, over the real client, and sees it: read from cluster and metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.incident import Evidence
from evals.world.datacentre import DataCentre
from evals.world.model.script import Line, Manner, ModelRequest
from tests.support.datacentre import data_centre, wait_until
from tests.support.watch import Watch, watch_in, with_metrics
from tools.model import Model, ModelOptions

Records = dict[str, Any]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataCentre]:
    with data_centre("bad-image", tmp_path_factory.mktemp("world")) as running:
        running.break_it()
        yield running


@pytest.fixture
def at(centre: DataCentre, tmp_path: Path) -> Iterator[Watch]:
    with watch_in(centre, tmp_path) as made:
        wait_until(lambda: made.pulls_fail)
        model = centre.addresses()["model"]
        options = ModelOptions(base_url=model["url"], name=model["name"], api_key=SecretStr(model["api_key"]))
        made.box = replace(made.box, model=Model(options=options))
        yield made
        # Lines that were not used belong to this test alone.
        centre.model.script.clear()


def asking(wish: Callable[[Records], Records], found: list[Records]) -> Callable[[ModelRequest], Records]:
    """A model that wishes for one thing first, and then quotes the first words of what it got."""

    def say(request: ModelRequest) -> Records:
        records = json.loads(request.body["messages"][-1]["content"])
        found.append(records)
        said: Records = {"hypothesis": 0, "claims": [], "prose": "first", "look": wish(records)}
        if len(found) > 1:
            # What was asked for comes first.
            new = records["untrusted_evidence"][0]
            words = " ".join(new["excerpt"].split()[:2])
            claim = {"text": "That was seen.", "evidence": [new["id"]], "quotes": [words]}
            said |= {"claims": [claim], "prose": "second"}
        return said

    return say


def pod_in(records: Records) -> str:
    """A pod of the Deployment, as the evidence names it."""
    found = re.search(r"\bcheckout-[a-z0-9]{6,10}-[a-z0-9]{5}\b", json.dumps(records))
    assert found is not None
    return found[0]


def wish(sight: str, records: Records, **changes: str) -> Records:
    name = pod_in(records)
    return {"sight": sight, "kind": "Pod", "namespace": "shop", "name": name, "container": ""} | changes


def diagnosed(at: Watch) -> None:
    at.hear(at.alert())
    wait_until(lambda: _looked(at))


def _looked(at: Watch) -> bool:
    at.look()
    return bool(at.story.plans)


def seen_by(at: Watch) -> Evidence:
    """The evidence behind the model's own claim."""
    (claim,) = [one for one in at.diagnosis.claims if one.text == "That was seen."]
    return next(one for one in at.story.evidence if one.id == claim.evidence[0])


@pytest.mark.parametrize(
    ("sight", "query"),
    [
        (
            "events",
            "GET /api/v1/namespaces/shop/events?fieldSelector=involvedObject.kind=Pod,involvedObject.name=",
        ),
        ("memory", 'max by (container) (container_memory_working_set_bytes{namespace="shop",pod="'),
    ],
)
def test_what_a_model_asks_to_see_is_read_stored_and_shown_to_it_once(
    at: Watch, sight: str, query: str
) -> None:
    found: list[Records] = []
    with_metrics(at)
    at.centre.model.script.add(Line(answer=asking(lambda records: wish(sight, records), found), times=2))
    diagnosed(at)
    assert len(found) == 2, (at.diagnosis.not_checked, at.story.consultations)
    assert at.diagnosis.prose == "second"
    seen = seen_by(at)
    assert seen.ok, seen.excerpt
    assert seen.query.startswith(query)
    assert pod_in(found[0]) in seen.query
    assert [one.outcome for one in at.story.consultations] == ["answered", "answered"]


def test_a_second_question_that_fails_leaves_the_first_answer_and_says_so(at: Watch) -> None:
    found: list[Records] = []
    first = Line(answer=asking(lambda records: wish("events", records), found))
    at.centre.model.script.add(first, Line(manner=Manner.REFUSING))
    diagnosed(at)
    assert at.diagnosis.prose == "first"
    assert at.diagnosis.not_checked[-1].startswith(
        "what the model makes of what it asked to see (events of Pod "
    )
    assert [one.outcome for one in at.story.consultations] == ["answered", "refused"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"namespace": "payments"}, "it is not within the reach of this incident"),
        ({"name": "../secrets"}, "it is not within the reach of this incident"),
        ({"container": "no-such"}, "that pod has no such container"),
    ],
)
def test_what_is_out_of_reach_is_refused_said_and_not_read(
    at: Watch, changes: dict[str, str], why: str
) -> None:
    found: list[Records] = []
    answer = asking(lambda records: wish("log", records, **changes), found)
    at.centre.model.script.add(Line(answer=answer, times=1))
    diagnosed(at)
    assert len(found) == 1, "nothing new, nothing to ask again"
    assert at.diagnosis.prose == "first"
    assert at.diagnosis.not_checked[-1].endswith(f": {why}")
    assert not [one for one in at.story.evidence if changes.get("namespace", "no-such") in one.query]
