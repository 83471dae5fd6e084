"""The protocol holds in every order of events, and each fault that is put into it is caught: by spin."""

from __future__ import annotations

import pytest

from evals.proofs import __main__ as chore
from evals.proofs.cases import Case, Result, cases
from evals.proofs.prover import ProofError, prove
from evals.proofs.reading import Model
from tests.support.real_servers import program
from tests.support.scale import PROVING

MODEL = Model.read()
ALL = cases(MODEL)
# The smallest configuration, and two mutants that are found at once.
SLICE = {"K=2", "NOFENCE", "PROOF_AFTER"}


@pytest.fixture(autouse=True)
def _spin() -> None:
    for name in ("spin", "gcc"):
        program(name)


@pytest.mark.proof
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize(
    "case", [one for one in ALL if PROVING or one.name in SLICE], ids=lambda one: one.name
)
def test_each_configuration_holds_and_each_mutant_is_caught(case: Case) -> None:
    found = prove(case, MODEL)
    assert found.found is case.expected, f"{found.states} states; {found.broken or 'no promise broken'}"


def test_a_surprise_ends_the_runner_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    surprising = Case(name="a surprise", granted=("OWNER_GONE",), expected=Result.HOLDS, why="it is not")
    monkeypatch.setattr(chore, "cases", lambda _model: (surprising,))
    assert chore.main([]) == 1
    assert "caught" in capsys.readouterr().out


def test_a_model_that_spin_cannot_read_is_no_proof() -> None:
    with pytest.raises(ProofError):
        prove(Case(name="nonsense", defines=("K=(",), why="no expression"), MODEL)


def test_every_fact_has_a_mutant_and_every_name_is_given_once() -> None:
    assert len({case.name for case in ALL}) == len(ALL)
    assert {fact for case in ALL for fact in case.granted} == set(MODEL.facts)
    assert {case.name for case in ALL} >= SLICE
