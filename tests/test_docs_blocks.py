"""Every code block of the documentation is true: it runs, loads, or could be typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from midwatch.docs_commands import every
from tests.support.blocks import DRAWINGS, KINDS, OTHERS, ROOT, Block, blocks, commands, hold, judge

BLOCKS = list(blocks())


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_holds_what_its_kind_promises(block: Block, tmp_path: Path) -> None:
    assert block.kind in KINDS, f"{block.kind} is tested by nothing"
    hold(block, tmp_path)


def test_no_command_hides_in_a_block_of_no_kind() -> None:
    """Four spaces make a block as well, and nothing says what is in it."""
    hidden = [
        f"{path.name}: {line}"
        for path in (ROOT / "docs").rglob("*.md")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r" {4}(\$ |midwatch |make |python )", line) and not line.startswith("    $ ")
    ]
    assert hidden == []


@pytest.mark.parametrize(
    "line",
    [
        "midwatch no-such-command",
        "midwatch show",
        "midwatch incidents --no-such-option",
        "midwatch incidents --limit many",
        "make no-such-chore",
        "kubectl apply -f deploy/no-such.yaml",
        "no-such-program",
        "echo x | midwatch analyze --snapshotted -",
    ],
)
def test_what_could_not_be_typed_is_found(line: str) -> None:
    with pytest.raises((AssertionError, KeyError, typer.TyperException)):
        _ = [judge(words) for words in commands(line)]


def test_no_exception_is_left_over() -> None:
    assert {block.page for block in BLOCKS if not block.kind} == set(DRAWINGS)
    shown = {
        Path(words[0]).name
        for block in BLOCKS
        if block.kind == "console"
        for line in block.text.splitlines()
        if line.startswith("$ ")
        for words in commands(line.removeprefix("$ "))
    }
    assert set(OTHERS) <= shown


def test_every_command_has_a_section_of_its_own() -> None:
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    for words, _ in every():
        assert f"\n## midwatch {' '.join(words)}\n" in page
