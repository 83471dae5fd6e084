"""A diagnosis, a real ledger and the real client: what is asked once, what it costs, and when nobody is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.incident import Diagnosis
from agents.investigator import prompts
from agents.investigator.consulting import Consulting, consulted
from agents.investigator.explain import diagnosis
from agents.investigator.purse import Allowance, Purse
from agents.investigator.toolbox import Policy, Toolbox
from agents.ledger import consultations, investigations
from agents.ledger.breaker import Breaker
from agents.ledger.consultations import Consultation
from agents.ledger.incidents import accept
from agents.ledger.store import Ledger
from evals.world.model.script import Answer, Line, Manner
from evals.world.model.server import ModelOptions as EndpointOptions
from evals.world.model.server import ModelServer
from tests.support.plans import a_delivery, an_alert
from tests.support.pretend_queue import RememberingQueue
from tests.support.scenes import Scene, scenario
from tools.kubernetes.client import Connection
from tools.model import Model, ModelOptions, Price

MISSING = "registry.shop.example/shop/checkout:2.9.0"
ALERT = ("KubeDeploymentReplicasMismatch", {"namespace": "shop", "deployment": "checkout"})
PRICE = Price(input=2, output=10)


@pytest.fixture(scope="module")
def seen() -> Scene:
    return scenario("bad-image", ALERT)


@dataclass(kw_only=True)
class Desk:
    """One incident about to be asked about, and the endpoint that answers."""

    endpoint: ModelServer
    box: Toolbox
    seen: Scene

    def model(self, name: str = "strong", **changes: Any) -> Model:
        options = {
            "base_url": self.endpoint.url,
            "name": name,
            "api_key": SecretStr("sk-pretend"),
            "retries": 0,
        }
        return Model(options=ModelOptions(**(options | {"price": PRICE} | changes)))

    @property
    def rules(self) -> Diagnosis:
        return diagnosis(self.seen.case, self.seen.reasoned, self.seen.evidence)

    @property
    def unsure(self) -> Diagnosis:
        return self.rules.model_copy(update={"confidence": "low"})

    def ask(self, found: Diagnosis | None = None, purse: Purse | None = None, turn: int = 1) -> Diagnosis:
        purse = purse or Purse(allowance=Allowance())
        at = Consulting(box=self.box, turn=turn, purse=purse, case=self.seen.case)
        return consulted(at, found or self.rules, self.seen.evidence)

    def kept(self, incident: int = 1) -> list[Consultation]:
        with self.box.ledger.read() as session:
            return consultations.of_incident(session, incident)

    def incident(self, number: int) -> Toolbox:
        """The same tools on the lease of another incident."""
        ledger = self.box.ledger
        labels = {"alertname": f"A{number}", "namespace": "shop"}
        alert = an_alert(ledger.now(), labels=labels, fingerprint=f"f{number}")
        accept(ledger, [a_delivery(ledger.now(), alert, group_key=f"g{number}")])
        lease = investigations.take(ledger, number, "worker", 600)
        assert lease is not None
        return self.box.under(lease)

    def answer(self, **changes: Any) -> Answer:
        pods = next(item.id for item in self.seen.evidence.values() if item.query == "GET Pod")
        good = {"text": "The new pods ask for 2.9.0.", "evidence": [pods], "quotes": [MISSING]}
        bad = {"text": "The disk is full.", "evidence": [pods], "quotes": ["no space left"]}
        return {"hypothesis": 0, "claims": [good, bad], "prose": "It was never pushed."} | changes


@pytest.fixture
def desk(empty: Path, tmp_path: Path, seen: Scene) -> Iterator[Desk]:
    path = tmp_path / "midwatch.db"
    shutil.copy(empty, path)
    ledger = Ledger(f"sqlite:///{path}", RememberingQueue())
    endpoint = ModelServer(EndpointOptions(models=("strong", "cheap")))
    endpoint.start()
    nowhere = Connection.__new__(Connection)  # Nothing is read from a cluster while a model is asked.
    made = Desk(endpoint=endpoint, box=Toolbox(ledger=ledger, cluster=nowhere, policy=Policy()), seen=seen)
    made.box = replace(made.incident(1), model=made.model())
    yield made
    endpoint.stop()
    ledger.close()


def test_an_answer_is_kept_with_its_prompt_its_tokens_and_its_cost(desk: Desk) -> None:
    desk.endpoint.script.add(Line(answer=desk.answer()))
    purse = Purse(allowance=Allowance())
    found = desk.ask(purse=purse)
    assert found.source == "model"
    assert found.unheard == ""
    (kept,) = desk.kept()
    usage = desk.endpoint.tokens
    assert (kept.outcome, kept.stage, kept.model, kept.answered_by) == (
        "answered",
        "summary",
        "strong",
        "strong",
    )
    assert kept.prompt == prompts.words("summary").version
    assert kept.tokens == usage == purse.spent["tokens"]
    assert kept.cost is not None
    assert 2 * usage < kept.cost < 10 * usage
    assert (kept.claims, kept.dropped) == (2, 1)
    assert not kept.estimated


def test_a_stage_that_runs_again_finds_the_answer_and_asks_nobody(desk: Desk) -> None:
    desk.endpoint.script.add(
        Line(answer=desk.answer()), Line(answer=desk.answer(prose="Something else."), times=None)
    )
    first = desk.ask()
    assert desk.ask() == first
    assert desk.ask(turn=2) == first, "also in a later round that sees the same"
    assert len(desk.endpoint.requests) == len(desk.kept()) == 1
    desk.box = desk.incident(2)
    assert desk.ask().prose == "Something else.", "what one incident was told is not told to another"
    assert len(desk.endpoint.requests) == 2


def test_a_question_that_failed_is_asked_again_when_the_stage_runs_again(desk: Desk) -> None:
    desk.endpoint.script.add(Line(manner=Manner.SERVER_ERROR), Line(answer=desk.answer()))
    assert desk.ask().unheard.startswith("HTTP 500")
    assert desk.ask().source == "model"
    assert [one.outcome for one in desk.kept()] == ["unavailable", "answered"]


def test_the_strong_model_gives_opinions_and_the_cheap_one_explains(desk: Desk) -> None:
    desk.box = replace(desk.box, summary_model=desk.model("cheap", price=None))
    desk.endpoint.script.add(Line(answer=desk.answer(), times=None))
    desk.ask()
    desk.ask(desk.unsure)
    assert [(one.stage, one.model) for one in desk.kept()] == [("summary", "cheap"), ("opinion", "strong")]
    assert desk.kept()[0].cost is None, "no price is known of it"
    told = [request.body["messages"][0]["content"] for request in desk.endpoint.requests]
    assert told == [prompts.words("summary").text, prompts.words("opinion").text]
    desk.box = replace(desk.box, model=None, summary_model=None)
    assert desk.ask() == desk.rules


def test_the_purse_of_an_incident_is_not_filled_again_by_a_kill(desk: Desk) -> None:
    desk.endpoint.script.add(Line(manner=Manner.SERVER_ERROR, times=None))
    for _ in range(2):
        # What a killed stage had in its purse is forgotten; what it wrote down is not.
        desk.ask(purse=Purse(allowance=Allowance(model_calls=2)))
    told = desk.ask(purse=Purse(allowance=Allowance(model_calls=2)))
    assert told.unheard == "the budget of 2 model calls is spent"
    assert len(desk.endpoint.requests) == 2


def test_the_breaker_holds_over_all_incidents_and_the_rules_diagnosis_stands(desk: Desk) -> None:
    desk.box = replace(desk.box, policy=Policy(breaker=Breaker(failures=3)))
    desk.endpoint.script.add(Line(manner=Manner.SERVER_ERROR, times=None))
    told = []
    for number in range(1, 6):
        if number > 1:
            desk.box = desk.incident(number)
        told.append(desk.ask())
    assert len(desk.endpoint.requests) == 3
    assert all(one.model_copy(update={"unheard": ""}) == desk.rules for one in told)
    assert "strong failed 3 times in a row or more, the last time: HTTP 500" in told[-1].unheard
    assert desk.kept(5) == [], "what is not asked is no question"


def test_an_hour_without_tokens_left_is_said_and_nobody_is_asked(desk: Desk) -> None:
    desk.box = replace(desk.box, policy=Policy(breaker=Breaker(tokens_per_hour=100)))
    desk.endpoint.script.add(Line(answer=desk.answer()))
    assert desk.ask().unheard == "0 of the 100 tokens for an hour, over all incidents, are spent or taken"
    assert desk.endpoint.requests == []
