"""Secrets never leave: 500 of 25 kinds, in 14 ways of writing, none in what Midwatch keeps or says (P22).

A leak is the secret itself, or what it was planted as: whoever reads base64 reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from agents.ledger.protocol import PlanState
from evals.processes import free_port
from evals.world.alertmanager import AlertmanagerOptions
from evals.world.datacentre import DataCentre, DataCentreOptions
from evals.world.model.script import Line
from evals.world.scenario import SCENARIOS, load
from tests.support.canaries import ENCODINGS, FRAMES, KINDS, Canary, canaries
from tests.support.datacentre import TOKEN
from tests.support.patience import PATIENCE_S, patient
from tests.support.story import Scene, scene_in
from tools.redaction import redact

COUNT = 500
FIXTURES = Path(__file__).parents[1] / "fixtures"


def planted(canary: Canary, way: str) -> tuple[str, tuple[str, ...]]:
    """What is written there, and what may not be found anywhere."""
    encode = ENCODINGS[way]
    return encode(canary.said), (canary.secret, encode(canary.secret).strip('"'))


@pytest.mark.parametrize("way", ENCODINGS)
def test_p22_no_secret_of_any_kind_gets_through_however_it_is_written(way: str) -> None:
    assert len(KINDS) >= 25
    assert len(ENCODINGS) >= 12
    for canary, frame in zip(canaries(COUNT), cycle(FRAMES), strict=False):
        text, cores = planted(canary, way)
        shown = redact(frame.format(text))
        assert not [core for core in cores if core in shown], (canary.kind, frame)
        assert "[redacted:" in shown
        assert redact(shown) == shown


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.splitlines()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def benign() -> set[str]:
    """Lines of Kubernetes objects, alerts and logs that hold no secret."""
    found: set[str] = set()
    for path in FIXTURES.rglob("*.json"):
        found.update(_texts(json.loads(path.read_text(encoding="utf-8"))))
    for path in SCENARIOS.rglob("*.yaml"):
        found.update(path.read_text(encoding="utf-8").splitlines())
    return found


def test_p22_hardly_any_ordinary_line_is_taken_for_a_secret() -> None:
    lines = benign()
    hidden = [line for line in lines if "[redacted:" in redact(line) and "[redacted:" not in line]
    assert len(lines) > 1_000
    assert len(hidden) <= len(lines) * 0.01, hidden[:20]


def _scenario(folder: Path, texts: list[str]) -> None:
    """The memory fault, with these texts in the log, the environment, annotations and events."""
    (folder / "worlds").mkdir(parents=True)
    world = yaml.safe_load((SCENARIOS / "worlds" / "shop.yaml").read_text(encoding="utf-8"))
    told: dict[str, Any] = yaml.safe_load((SCENARIOS / "oom.yaml").read_text(encoding="utf-8"))
    template = "/spec/template"
    notes, env, events, logs = texts[:60], texts[60:120], texts[120:180], texts[180:]
    told["images"][0]["logs"] += [{"at": 2, "text": f"ERROR refused: {text}"} for text in logs]
    (change,) = told["fault"][0]["patch"]
    container = f"{template}/spec/containers/0"
    change["operations"] += [
        {"op": "add", "path": f"{template}/metadata/annotations", "value": _named("note", notes)},
        {
            "op": "add",
            "path": f"{container}/env",
            "value": [{"name": name, "value": text} for name, text in _named("SETTING", env).items()],
        },
    ]
    cart = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "cart"}
    told["fault"][0]["create"] = [
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": "shop", "name": f"cart.{number:x}"},
            "involvedObject": cart,
            "type": "Warning",
            "reason": "Failed",
            "message": f"Error: {text}",
        }
        for number, text in enumerate(events)
    ]
    (folder / "worlds" / "shop.yaml").write_text(yaml.safe_dump(world), encoding="utf-8")
    (folder / "oom.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")


def _named(name: str, texts: list[str]) -> dict[str, str]:
    return {f"{name}-{number}": text for number, text in enumerate(texts)}


@pytest.fixture
def story(tmp_path: Path) -> Iterator[tuple[Scene, list[str]]]:
    """A data centre full of them, with a model that is asked, and everything that may not be found."""
    texts: list[str] = []
    cores: list[str] = []
    for canary, way in zip(canaries(COUNT, seed=7), cycle(ENCODINGS), strict=False):
        text, hidden = planted(canary, way)
        texts.append(text)
        cores += hidden
    _scenario(tmp_path / "scenarios", texts)
    port = free_port()
    receiver = f"http://127.0.0.1:{port}/alertmanager"
    options = DataCentreOptions(
        state_dir=tmp_path / "world",
        alerts=AlertmanagerOptions(receiver_url=receiver, token=TOKEN),
        slack=patient(),
    )
    with (
        DataCentre(load("oom", tmp_path / "scenarios"), options) as centre,
        scene_in(centre, tmp_path / "ours") as at,
    ):
        at.port = port
        yield at, cores


def _page(at: Scene, path: str) -> str:
    """As somebody sees it who opened the address that was shown at the first start."""
    where = re.search(r"/login\?token=\S+", (at.folder / "0.log").read_text(encoding="utf-8"))
    assert where is not None
    with httpx.Client(
        base_url=f"http://127.0.0.1:{at.port}", trust_env=False, follow_redirects=True, timeout=PATIENCE_S
    ) as browser:
        browser.get(where.group())
        answer = browser.get(path)
    assert answer.status_code == 200
    return answer.text


def test_p22_whatever_midwatch_keeps_or_says_holds_none_of_them(story: tuple[Scene, list[str]]) -> None:
    at, cores = story
    model = at.centre.addresses()["model"]
    at.centre.model.script.add(Line(answer={"hypothesis": 0, "claims": [], "prose": "Memory."}, times=None))
    at.serve(model_base_url=model["url"], model_api_key=model["api_key"], model_name=model["name"])
    at.centre.break_it()
    at.until(lambda: at.stands(PlanState.PENDING))
    at.approve()
    at.until(at.closed)
    sinks = {
        "prompts": json.dumps([request.body for request in at.centre.model.requests], ensure_ascii=False),
        "chat": json.dumps(at.person("oncall").messages(), ensure_ascii=False),
        "page": _page(at, "/incidents/1"),
    }
    for path in at.folder.rglob("*"):
        if path.is_file():
            sinks[path.name] = path.read_bytes().decode("utf-8", "replace")
    assert min(len(sinks[name]) for name in ("prompts", "chat", "page", "midwatch.db", "0.log")) > 100
    found = {(name, core) for name, text in sinks.items() for core in cores if core in text}
    assert not found
    assert at.centre.model.requests, "nobody was asked"
    assert "[redacted:" in sinks["prompts"]
    assert "[redacted:" in sinks["midwatch.db"] + sinks.get("midwatch.db-wal", "")
