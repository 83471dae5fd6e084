"""The site of docs/ is built from what is there, strictly, and nothing of it asks anybody anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evals.screenshots import SHOTS

ROOT = Path(__file__).parent.parent
PAGES = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def settings() -> dict[str, object]:
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def named(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in named(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    listed = named(settings()["nav"])
    assert sorted(listed) == sorted(PAGES)


def test_nothing_is_fetched_for_it() -> None:
    found = settings()
    assert found["theme"]["font"] is False
    assert found["plugins"] == ["search"], "a plugin that builds must not fetch"
    assert found["strict"] is True
    assert not {"extra_css", "extra_javascript"} & set(found)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_it_is_built_strictly_with_every_link_and_anchor(site: Path) -> None:
    assert {path.with_suffix(".md").relative_to(site).as_posix() for path in site.rglob("*.html")} >= PAGES


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        loaded = re.findall(
            r"<(?:script|img|iframe|link rel=\"(?:stylesheet|preload|preconnect)\")[^>]+>", page
        )
        assert [tag for tag in loaded if re.search(r"(?:src|href)=\"?(?:https?:)?//", tag)] == [], path.name


def test_a_link_out_of_the_docs_keeps_its_name(site: Path) -> None:
    page = (site / "second-wall.html").read_text(encoding="utf-8")
    assert "deploy/admission/actor.yaml" in page
    assert "../deploy" not in page


def test_every_picture_shown_is_taken_by_the_script_and_none_is_left_over() -> None:
    """`make screenshots` takes them; a picture that nobody takes any more would go on showing the past."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in re.findall(r"images/([\w-]+)\.png", page.read_text("utf-8"))}
    assert shown == {shot.name for shot in SHOTS}
    assert shown == {path.stem for path in (ROOT / "docs/images").iterdir()}
