"""The budgets of the house: sizes, broad excepts, comments, names of others."""

from __future__ import annotations

import ast
import statistics
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("midwatch", "evals", "agents", "runbooks", "tools")
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
# Generated from the tables, in the order of the database's dependencies: cutting it up would hide that order.
GENERATED = {"0001_the_first_ledger.py"}


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    found = []
    for path in FILES:
        if path.name in GENERATED:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node))
    return found


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short_enough_to_read():
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert statistics.median(sizes.values()) <= 120
    long = {str(path.relative_to(ROOT)) for path, lines in sizes.items() if lines > 300}
    assert long == set()


def test_functions_are_short():
    sizes = sorted(length(node) for _, node in functions())
    assert statistics.median(sizes) <= 9
    assert sizes[int(len(sizes) * 0.95)] <= 35
    assert [name for name, node in functions() if length(node) > 50] == []


def test_functions_take_few_parameters():
    many = []
    for name, node in functions():
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if len([a for a in given if a.arg not in {"self", "cls"}]) > 4 and node.name != "__init__":
            many.append(name)
    assert many == []


def test_broad_excepts_stay_at_their_two_boundaries():
    broad = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                names = (
                    {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"bare"}
                )
                if names & {"Exception", "BaseException", "bare"}:
                    broad.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(broad) <= 2, broad


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_says_what_it_is(package):
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    silent = []
    for folder in folders:
        init = folder / "__init__.py"
        plain = folder.name == "versions"
        if not plain and (not init.exists() or not ast.get_docstring(ast.parse(init.read_text()))):
            silent.append(str(folder.relative_to(ROOT)))
    assert silent == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nobody_elses_distribution_brings_our_names(package):
    assert set(packages_distributions().get(package, [])) <= {"midwatch"}


def test_the_lock_has_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert "--index-url" not in lock
    assert "://" not in lock
