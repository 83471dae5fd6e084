"""Signed JSON of every shape: even the secret's holder gets no 5xx and no decision (threat T32, P11)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.ledger.protocol import PlanState
from evals.world.slack.httpmode import FORM, signed
from evals.world.slack.wire import JsonObject
from tests.support.front_desk import FrontDesk, front_desk

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "type", "team", "user", "value", "team_id"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = ["type", "team", "user", "channel", "enterprise", "event", "view", "actions", "container", "command",
          "api_app_id", "trigger_id", "authorizations", "callback_id", "response_urls", "message",
          "is_ext_shared_channel", "function_data", "thread_ts", "response_url"]  # fmt: skip
TYPES = ["block_actions", "view_submission", "event_callback", "view_closed", "message_action", "shortcut",
         "block_suggestion", "dialog_submission", "url_verification", "function_executed"]  # fmt: skip


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDesk]:
    with front_desk(tmp_path_factory.mktemp("steady")) as made:
        yield made


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(TYPES),
    fields=st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=8),
    action=st.sampled_from(["approve", "reject", "other"]),
    wrapped=st.booleans(),
)
def test_signed_json_of_any_shape_never_gets_5xx(
    steady: FrontDesk, kind: str, fields: JsonObject, action: str, wrapped: bool
) -> None:
    shaped = {"type": kind, "actions": [{"action_id": action, "type": "button"}], "callback_id": action}
    written = json.dumps(shaped | fields)
    body = urlencode({"payload": written}) if wrapped else written
    us, kind = steady.slack.credentials, FORM if wrapped else "application/json"
    status, _ = steady.post(signed(body.encode(), kind, us.signing_secret, int(steady.slack.options.clock())))
    assert status in {200, 400}
    assert steady.state() is PlanState.PENDING
    assert steady.decided() == []


def sent(desk: FrontDesk, payload: JsonObject) -> int:
    us, at = desk.slack.credentials, int(desk.slack.options.clock())
    return desk.post(signed(json.dumps(payload).encode(), "application/json", us.signing_secret, at))[0]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("view_submission", {"view": None}),
        ("view_submission", {"view": {"callback_id": 7}}),
        ("block_actions", {"actions": []}),
        ("block_actions", {"actions": [{"value": "x"}]}),
        ("event_callback", {"event": None}),
        ("event_callback", {"event": {"authorizations": 5}}),
        ("event_callback", {"authorizations": [7]}),
    ],
)
def test_t32_shapes_that_bolt_stumbles_over_get_400(steady: FrontDesk, kind: str, fields: JsonObject) -> None:
    before = list(steady.passed)
    assert sent(steady, {"type": kind} | fields) == 400
    assert steady.passed == before


def test_a_kind_that_nobody_listens_to_is_acknowledged_before_bolt(steady: FrontDesk) -> None:
    before = list(steady.passed)
    assert sent(steady, {"type": "app_rate_limited", "team_id": "T0PRETEND001"}) == 200
    assert steady.passed == before


def test_what_bolt_cannot_read_far_inside_gets_400(steady: FrontDesk) -> None:
    deep = {"type": "event_callback", "event": {"type": "x", "message": {"user": True}}}
    assert sent(steady, deep) == 400
    assert steady.state() is PlanState.PENDING
