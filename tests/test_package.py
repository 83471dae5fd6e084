"""What `pip install .` would bring: every file of the five packages and the manifests, nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
PACKAGES = ("midwatch", "evals", "agents", "runbooks", "tools")
NEEDED = {
    "midwatch/web/templates/incident.html",
    "midwatch/web/static/midwatch.css",
    "agents/investigator/prompts/opinion.md",
    "agents/investigator/prompts/summary.md",
    "agents/ledger/migrations/script.py.mako",
    "agents/ledger/migrations/versions/0001_the_first_ledger.py",
    "runbooks/watchdog.md",
    "tools/policy/default.yaml",
    "evals/scenarios/bad-image.yaml",
    "evals/scenarios/worlds/shop.yaml",
    "evals/world/slack/static/slack.html",
    "deploy/rbac/actor.yaml",
    "deploy/admission/actor.yaml",
}


@pytest.fixture(scope="module")
def selected() -> set[str]:
    """The files that the build backend would put into the wheel, by their place in it."""
    builder = WheelBuilder(str(ROOT))
    return {Path(file.distribution_path).as_posix() for file in builder.recurse_included_files()}


def test_the_wheel_holds_every_file_that_the_packages_hold(selected: set[str]) -> None:
    there = {
        path.relative_to(ROOT).as_posix()
        for package in (*PACKAGES, "deploy/rbac", "deploy/admission")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert selected == there


def test_the_wheel_holds_what_the_program_reads_at_run_time(selected: set[str]) -> None:
    assert selected >= NEEDED
    assert {path for path in selected if path.startswith("runbooks/") and path.endswith(".md")}


def test_the_command_of_the_wheel_is_the_one_that_is_documented() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"midwatch": "midwatch.cli:main"}
    assert "Private :: Do Not Upload" in project["classifiers"]
