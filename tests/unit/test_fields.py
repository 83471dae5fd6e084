"""The fields of a verb: said once, and the same to the check of a step and to the API server's wall."""

from __future__ import annotations

import pytest

from midwatch.admission import EXEMPT, asked, changed_kinds, made_kinds, wall
from midwatch.admission_cel import grown
from tests.unit.test_actions_catalogue import PATCHES, drafted
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.fields import parts_of, pattern, spread
from tools.kubernetes.actions.restart_rollout import RESTARTED
from tools.kubernetes.actions.whole import WholeVerb
from tools.kubernetes.pointers import same
from tools.kubernetes.sealing import entries_of

VERBS = sorted(CATALOGUE)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_says_which_fields_it_changes_or_is_of_a_whole_object(name: str) -> None:
    verb = CATALOGUE[name]
    assert bool(verb.fields) is not isinstance(verb, WholeVerb)


@pytest.mark.parametrize("name", [name for name in VERBS if CATALOGUE[name].fields])
def test_what_a_verb_may_set_is_in_its_fields(name: str) -> None:
    verb = CATALOGUE[name]
    for field in verb.fields:
        for each in spread(field):
            pointer = each.removesuffix("/**").replace("[]", "0").replace("{}", "limits.memory")
            if name == "restart_rollout":
                # Its annotation is written with the whole map around it.
                assert parts_of(pointer)[-1] == RESTARTED
            else:
                assert verb.sets.fullmatch(pointer), pointer


@pytest.mark.parametrize("name", PATCHES)
def test_what_a_verb_sends_changes_nothing_but_its_fields(name: str) -> None:
    _, step = drafted(name)
    for pointer, value in step.set.items():
        if pattern(*CATALOGUE[name].fields).fullmatch(pointer):
            continue
        before = step.expect[pointer]
        assert name == "restart_rollout"
        for each in (value, before):
            (each.get("annotations") or {}).pop(RESTARTED, None)
        assert same({"annotations": {}, **before}, {"annotations": {}, **value})


def test_the_wall_knows_every_kind_that_a_verb_changes_or_makes() -> None:
    (known,) = [
        each["expression"] for each in wall()[0]["spec"]["validations"] if " in [" in each["expression"][:30]
    ]
    for verb in CATALOGUE.values():
        for kind in verb.kinds if verb.fields else ():
            assert kind in EXEMPT or f"'{asked(kind)}'" in known
            assert kind not in EXEMPT or verb.optional, "a right that no policy sees is not given by default"
    assert all(f"'{asked(kind, 'CREATE')}'" in known for kind in made_kinds())
    assert known.count("'") == 2 * (len(changed_kinds()) + len(made_kinds()) + 1)


@pytest.mark.parametrize("name", [name for name in VERBS if name not in ("restore", "silence")])
def test_every_step_has_an_entry_for_sealed_mode(name: str) -> None:
    if CATALOGUE[name].fields:
        _, step = drafted(name)
        entries = entries_of((step,), "p")
        assert isinstance(entries, dict)
        head, *lines = entries[step.uid].split("\n")
        assert head.startswith("UPDATE|")
        assert head.endswith("|p")
        assert lines
        assert len(set(lines)) == len(lines)


def test_the_wider_field_counts() -> None:
    tree = grown(["/spec/template/**", "/spec/template/spec/x", "/spec/{a,b/c}"])
    spec = tree.below["spec"]
    assert spec.below["template"].free
    assert spec.below["a"].free
    assert spec.below["b"].below["c"].free
