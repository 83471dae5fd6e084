"""Documentation that can fail."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents import incident
from agents.investigator.analyzers.registry import CODES
from agents.ledger.tags import Tag
from midwatch.cli import app
from midwatch.docs import PAGES, main

ROOT = Path(__file__).parent.parent
WRITTEN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
A_PAGE = 60


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def chores() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))


def links(page: Path) -> list[str]:
    """Where the page's links lead, addresses of the web left out."""
    found = re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    return [target for target in found if "://" not in target]


def test_the_glossary_lists_exactly_the_words_of_the_house():
    listed = set(re.findall(r"^\| ([A-Z]\w+) \|", text("docs/glossary.md"), re.M))
    words = {
        name
        for name, value in vars(incident).items()
        if inspect.isclass(value) and value.__module__ == "agents.incident" and not name.startswith("_")
    }
    assert listed == words


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name):
    assert text(f"docs/{name}") == PAGES[name](), "run `make docs`"


def test_the_chore_writes_every_generated_page(tmp_path):
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(PAGES)
    assert "-m midwatch.docs docs" in text("Makefile")


@pytest.mark.parametrize("code", CODES)
def test_every_condition_is_explained(code):
    assert code.says.endswith(".")
    assert code.reads
    assert f"\n## {code.value}\n" in text("docs/analyzers.md")


@pytest.mark.parametrize("tag", Tag)
def test_every_event_is_explained_and_written_somewhere(tag):
    assert re.fullmatch(r"[a-z]+:[a-z]+:[a-z_]+", tag.value)
    assert tag.says.endswith(".")
    assert f"| `{tag.value}` |" in text("docs/audit.md")
    ledger = (path.read_text(encoding="utf-8") for path in (ROOT / "agents").rglob("*.py"))
    assert any(re.search(rf"Tag\.{tag.name}\b(?!\.value)", source) for source in ledger)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for target in links(page):
        assert (page.parent / target).exists(), target


def test_every_page_can_be_found_from_the_front_door():
    doors = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "docs/index.md"]
    assert "docs/index.md" in links(doors[0])
    linked = {(door.parent / target).resolve() for door in doors for target in links(door)}
    lost = [path for path in WRITTEN if path not in doors and not {path, path.parent} & linked]
    assert [path for path in lost if path.parent != ROOT] == []


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_its_number_a_title_and_fits_a_page(path):
    number = int(re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", path.name).group(1))
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(rf"# {number}\. \S.*", first)
    assert any(rest)
    assert len(rest) < A_PAGE


def test_decisions_are_numbered_without_gaps():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_readmes_commands_are_chores():
    shown = re.findall(r"^\$ (.+)$", text("README.md"), re.M)
    assert [shlex.split(line) for line in shown] == [["make", "demo"], ["make", "test"]]
    assert re.findall(r"```(\w*)\n", text("README.md"))[::2] == ["console"]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_shown_exists(page):
    shown = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|\$ )make ([a-z]+)", shown)) <= chores()
    for command in set(re.findall(r"`midwatch (\w+)", shown)):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command
    for line in re.findall(r"^\$ \S*python -m pytest (.+)$", shown, re.M):
        assert (ROOT / shlex.split(line)[0]).exists(), line


def test_the_readme_names_the_scenarios_there_are():
    named = re.search(r"shows another fault\s+\(([^)]+)\)", text("README.md"))
    assert named is not None
    assert set(re.findall(r"`([a-z-]+)`", named.group(1))) == {
        path.stem for path in (ROOT / "evals/scenarios").glob("*.yaml")
    }


def test_what_it_never_does_is_said_thrice_and_tested():
    promises = re.findall(r"^- \*\*It never .+?(?=^- |^#|\Z)", text("README.md"), re.M | re.S)
    assert len(promises) == 3
    for promise in promises:
        tests = re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", promise)
        assert tests, promise
        for name, file in tests:
            assert re.search(rf"^(?:async )?def {name}\(", text(file), re.M), f"{file}: {name}"


def test_every_folder_of_the_architecture_exists_and_every_package_is_drawn():
    drawn = set(re.findall(r"^\| `([a-z_/]+)/` \|", text("ARCHITECTURE.md"), re.M))
    assert [folder for folder in drawn if not (ROOT / folder).is_dir()] == []
    packages = {"midwatch", "evals", "agents", "runbooks", "tools"}
    inner = {f"{package}/{path.name}" for package in packages for path in (ROOT / package).iterdir()}
    folders = {name for name in inner if (ROOT / name / "__init__.py").exists()}
    assert {name for name in folders | packages if not any(name in other for other in drawn)} == set()
