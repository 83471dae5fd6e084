"""From the ledger and the cluster to the facts of a run.

Read from what the product wrote down and from the cluster's own state, never from what the product says of
itself in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from agents.incident import Diagnosis, Evidence, Hypothesis
from agents.ledger.store import Ledger
from agents.ledger.story import PlanView, Story, story
from evals.trials.ground import Ground
from evals.trials.run import Believed, Costs, Effect, Proposed
from evals.world.kubernetes.kinds import KINDS
from evals.world.kubernetes.objects import JsonObject

MOST_OTHERS = 5
MOST_INCIDENTS = 3


@dataclass(frozen=True, kw_only=True)
class Since:
    """Where a run's facts begin: the number of its first incident, and the changes made before it."""

    incident: int = 1
    effects: int = 0
    spent: dict[str, int] = field(default_factory=dict)


def seen(at: Ground, ledger: Ledger, since: Since) -> JsonObject:
    """Everything a scorer may ask, but for the moments."""
    # An alert that came apart from the others may have made an incident of its own.
    numbers = range(since.incident, since.incident + MOST_INCIDENTS)
    told = [one for number in numbers if (one := story(ledger, number)) is not None]
    first, spent = told[0] if told else None, since.spent
    verdict = at.cluster.verdict()
    facts: JsonObject = {
        "effects": tuple(_effects(at))[since.effects :],
        "unmet": verdict.unmet,
        "plans": tuple(_proposed(view) for one in told for view in one.plans),
        "costs": Costs(
            looks=sum(len(one.evidence) for one in told),
            model_calls=spent.get("model_calls", 0),
            tokens=spent.get("tokens", 0),
        ),
    }
    return facts if first is None else facts | _of(first, told)


def _of(first: Story, told: list[Story]) -> JsonObject:
    # What a person read when the change was proposed: later rounds look at a world that is mended.
    found = first.diagnosis
    diagnoses = [(one.diagnosis, one.evidence) for one in told if one.diagnosis is not None]
    facts: JsonObject = {
        "phase": first.incident.phase,
        "recovery": first.outcome.recovery.value if first.outcome else "",
        "claims": sum(len(diagnosis.claims) for diagnosis, _ in diagnoses),
        "dropped_claims": sum(diagnosis.dropped_claims for diagnosis, _ in diagnoses),
        "unsupported": tuple(
            text for diagnosis, evidence in diagnoses for text in _unsupported(diagnosis, evidence)
        ),
    }
    if found is None:
        return facts
    return facts | {
        "cause": found.cause and _believed(found.cause, found.confidence),
        "others": tuple(_believed(one) for one in found.alternatives[:MOST_OTHERS]),
        "no_plan_because": found.no_plan_because,
    }


def _believed(hypothesis: Hypothesis, confidence: str = "") -> Believed:
    signs = [str(key).partition("@")[0] for key in hypothesis.facts.get("direct") or ()]
    return Believed(
        code=hypothesis.code,
        object=str(hypothesis.object),
        confidence=confidence,
        signs=tuple(dict.fromkeys(signs)),
        sentence=hypothesis.sentence,
    )


def _proposed(view: PlanView) -> Proposed:
    step = view.plan.steps[0]
    return Proposed(
        verb=step.verb,
        object=str(step.target),
        values=orjson.dumps(step.set).decode(),
        state=view.state.value,
        reason=view.reason,
        undo=bool(view.plan.undo_of),
    )


def _effects(at: Ground) -> Iterator[Effect]:
    for one in at.api.effects.all():
        place = f"{one.namespace}/{one.name}" if one.namespace else one.name
        yield Effect(verb=one.verb, object=f"{KINDS[one.resource].kind} {place}")


def _unsupported(diagnosis: Diagnosis, evidence: Iterable[Evidence]) -> Iterator[str]:
    """Claims that their evidence does not carry, looked up again with code of our own."""
    texts = {item.id: item.excerpt for item in evidence if item.ok}
    for claim in diagnosis.claims:
        cited = "\n".join(texts.get(number, "") for number in claim.evidence)
        lost = [number for number in claim.evidence if number not in texts]
        absent = [quote for quote in claim.quotes if quote not in cited]
        strangers = [
            name for name in claim.objects if name.rpartition("/")[2].rpartition(" ")[2] not in cited
        ]
        if lost or absent or strangers:
            yield f"{claim.text} ({', '.join([*lost, *absent, *strangers])})"
