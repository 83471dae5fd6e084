"""The budgets and habits of the house: sizes, cycles, broad excepts, mocks, skips, untyped corners."""

from __future__ import annotations

import ast
import graphlib
import re
import statistics
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

from tools.kubernetes.actions.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent
PACKAGES = ("midwatch", "evals", "agents", "runbooks", "tools")
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
# Generated from the tables, in the order of the database's dependencies: cutting it up would hide that order.
GENERATED = {"0001_the_first_ledger.py"}

BROAD_EXCEPTS: dict[str, str] = {}
"""The two places where style.md would allow a broad except (the webhook boundary and the run of the graph)
get along without one: both name the errors they expect, and the queue tries the rest again."""

# A command's parameters are its options: each has a name, a default and a line in --help.
COMMANDS = {"analyze", "decide", "evaluate", "listed", "tail"}
UNTYPED = {
    "agents/auditor/standalone.py": "lines of an export, read without any package that could check them",
    "agents/gatekeeper/counter.py": "slack-bolt hands its listeners untyped arguments",
    "agents/gatekeeper/payload.py": "an interaction payload has Slack's shape and is read field by field",
    "agents/investigator/analyzers/fields.py": "dig reads JSON whose shape is the API server's business",
    "agents/investigator/checkpoints.py": "two saver classes of langgraph without a common base",
    "agents/investigator/graph.py": "langgraph's builder does not type nodes that take a Runtime",
    "agents/investigator/work.py": "the compiled graph and its snapshots, as langgraph returns them",
    "agents/ledger/tables.py": "SQLModel's Field tells type checkers that it is every column's value",
    "evals/trials/desk.py": "the compiled graph, as langgraph returns it",
    "evals/world/kubernetes/api.py": "ASGI messages are untyped by their specification",
    "evals/world/kubernetes/call.py": "a request's document may be any JSON",
    "evals/world/kubernetes/objects.py": "dig reads JSON whose shape the client chose",
    "evals/world/kubernetes/protobuf.py": "a field of a protobuf message is text, number, bytes or a message",
    "evals/world/kubernetes/schema.py": "a schema judges JSON of any shape",
    "evals/world/kubernetes/strategic.py": "a strategic merge patch may be any JSON",
    "evals/world/model/script.py": "the shape of the wire's JSON is the client's",
    "evals/world/prometheus/samples.py": "the shape of the wire's JSON is the client's",
    "evals/world/slack/wire.py": "the shape of the wire's JSON is the client's",
    "evals/world/wire.py": "ASGI messages are untyped by their specification",
    "midwatch/serve.py": "slack-bolt's Socket Mode handler has no types",
    "midwatch/settings_load.py": "pydantic-settings takes every value as one keyword argument of any type",
    "tools/kubernetes/actions/roll_back.py": "a part of a pod template, as the step states it",
    "tools/kubernetes/client.py": "the official client has no types",
    "tools/kubernetes/objects.py": "JsonObject itself: an object as the API server sends it",
    "tools/kubernetes/pointers.py": "what stands at a JSON pointer may be any JSON",
    "tools/model_client.py": "structured output comes back as a dictionary of anything",
    "tools/prometheus.py": "prometheus-api-client has no types",
    "tools/queue/postgres_lane.py": "a procrastinate job's arguments and psycopg's row types",
    "tools/slack.py": "Slack's JSON, in the only file that calls Slack",
}
"""Where ``Any`` may be written, and why it is the honest type there."""


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def parsed(paths: list[Path]) -> Iterator[tuple[str, ast.AST]]:
    """Every node of every file, with the file's name in the repository."""
    for path in paths:
        # Once a file: there are a million nodes, and most of the time went into making this name.
        name = path.relative_to(ROOT).as_posix()
        yield from ((name, node) for node in nodes(path))


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (f"{name}:{node.lineno} {node.name}", node)
        for name, node in parsed([path for path in FILES if path.name not in GENERATED])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


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
        if node.name in COMMANDS and len(node.args.defaults) == len(given):
            continue
        if len([a for a in given if a.arg not in {"self", "cls"}]) > 4 and node.name != "__init__":
            many.append(name)
    assert many == []


def test_no_two_modules_need_each_other():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    needs = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        ordered = list(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as cycle:
        pytest.fail(f"these import one another: {cycle.args[1]}")
    assert len(ordered) >= len([path for path in FILES if path.stem.isidentifier()])


def test_broad_excepts_stand_only_where_they_are_named():
    broad = set()
    for name, node in parsed(FILES):
        if isinstance(node, ast.ExceptHandler):
            caught = [n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)] if node.type else ["bare"]
            if {"Exception", "BaseException", "bare"} & set(caught):
                broad.add(name)
    assert broad == set(BROAD_EXCEPTS)
    assert len(BROAD_EXCEPTS) <= 2
    assert all(BROAD_EXCEPTS.values())


def test_any_is_written_only_in_named_adapters():
    untyped = {name for name, node in parsed(FILES) if isinstance(node, ast.Name) and node.id == "Any"}
    assert untyped == set(UNTYPED)
    assert all(UNTYPED.values())


def test_tests_hardly_replace_anything():
    promised = replaced = 0
    for path in TESTS:
        text = path.read_text(encoding="utf-8")
        promised += len(re.findall(r"^\s*(?:async )?def test_", text, re.M))
        replaced += len(re.findall(r"(?<![\w.])patch\(|mock\.patch|Mock\(|monkeypatch\.\w", text))
    assert replaced * 100 <= 10 * promised


