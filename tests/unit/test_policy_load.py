"""A policy's file: what is wrong with it is said, and nothing in it can go below the code's floor."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import scale as proofs
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.policy.cel import LONGEST, NAMES, CelError, compiled
from tools.policy.load import DEFAULT, PolicyError, PolicyFile, read_policy

ALL = "version: 1\nallow: [{name: all}]\n"


def refused(folder: Path, text: str) -> str:
    file = folder / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as problem:
        read_policy(file)
    return str(problem.value)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("tier: 1", "'x' sets tier 1: a rule can only raise it, to 2 or 3"),
        ("tier: 0", "a rule can only raise it, to 2 or 3"),
        ("tier: 4", "a rule can only raise it, to 2 or 3"),
        ("verbs: [no_such_verb], deny: no", "names the verb no_such_verb, which is not in the catalogue"),
        ("kinds: [Secret], deny: no", "names the kind Secret, which no verb changes"),
        ("approvals_needed: 1", "a rule can only say 2"),
        ("approvals_needed: 0", "a rule can only say 2"),
        ("approvals_needed: 3", "knows at most 2"),
        ("pending_minutes: 241", "must be above 0 and at most 240"),
        ("pending_minutes: 0", "must be above 0 and at most 240"),
        ("claim_within_s: 601", "must be above 0 and at most 600"),
        ("limit_factor: 4.5", "must be above 1 and at most 4"),
        ("limit_factor: 1", "must be above 1 and at most 4"),
        ("approve: false", "unknown key; a rule can only narrow, with deny, tier, approvals_needed"),
        ("lower_tier: 1", "unknown key; a rule can only narrow"),
        ("allow: true", "unknown key; a rule can only narrow"),
        ("when: 'true'", "'x' narrows nothing: say deny, tier"),
        ("deny: ''", "'x' narrows nothing"),
        ("deny: true", "Input should be a valid string"),
        ("deny: no way, when: target.nmae == 'web'", "undeclared reference to 'target.nmae'"),
        ("deny: no way, when: target.name", "gives STRING, and a condition is true or false"),
        ("deny: no way, when: 'target.name == 1'", "no matching overload"),
        ("deny: no way, when: 'target.name =='", "Syntax error"),
        ("deny: no way, verbs: []", "at least 1 item"),
        (f"deny: no way, when: '{'!' * (LONGEST + 1)}'", f"at most {LONGEST} characters"),
    ],
)
def test_a_rule_that_would_widen_or_cannot_work_refuses_with_a_sentence(
    tmp_path: Path, rule: str, sentence: str
) -> None:
    said = refused(tmp_path, f"{ALL}rules:\n  - {{name: x, {rule}}}\n".replace("deny: no}", "deny: 'no'}"))
    assert sentence in said
    assert said.startswith(str(tmp_path / "policy.yaml"))


def test_a_rule_below_the_floor_of_the_verb_it_names_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    rules = "rules: [{name: x, verbs: [set_resources], tier: 2}]\n"
    file.write_text(ALL + rules, encoding="utf-8")
    assert read_policy(file).rules[0].tier == 2
    said = refused(tmp_path, ALL + rules.replace("tier: 2", "tier: 1"))
    assert "a rule can only raise it" in said


@pytest.mark.parametrize("tier", [2, 3])
@pytest.mark.parametrize("verb", CATALOGUE)
def test_a_rule_may_raise_any_verb_and_lower_none(tmp_path: Path, verb: str, tier: int) -> None:
    text = f"{ALL}rules: [{{name: x, verbs: [{verb}], tier: {tier}}}]\n"
    if tier < CATALOGUE[verb].tier:
        assert f"the code asks tier {CATALOGUE[verb].tier} of {verb}" in refused(tmp_path, text)
    else:
        (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
        assert read_policy(tmp_path / "policy.yaml").rules[0].tier == tier


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{ALL}approval: off\n", "approval: unknown key"),
        (f"{ALL}default: allow\n", "default: unknown key"),
        ("allow: [{name: all}]\n", "version: Field required"),
        ("version: 2\nallow: [{name: all}]\n", "version: Input should be 1"),
        ("version: 1\nallow: [{name: all, tier: 1}]\n", "allow.0.tier: unknown key"),
        (f"{ALL}rules: [{{name: all, deny: x}}]\n", "two entries are named 'all'"),
        (f"{ALL}rules: [{{name: x, deny: y}}]\nrules: []\n", "'rules' stands twice"),
        (f"{ALL}critical_labels: [no-value]\n", "critical_labels.0: String should match"),
        ('version: 1\nallow: [{name: "\\ud800"}]\n', "allow.0.name: "),
        ('version: 1\nallow: [{name: x, when: "\\ud800 == 1"}]\n', "allow.0.when: "),
        (f"{ALL}rules: [{{name: x, pending_minutes: .inf}}]\n", "must be above 0 and at most 240"),
        (f"{ALL}rules: [{{name: x, limit_factor: .nan}}]\n", "must be above 1 and at most 4"),
        ("- a list\n", "it must be a mapping"),
        ("", "it must be a mapping"),
        ("version: [1\n", "it is not YAML"),
        ("version: !!python/object:os.system 1\n", "it is not YAML"),
        (f"{'a' * 300_000}: 1\n", "more than"),
    ],
)
def test_a_file_that_says_something_unknown_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refused(tmp_path, text)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        read_policy(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="not UTF-8"):
        read_policy(file)


def test_the_version_is_the_digest_of_what_it_says_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(f"# a comment\n{ALL}", encoding="utf-8")
    other.write_text("allow:\n  - name: all\n    verbs: ['*']\nversion: 1\n", encoding="utf-8")
    assert read_policy(one).digest == read_policy(other).digest
    other.write_text("version: 1\nallow: [{name: every}]\n", encoding="utf-8")
    assert read_policy(one).digest != read_policy(other).digest


def test_a_file_is_judged_as_it_says_now(tmp_path: Path) -> None:
    file = PolicyFile(path=tmp_path / "policy.yaml")
    file.path.write_text(ALL, encoding="utf-8")
    assert not file.read().rules
    file.path.write_text(f"{ALL}rules: [{{name: x, deny: y}}]\n", encoding="utf-8")
    assert file.read().rules


def test_the_shipped_policy_allows_the_catalogue_and_narrows_nothing() -> None:
    assert DEFAULT.is_file()
    assert yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))["version"] == 1
    policy = PolicyFile().read()
    assert [entry.name for entry in policy.allow] == ["the whole catalogue"]
    assert policy.rules == ()


@pytest.mark.proof
@settings(max_examples=proofs.scale("conditions"), deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            (*NAMES, "(", ")", "[", "]", "'", "==", "&&", "!", "-", "?", ":", "1", "'x'", ".all(", "a, ")
        ),
        max_size=12,
    ).map(" ".join)
)
def test_whatever_stands_in_a_condition_it_is_taken_or_refused_and_never_worse(text: str) -> None:
    try:
        ready = compiled(text)
    except CelError:
        return
    assert ready.return_type().name() == "BOOL"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_spoken_of_in_a_condition(name: str) -> None:
    assert compiled(f"{name} == {name}")
