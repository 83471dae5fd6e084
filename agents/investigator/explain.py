"""The diagnosis in plain English, each sentence carried by quoted evidence.

Written for an engineer on call at three in the morning: one sentence on what is wrong, then how it is
known, then what stays open. Every claim passes ``citations.checked`` before it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.incident import PROSE_LIMIT, Claim, Diagnosis, Evidence, Finding, Hypothesis
from agents.investigator.analyzers.codes import IMAGE_CODES, Code
from agents.investigator.changes import changed
from agents.investigator.citations import checked
from agents.investigator.effects import Effect
from agents.investigator.reasoning import Answer, Reasoned
from agents.investigator.reasoning_case import Case
from agents.investigator.rules import effect_of
from agents.investigator.withheld import withheld
from tools.kubernetes.objects import JsonObject

MOST_CLAIMS = 12
MOST_PER_CODE = 3
MOST_ALTERNATIVES = 4
MOST_FINDINGS = 60

# The values of a finding that its claim quotes: what a reader would look for in the evidence.
_QUOTED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(IMAGE_CODES, ("image", "reason", "message", "pull_secret")),
    Code.CRASH_LOOP: ("exit_code", "last_reason", "restarts", "hint_line"),
    Code.OOM_KILLED: ("reason", "limit", "restarts"),
    Code.PROGRESS_DEADLINE: ("reason",),
    Code.SCALED_TO_ZERO: ("replicas",),
    Code.REPLICAS_SHORT: ("replicas",),
}


def diagnosis(case: Case, reasoned: Reasoned, evidence: Mapping[str, Evidence]) -> Diagnosis:
    """The diagnosis that the rules came to. A cause that loses all its claims is not established."""
    kept, dropped = checked((*claims(case, reasoned), *_signals(case)), evidence)
    changes, lost = checked(changed(case.snapshot, case.targets), evidence)
    cause = reasoned.cause
    # Claims about mere symptoms carry no cause: one of its direct signs must have held.
    proven = cause is not None and any(carries(claim, cause) for claim in kept)
    believed = cause if proven else None
    others = reasoned.hypotheses[1:] if proven else reasoned.hypotheses
    return Diagnosis(
        cause=believed,
        claims=kept,
        alternatives=others[:MOST_ALTERNATIVES],
        findings=_near_first(case)[:MOST_FINDINGS],
        confidence=reasoned.confidence if proven else "none",
        not_checked=(
            *case.snapshot.inventory.not_checked,
            *withheld(case),
            *case.snapshot.not_checked,
            *reasoned.gaps,
            *case.targets.missing,
        ),
        changed=changes,
        dropped_claims=len(dropped) + len(lost),
        prose=prose(reasoned, believed),
    )


def carries(claim: Claim, cause: Hypothesis) -> bool:
    """Whether the claim is about one of the objects that show the cause directly."""
    shown = {key.partition("@")[2] for key in cause.facts.get("direct", ())}
    return bool(shown & set(claim.objects))


def claims(case: Case, reasoned: Reasoned) -> tuple[Claim, ...]:
    """What can be said of the established cause, the direct signs first, a few of each kind."""
    cause = reasoned.cause
    if cause is None:
        return tuple(_overheard(case)) if reasoned.answer is Answer.NOT_ESTABLISHED else ()
    direct = set(cause.facts.get("direct", ()))
    explained = [finding for finding in case.findings if finding.key in cause.explains]
    ordered = sorted(explained, key=lambda finding: finding.key not in direct)
    spoken: dict[str, int] = {}
    found = []
    for finding in ordered:
        spoken[finding.code] = spoken.get(finding.code, 0) + 1
        # Twenty pods that say the same are not twenty proofs.
        if spoken[finding.code] <= MOST_PER_CODE and finding.evidence:
            found.append(_claim(finding))
    return tuple(found[:MOST_CLAIMS])


def _overheard(case: Case) -> Iterator[Claim]:
    """What the logs near the alert complain of, where nothing that was seen explains it: a place to look."""
    near = (one for one in case.findings if effect_of(one) is Effect.HEARD and case.targets.holds(one.object))
    often = sorted(near, key=lambda one: -int(one.fields.get("count") or 0))
    yield from (_claim(one) for one in often[:MOST_PER_CODE] if one.evidence)


def _signals(case: Case) -> Iterator[Claim]:
    """What the metrics say of the alerts themselves: the stored lines, told without their labels."""
    told: set[str] = set()
    for signal in case.snapshot.signals:
        lines = signal.lines[:MOST_PER_CODE]
        said = ", and ".join(line.rpartition("} ")[2] for line in lines)
        text = f"{signal.alert}: its own expression {said}."
        # Alerts of one rule share its expression: without their labels they all say the same.
        if text not in told:
            told.add(text)
            yield Claim(text=text, evidence=(signal.evidence,), quotes=lines)


def _claim(finding: Finding) -> Claim:
    return Claim(
        text=f"{finding.object}: {finding.message}",
        evidence=finding.evidence,
        quotes=tuple(_quotes(finding)),
        objects=(str(finding.object), *_named(finding.fields)),
    )


def _quotes(finding: Finding) -> Iterator[str]:
    for name in _QUOTED.get(finding.code, ()):
        value = finding.fields.get(name)
        if value not in (None, ""):
            yield str(value)
    if finding.code == Code.SELECTOR_MATCHES_NOTHING:
        for _, pair in sorted((finding.fields.get("differs") or {}).items()):
            yield from (value for value in (pair["service"], pair["workload"]) if value)


def _named(fields: JsonObject) -> tuple[str, ...]:
    owner = fields.get("workload_name")
    return (f"{fields['workload_kind']} {owner}",) if owner else ()


def _near_first(case: Case) -> tuple[Finding, ...]:
    """Findings near the alert first, mere information last: a list that is cut keeps what matters."""
    return tuple(
        sorted(
            case.findings,
            key=lambda finding: (not case.targets.holds(finding.object), finding.severity == "info"),
        )
    )


def prose(reasoned: Reasoned, cause: Hypothesis | None) -> str:
    """What is wrong, how sure that is and what it explains, within ``PROSE_LIMIT`` characters."""
    if cause is None:
        return _cut(_without(reasoned))
    parts = [cause.sentence, *_background(cause.facts)]
    if cause.facts.get("old"):
        parts.append("This began long before the alert, so it may not be what set it off.")
    left = len(cause.unexplained)
    if left:
        parts.append(f"It leaves {left} other sign{'s' if left > 1 else ''} near the alert unexplained.")
    return _cut(" ".join(parts))


def _without(reasoned: Reasoned) -> str:
    if reasoned.answer is Answer.NOTHING_TO_DO:
        return f"Nothing to do. {reasoned.because}"
    why = reasoned.because or "What was seen could not be proven from the stored evidence."
    return f"The cause is not established. {why}"


def _background(facts: JsonObject) -> Iterator[str]:
    pods = facts.get("pods") or []
    if pods:
        yield f"{len(pods)} pod{' shows' if len(pods) == 1 else 's show'} it."
    if "revision" in facts and "good_image" in facts:
        yield f"It came with revision {facts['revision']}; before it was {facts['good_image']}."
    elif "revision" in facts:
        yield f"All of them came with the last rollout (revision {facts['revision']})."
    if facts.get("good_image_serving"):
        yield "Pods with the earlier image still serve."
    if "hint_line" in facts:
        yield f"Its log says: {facts['hint_line']}"


def _cut(text: str) -> str:
    return text if len(text) <= PROSE_LIMIT else text[: PROSE_LIMIT - 1].rstrip() + "…"
