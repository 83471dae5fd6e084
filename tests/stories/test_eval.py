"""``midwatch eval`` as it is typed: scenarios from fault to final state, kept, resumed, compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evals.trials import command
from evals.trials.pool import kept
from evals.world.model.script import Script
from evals.world.model.server import ModelOptions, ModelServer
from midwatch.cli import app

ONE = "^workloads scaled-to-zero$"


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A baseline and a page of the test's own."""
    monkeypatch.setattr(command, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(command, "DOC", tmp_path / "evals.md")
    (tmp_path / "evals.md").write_text(
        f"# Evals\n{command.BEGIN}\nold\n{command.END}\nafter\n", encoding="utf-8"
    )
    return tmp_path


def evaluated(folder: Path, *more: str) -> Result:
    asked = ["eval", "--jobs", "1", "--results", str(folder / "results"), *more]
    return CliRunner().invoke(app, asked, catch_exceptions=False)


def test_a_scenario_is_played_scored_kept_and_not_played_twice(baseline: Path) -> None:
    first = evaluated(baseline, "--only", ONE, "--write")
    assert first.exit_code == 0, first.output
    (run,) = kept(baseline / "results/results.jsonl").values()
    assert run.recovery == "recovered"
    assert [one.object for one in run.effects] == ["Deployment shop/catalog"]
    assert run.unmet == ()
    assert "durable" in json.loads((baseline / "baseline.json").read_text())["scaled-to-zero"]
    page = (baseline / "evals.md").read_text()
    assert "| workloads | 1 |" in page
    assert page.endswith("after\n")
    again = evaluated(baseline, "--only", ONE, "--resume")
    assert again.exit_code == 0, again.output
    assert list(kept(baseline / "results/results.jsonl").values()) == [run]
    assert "<svg" in (baseline / "results/report.html").read_text()


def test_a_score_that_falls_fails_the_evaluation_and_is_named(baseline: Path) -> None:
    before = {"alerts/unknown-workload": ["played", "abstained", "fix"]}
    (baseline / "baseline.json").write_text(json.dumps(before))
    found = evaluated(baseline, "--only", "unknown-workload$", "-o", "json")
    assert found.exit_code == 1
    assert [one["score"] for one in json.loads(found.stdout)["fallen"]] == ["fix"]


def test_nothing_that_fits_is_said_and_is_no_success(baseline: Path) -> None:
    found = evaluated(baseline, "--only", "no-such-scenario")
    assert found.exit_code == 2
    assert "no run of a scenario matches" in found.output


def test_a_pattern_that_is_none_is_a_sentence(baseline: Path) -> None:
    found = evaluated(baseline, "--only", "(")
    assert found.exit_code == 2
    assert "takes a regular expression" in found.output


def test_a_model_is_scored_beside_the_rules(baseline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ModelOptions(script=Script.of(({"manner": "refusing"},) * 4))
    monkeypatch.setenv("MIDWATCH_MODEL_API_KEY", options.api_key)
    server = ModelServer(options)
    server.start()
    try:
        name = options.models[0]
        found = evaluated(baseline, "--only", ONE, "-o", "json", "--model", f"{server.url}={name}")
    finally:
        server.stop()
    told = json.loads(found.stdout)
    assert {"all", f"{name}: all"} <= set(told["shares"])
    assert server.requests, "nobody asked the model"
    assert not [mark for one in told["runs"] for mark in one["marks"] if mark["why"]], "it made it worse"
