"""The app's manifest is what the code needs of Slack: no method without its scope, and no scope too many."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

from evals.world.slack.api import METHODS as PRETEND
from evals.world.slack.options import DEFAULT_SCOPES
from midwatch.slack_manifest import EVENTS, FILE, manifest, render, required, scopes
from tools.slack import METHODS

ROOT = Path(__file__).parents[2]
FILES = ("files.getUploadURLExternal", "files.completeUploadExternal")


def called() -> set[str]:
    """The methods that the one module with a token names, and those that the SDK's upload consists of."""
    tree = ast.parse((ROOT / "tools" / "slack.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "_call"
        if isinstance(call.args[0], ast.Constant)
    }
    return {str(name) for name in found} | set(FILES)


def test_every_method_that_is_called_stands_there_and_no_other() -> None:
    assert set(METHODS) == called()


def test_every_method_has_the_scope_that_slack_asks_for() -> None:
    asked = {name: scope or "" for name, (_, scope) in PRETEND.items()}
    assert {name: scope for name, scope in METHODS.items() if name in asked} == {
        name: asked[name] for name in METHODS if name in asked
    }
    assert all(scope in scopes() for scope in METHODS.values() if scope)


def test_no_scope_stands_there_that_nothing_needs() -> None:
    public = {scope for scope in METHODS.values() if scope} | {"commands"}
    assert required(private=False, groups=True) == public
    assert set(scopes()) - public == {"groups:history", "groups:read"}
    assert required(private=False, groups=True) <= DEFAULT_SCOPES


def test_who_is_in_a_group_need_not_be_told_where_the_roster_names_none() -> None:
    for private in (True, False):
        more = required(private=private, groups=True) - required(private=private, groups=False)
        assert more == {"usergroups:read"}


def test_the_file_is_what_the_code_says() -> None:
    assert (ROOT / "deploy" / FILE).read_text(encoding="utf-8") == render(), "run `make manifests`"
    assert yaml.safe_load(render()) == manifest()


def test_the_events_are_those_that_are_listened_to() -> None:
    source = (ROOT / "agents" / "gatekeeper" / "counter.py").read_text(encoding="utf-8")
    assert all(f'app.event("{name.partition(".")[0]}")' in source for name in EVENTS)
