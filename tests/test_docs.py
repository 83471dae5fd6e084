"""Documentation that can fail."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from agents import incident
from midwatch.cli import app
from midwatch.settings_load import render_docs

ROOT = Path(__file__).parent.parent


def test_the_glossary_lists_exactly_the_words_of_the_house():
    listed = set(re.findall(r"^\| ([A-Z]\w+) \|", (ROOT / "docs/glossary.md").read_text(), re.M))
    words = {
        name
        for name, value in vars(incident).items()
        if inspect.isclass(value) and value.__module__ == "agents.incident" and not name.startswith("_")
    }
    assert listed == words


def test_the_settings_page_is_what_the_settings_say():
    assert (ROOT / "docs/settings.md").read_text() == render_docs()


def test_every_link_of_the_readme_leads_somewhere():
    for page in ("README.md", "SECURITY.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
            assert (ROOT / target).exists(), f"{page}: {target}"


def test_the_readmes_commands_are_chores():
    shown = re.findall(r"^\$ (.+)$", (ROOT / "README.md").read_text(), re.M)
    chores = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert [shlex.split(line) for line in shown] == [["make", "demo"], ["make", "test"]]
    assert {"demo", "test"} <= set(chores)


def test_every_command_of_the_readme_exists():
    named = set(re.findall(r"`midwatch (\w+)", (ROOT / "README.md").read_text()))
    for command in named:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command
