"""A policy that somebody mistypes or that a stranger's labels aim at (threats T4 and T47; property P21)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.policies import question, scale
from tools.policy.engine import judge
from tools.policy.facts import About, Radius
from tools.policy.load import PolicyError, read_policy
from tools.policy.model import Allow, Policy, Rule

GOOD = {
    "version": 1,
    "critical_labels": ["tier=gold"],
    "allow": [{"name": "all", "verbs": ["*"], "kinds": ["*"], "namespaces": ["shop"], "when": "true"}],
    "rules": [
        {
            "name": "careful",
            "when": "true",
            "deny": "no",
            "tier": 2,
            "approvals_needed": 2,
            "pending_minutes": 5,
            "claim_within_s": 60,
            "limit_factor": 1.5,
        }
    ],
}
PLACES = [
    *((name,) for name in GOOD),
    *(("allow", name) for name in GOOD["allow"][0]),
    *(("rules", name) for name in GOOD["rules"][0]),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("policy") / "policy.yaml"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), st.data())
def test_t47_a_key_mistyped_by_one_letter_refuses_to_start(
    file: Path, place: tuple[str, ...], data: st.DataObject
) -> None:
    key = place[-1]
    at = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from(("", *"abcdefghijklmnopqrstuvwxyz_AE")))
    wrong = f"{key[:at]}{letter}{key[at + 1 :]}"
    if wrong == key:
        return
    content = yaml.safe_load(yaml.safe_dump(GOOD))
    inside = content if len(place) == 1 else content[place[0]][0]
    inside[wrong] = inside.pop(key)
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(PolicyError):
        read_policy(file)


def test_t47_the_policy_without_the_typo_is_taken(file: Path) -> None:
    file.write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    assert read_policy(file).rules[0].tier == 2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_t04_text_of_a_stranger_is_a_value_in_a_condition_and_never_code(key: str, value: str) -> None:
    labels = {key: value, "team": "' || true || '"}
    only = Policy(
        version=1,
        allow=(Allow(name="ours", when="incident.labels['team'] == 'ours'"),),
        rules=(Rule(name="x", when="'team' in target.labels && target.labels['team'] == 'x'", tier=3),),
    )
    asked = question(scale(5), incident=About(labels=labels), radius=Radius(labels=labels))
    judged = judge(only, asked)
    assert judged.allowed is (labels["team"] == "ours")
    assert judged.tier == (3 if labels["team"] == "x" else 1)
