"""Every code block of the documentation, and what each kind of it has to hold."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from typer.core import TyperCommand

from agents.investigator.analyzers.registry import CODES
from agents.investigator.silenced import read_silences
from agents.ledger.notification import DeliveryStatus
from agents.ledger.roster import read_roster
from evals.world.scenario import load as load_scenario
from midwatch.docs_commands import every
from midwatch.intake.notification import read_delivery
from midwatch.settings import PREFIX, Settings
from midwatch.settings_load import load
from runbooks.book import parse
from tests.support.real_servers import program
from tools.policy.cases import run as run_cases
from tools.policy.load import read_policy

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "runbooks").glob("*.md")])
_FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
DRAWINGS = {
    "ARCHITECTURE.md": "the way of an incident, drawn",
    "docs/approval.md": "the states of a plan, drawn",
    "docs/second-wall.md": "one entry of a ConfigMap; the wall's contract reads such entries",
}
"""Blocks without a kind, and why nothing of theirs can be run."""
OTHERS = {
    "amtool": "Alertmanager's own",
    "chmod": "the system's",
    "cp": "the system's",
    "curl": "the system's",
    "export": "the shell's",
    "kind": "makes clusters; no machine of the tests can",
    "kubectl": "Kubernetes' own",
    "pg_dump": "PostgreSQL's own",
    "python": "an interpreter without this environment: for whoever is given an export",
    "rm": "the system's",
    "sqlite3": "SQLite's own",
}
"""Programs that are not ours: the files of the repository that they are given must be there."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One code block: where it stands, of what kind it is, its text without the page's indent."""

    page: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    """Every block of every page."""
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        for found in _FENCE.finditer(page):
            text = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.M)
            line = page.count("\n", 0, found.start()) + 1
            yield Block(page=path.relative_to(ROOT).as_posix(), line=line, kind=found["kind"], text=text)


def hold(block: Block, folder: Path) -> None:
    """Raises what is wrong with the block; ``folder`` is empty and its own."""
    KINDS[block.kind](block, folder)


def _console(block: Block, _folder: Path) -> None:
    shown = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
    assert shown, "a console shows a command behind $"
    for line in shown:
        for words in commands(line):
            judge(words)


def commands(line: str) -> Iterator[list[str]]:
    """The words of every command in a line of a shell; what stands behind > is written, not read."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;"):
            yield words
            words = []
        elif word in {">", "<"}:
            lexer.get_token()
        else:
            words.append(word)
    yield words


def judge(words: list[str]) -> None:
    """Whether this could be typed: our commands with options they have, chores, modules, files there are."""
    while re.match(r"[A-Z_]+=", words[0]):
        assert words.pop(0).partition("=")[0].removeprefix(PREFIX).lower() in Settings.model_fields
    name, given = Path(words[0]).name, words[1:]
    if name == "midwatch":
        typed(given)
    elif name == "make":
        chores = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
        assert {word for word in given if "=" not in word} <= chores, words
    elif words[0].endswith(".venv/bin/python") and given[:2] == ["-m", "pytest"]:
        files = [word for word in given[2:] if word.startswith("tests/")]
        assert files
        assert all((ROOT / file).exists() for file in files), words
    else:
        assert name in OTHERS, f"{name} is not known: test it, or say in OTHERS whose it is"
        named = [word for word in given if re.match(r"(deploy|evals|tests|runbooks|docs)/", word)]
        assert all((ROOT / word).exists() for word in named), words


def typed(given: list[str]) -> None:
    """Parse it as the command line would, and run nothing."""
    known: dict[tuple[str, ...], TyperCommand] = dict(every())
    own = tuple(given[:2]) if tuple(given[:2]) in known else tuple(given[:1])
    known[own].make_context("midwatch", given[len(own) :])


def _yaml(block: Block, folder: Path) -> None:
    told = yaml.safe_load(block.text)
    file = folder / "block.yaml"
    file.write_text(block.text, encoding="utf-8")
    what = next((name for name, fits in SHAPES.items() if fits(told)), "")
    assert what, f"{block}: YAML of no kind that is known: give SHAPES and CHECKS one more"
    CHECKS[what](file, told)


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda told: isinstance(told, dict) and all(name in told for name in names)


SHAPES: dict[str, Callable[[Any], bool]] = {
    "roster": _has("approvers"),
    "cases": _has("policy", "cases"),
    "policy": _has("version", "allow"),
    "alertmanager": _has("route", "receivers"),
    "scenario": _has("expect", "fault"),
    "silences": lambda told: isinstance(told, list) and all("until" in one for one in told),
    "settings": _has("state_dir"),
}


def _settings(file: Path, told: Any) -> None:
    assert load(file).model_fields_set >= set(told)


def _alertmanager(file: Path, told: Any) -> None:
    # Its own checker reads every file it names, so the credential has to be there.
    done = subprocess.run([program("amtool"), "check-config", file], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _scenario(file: Path, _told: Any) -> None:
    (file.parent / "worlds").symlink_to(ROOT / "evals/scenarios/worlds")
    load_scenario(file.stem, file.parent)


def _cases(file: Path, told: Any) -> None:
    # The policy of the same page; the example's own test runs them (test_policy_command.py).
    page = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
    policy = next(text for text in re.findall(r"^```yaml\n(.+?)^```$", page, re.M | re.S) if "allow:" in text)
    (file.parent / told["policy"]).write_text(policy, encoding="utf-8")
    _, results = run_cases(file)
    assert [one for one in results if one.differs] == []


CHECKS: dict[str, Callable[[Path, Any], object]] = {
    "roster": lambda file, _: read_roster(file),
    "cases": _cases,
    "policy": lambda file, _: read_policy(file),
    "alertmanager": _alertmanager,
    "scenario": _scenario,
    "silences": lambda file, _: read_silences(file, [code.value for code in CODES]),
    "settings": _settings,
}


def _json(block: Block, _folder: Path) -> None:
    told = json.loads(block.text)
    if "alerts" in told:
        found = read_delivery(block.text.encode(), datetime.now(UTC), "docs")
        assert found.status is DeliveryStatus.USABLE, found.problem


def _python(block: Block, _folder: Path) -> None:
    exec(compile(block.text, str(block), "exec"), {"__name__": "shown"})  # noqa: S102 - our own pages


def _toml(block: Block, _folder: Path) -> None:
    assert tomllib.loads(block.text)


def _markdown(block: Block, _folder: Path) -> None:
    assert parse("shown", block.text)


def _ini(block: Block, _folder: Path) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string(block.text)
    judge(shlex.split(unit["Service"]["ExecStart"]))


def _drawing(block: Block, _folder: Path) -> None:
    assert block.page in DRAWINGS, f"{block}: say of what kind it is, or in DRAWINGS why it is of none"


KINDS: dict[str, Callable[[Block, Path], None]] = {
    "": _drawing,
    "console": _console,
    "ini": _ini,
    "json": _json,
    "markdown": _markdown,
    "python": _python,
    "toml": _toml,
    "yaml": _yaml,
}
