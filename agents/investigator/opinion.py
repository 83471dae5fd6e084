"""A model's opinion on what the rules found: typed in, typed out, and checked like everything else.

It may re-rank the rules' own hypotheses when they are unsure, add claims that the evidence
carries, and explain. It names no verb and no target; what it says wrong is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.incident import PROSE_LIMIT, Claim, Diagnosis, Evidence, Hypothesis
from agents.investigator.citations import checked
from agents.investigator.explain import carries
from agents.investigator.observing import Wanted
from agents.investigator.prompts import Stage, words
from agents.ledger.consultations import Outcome
from tools.model import Answer, Budget, Model, ModelError, ModelRefused, ModelUnavailable, Prompt, Usage
from tools.redaction import redact, redacted_json

EXCERPT = 6_000
MOST_EVIDENCE = 12
MOST_CLAIMS = 6
UNSURE = frozenset({"none", "low"})


class SaidClaim(BaseModel):
    """One claim as the model makes it; not believed until it was checked."""

    model_config = ConfigDict(extra="forbid")

    text: str
    evidence: list[str]
    quotes: list[str]


class Opinion(BaseModel):
    """What the model answers."""

    model_config = ConfigDict(extra="forbid")

    hypothesis: int = Field(ge=-1)
    claims: list[SaidClaim]
    prose: str
    look: Wanted | None = None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came of asking: the diagnosis, what it cost, and why it holds no opinion, if it holds none.

    ``claims`` and ``dropped`` count what the model claimed and what of it did not hold.
    """

    diagnosis: Diagnosis
    usage: Usage = field(default_factory=Usage)
    problem: str = ""
    outcome: Outcome = "answered"
    opinion: Opinion | None = None
    answered_by: str = ""
    claims: int = 0
    dropped: int = 0

    @property
    def tokens(self) -> int:
        """Tokens in and out, of every attempt."""
        return self.usage.tokens

    @property
    def told(self) -> Diagnosis:
        """The diagnosis, saying so when the model was not heard."""
        if not self.problem:
            return self.diagnosis
        return self.diagnosis.model_copy(update={"unheard": self.problem})


def stage_of(found: Diagnosis) -> Stage:
    """What a model can still do for this diagnosis: choose where the rules are unsure, else explain."""
    return "opinion" if found.confidence in UNSURE else "summary"


def with_opinion(model: Model, found: Diagnosis, evidence: Mapping[str, Evidence], budget: Budget) -> Heard:
    """The diagnosis with the model's checked additions; the rules' own when it fails. Blocking."""
    return answered(model, prompt(found, evidence), (found, evidence), budget)


def answered(
    model: Model, question: Prompt, about: tuple[Diagnosis, Mapping[str, Evidence]], budget: Budget
) -> Heard:
    """The same for a question that was put already."""
    found, evidence = about
    try:
        answer = model.ask(question, Opinion, budget)
    # A model that is away, slow or wrong costs an explanation, never the diagnosis.
    except ModelError as problem:
        said = redact(str(problem))[:200]
        return Heard(diagnosis=found, usage=problem.usage, problem=said, outcome=outcome_of(problem))
    return heard(found, answer, evidence)


def heard(found: Diagnosis, answer: Answer[Opinion], evidence: Mapping[str, Evidence]) -> Heard:
    """What a well-formed answer makes of the diagnosis, and how much of it held."""
    opinion = answer.content
    merged_with = merged(found, opinion, evidence)
    return Heard(
        diagnosis=merged_with,
        usage=answer.usage,
        opinion=opinion,
        answered_by=answer.model,
        claims=len(opinion.claims),
        dropped=merged_with.dropped_claims - found.dropped_claims,
    )


def outcome_of(problem: ModelError) -> Outcome:
    """How a question ended that got no answer, as the ledger calls it."""
    if isinstance(problem, ModelUnavailable):
        return "unavailable"
    return "refused" if isinstance(problem, ModelRefused) else "malformed"


def prompt(found: Diagnosis, evidence: Mapping[str, Evidence], first: str = "") -> Prompt:
    """The records: hypotheses by index, and excerpts of what was read: ``first``, then what is cited."""
    cited = {number for claim in found.claims for number in claim.evidence}
    near = sorted(evidence.values(), key=lambda item: (item.id != first, item.id not in cited))[
        :MOST_EVIDENCE
    ]
    records = {
        "hypotheses": [
            {"index": n, "code": h.code, "object": str(h.object), "sentence": h.sentence, "score": h.score}
            for n, h in enumerate(_ranked(found))
        ],
        "untrusted_evidence": [
            {"id": item.id, "tool": item.tool, "query": item.query, "excerpt": item.excerpt[:EXCERPT]}
            for item in near
        ],
        "not_checked": list(found.not_checked),
    }
    return Prompt(instructions=words(stage_of(found)).text, evidence=redacted_json(records))


def merged(found: Diagnosis, opinion: Opinion, evidence: Mapping[str, Evidence]) -> Diagnosis:
    """Only what survives the checks; a confident finding of the rules is never overruled."""
    claims = claims_of(opinion.claims)
    kept, dropped = checked(claims, evidence)
    changes: dict[str, object] = {
        "claims": (*found.claims, *kept),
        "dropped_claims": found.dropped_claims + len(dropped) + len(opinion.claims) - len(claims),
        "source": "model",
        "prose": redact(opinion.prose)[:PROSE_LIMIT],
    }
    ranked = _ranked(found)
    if found.confidence in UNSURE and 0 <= opinion.hypothesis < len(ranked):
        chosen = ranked[opinion.hypothesis]
        if any(carries(claim, chosen) for claim in (*found.claims, *kept)):
            others = tuple(h for h in ranked if h is not chosen)
            changes |= {"cause": chosen, "alternatives": others, "confidence": "low"}
    return found.model_copy(update=changes)


def _ranked(found: Diagnosis) -> tuple[Hypothesis, ...]:
    return ((found.cause,) if found.cause else ()) + found.alternatives


def claims_of(all_said: Sequence[SaidClaim]) -> list[Claim]:
    """The first few of what a model says that can be looked up at all; whether it holds is checked next."""
    made = []
    for said in all_said[:MOST_CLAIMS]:
        if not any(quote.strip() for quote in said.quotes):
            # Nothing that could be looked up: a claim without proof is none.
            continue
        try:
            text = redact(said.text)[:500]
            made.append(Claim(text=text, evidence=tuple(said.evidence), quotes=tuple(said.quotes)))
        except ValidationError:
            # Not even the shape of a claim: counted by its absence.
            continue
    return made