def test_the_folder_of_the_tests_is_no_package():
    assert [path for path in TESTS if path.name == "__init__.py"] == []


def test_nothing_is_skipped_without_a_reason():
    silent = []
    for name, node in parsed(TESTS):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            reason = any(keyword.arg in {"reason", "msg"} for keyword in node.keywords)
            direct = ast.unparse(node.func) in {"pytest.skip", "pytest.xfail"} and node.args
            if node.func.attr in {"skip", "skipif", "xfail", "importorskip"} and not (reason or direct):
                silent.append(f"{name}:{node.lineno}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bare = {"pytest.mark.skip", "pytest.mark.xfail"} & set(map(ast.unparse, node.decorator_list))
            silent += [f"{name}:{node.lineno}"] if bare else []
    assert silent == []


SHORT_WAITS = {
    "tests/unit/test_way_out.py": "no answer is what is expected",
    "tests/contracts/test_kubernetes_trouble.py": "that the client gives up is what is tested",
    "tests/support/real_servers.py": "who does not answer yet is asked again; who does not end is killed",
    "tests/support/story.py": "who does not answer yet is asked again",
}
"""Where a test may wait a short time, and why nothing depends on how fast the machine is."""


def seconds(call: ast.Call) -> float | None:
    """How long this call waits at most, where it says so in figures."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if ast.unparse(call.func) == "pytest.mark.timeout":
        return None
    told = [word.value for word in call.keywords if word.arg in {"timeout", "_request_timeout"}]
    if name in {"result", "join", "timeout", "settimeout"}:
        told += call.args[:1]
    if name in {"wait_for", "wait_for_ephemeral", "wait_for_view", "wait_for_call", "wait_for_delivery"}:
        told += call.args[1:2]
    figures = [
        one.value for one in told if isinstance(one, ast.Constant) and isinstance(one.value, int | float)
    ]
    return min((float(one) for one in figures if one), default=None)


def test_no_test_waits_a_short_time_for_what_must_happen():
    """It costs nothing when it happens, and a busy machine is no fault (``tests/support/patience.py``)."""
    waits = [(name, seconds(node)) for name, node in parsed(TESTS) if isinstance(node, ast.Call)]
    assert {name for name, at_most in waits if at_most is not None and at_most < 60} == set(SHORT_WAITS)
    assert all(SHORT_WAITS.values())


def test_only_tests_about_slacks_three_seconds_depend_on_them():
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in TESTS}
    makes = {name for name, text in texts.items() if re.search(r"\bSlackServer\(\)|\bSlackOptions\(", text)}
    assert makes == {"tests/support/patience.py", "tests/support/slack_scene.py"}, (
        "patient() makes the others"
    )


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


# What turns text into code, or a name into a module.
LOADERS = {"eval", "exec", "compile", "__import__", "import_module", "entry_points", "run_path", "run_module"}
METHODS = {"compile", "eval", "exec"}
"""Those as methods are regular expressions, graphs, queries and conditions in CEL."""
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "pluggy", "importlib.machinery", "runpy"}


# Analyzers that an operator installed and named: they find, and can do nothing (decision 15).
PLUG_INS = {"midwatch/extras.py": "entry_points"}


def test_t46_nothing_is_loaded_that_is_not_written_here():
    """No tool found at run time, no pickle: what this system can do stands in its own files."""
    found = set()
    for name, node in parsed(FILES):
        if isinstance(node, ast.Call):
            bare = node.func.id if isinstance(node.func, ast.Name) else ""
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if bare in LOADERS or method in LOADERS - METHODS:
                named = PLUG_INS.get(name) == (bare or method)
                found |= set() if named else {f"{name}:{node.lineno} {bare or method}"}
        if isinstance(node, ast.Import):
            found |= {f"{name}:{node.lineno} {one.name}" for one in node.names if one.name in UNSAFE}
        if isinstance(node, ast.ImportFrom) and node.module in UNSAFE:
            found.add(f"{name}:{node.lineno} {node.module}")
    assert found == set()


def test_t46_every_verb_there_is_is_a_class_of_the_catalogue_s_own_folder():
    folder = "tools.kubernetes.actions."
    assert {type(verb).__module__.startswith(folder) for verb in CATALOGUE.values()} == {True}
    assert all(verb.name == name for name, verb in CATALOGUE.items())


def test_t46_the_lock_has_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", lock).strip(), flags=re.IGNORECASE)
    assert len(pinned) > 50
    assert [one.splitlines()[0] for one in pinned if "==" not in one or "--hash=sha256:" not in one] == []
    assert "--index-url" not in lock
    assert "://" not in lock


def reasons(path: Path) -> int:
    """Comments for people, and lines of docstrings beyond the summary (decision 6)."""
    with tokenize.open(path) as file:
        comments = [t.string for t in tokenize.generate_tokens(file.readline) if t.type == tokenize.COMMENT]
    told = [text for text in comments if not re.match(r"#\s*(noqa|type:|fmt:)", text)]
    strings = [
        node.value.value
        for node in nodes(path)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    beyond = [line for text in strings for line in text.strip().splitlines()[1:] if line.strip()]
    return len(told) + len(beyond)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_code_says_why_often_enough(package):
    files = [path for path in FILES if path.is_relative_to(ROOT / package) and path.name not in GENERATED]
    lines = sum(bool(line.strip()) for path in files for line in path.read_text("utf-8").splitlines())
    assert sum(map(reasons, files)) * 100 >= 4 * lines
