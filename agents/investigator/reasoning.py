"""From findings to one ranked list of causes, with a confidence that is computed and not felt.

What explains the alert comes first, always: a finding that explains no alert can be an alternative
and never the cause. Trouble that began long before the alert is marked as old and weighs half.
Objects outside the blast radius change no score, so noise elsewhere cannot change the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from agents.incident import Alert, Hypothesis, Severity
from agents.investigator.effects import STANDING
from agents.investigator.links import Key
from agents.investigator.reasoning_alerts import can_mean
from agents.investigator.reasoning_case import Candidate, Case
from agents.investigator.reasoning_causes import candidates
from agents.investigator.reasoning_health import recovered
from agents.investigator.reasoning_patience import waits
from agents.investigator.targets_labels import (
    ROUTE_ALERTS,
    called,
    names_something,
    namespace_label,
)
from tools.kubernetes.objects import ObjectRef

OLD_AFTER = timedelta(hours=1)
"""Alert rules wait up to about an hour (``for:``) before they fire; what is older set off no new alert."""
LATE_AFTER = timedelta(minutes=5)
"""What began this long after the alert did not set it off. Pods come and go, so of theirs it says nothing."""

NAMESPACE_ONLY = 0.3
"""How surely a cause explains an alert that names only the namespace it is in."""

_ALERTS, _SYMPTOMS, _EVIDENCE = 0.55, 0.25, 0.20
_FRESH = 0.05
"""What a change shortly before the alert counts beside the rest: enough to decide between equals."""
_RUNNER_UP = 0.1

Confidence = Literal["none", "low", "medium", "high"]


class Answer(StrEnum):
    """What reasoning came to."""

    CAUSE = "cause"
    NOTHING_TO_DO = "nothing to do"
    NOT_ESTABLISHED = "not established"


@dataclass(frozen=True, kw_only=True)
class Reasoned:
    """The answer, every hypothesis ranked (best first), and in a sentence why it is not a cause if it is not.

    ``gaps`` says which evidence the best hypothesis still lacks; ``look_again`` when what is nothing now may
    have become something.
    """

    answer: Answer
    hypotheses: tuple[Hypothesis, ...]
    confidence: Confidence
    because: str = ""
    gaps: tuple[str, ...] = ()
    look_again: datetime | None = None

    @property
    def cause(self) -> Hypothesis | None:
        """The established cause, or None."""
        return self.hypotheses[0] if self.answer is Answer.CAUSE else None


@dataclass(frozen=True, kw_only=True)
class _Weighed:
    """A candidate with its weight: how sure it is of each alert, what stays open, how old it is."""

    candidate: Candidate
    sure: tuple[float, ...]
    open: tuple[str, ...]
    covered: float
    old: bool
    late: bool
    fresh: bool

    @property
    def alert_share(self) -> float:
        return sum(self.sure) / len(self.sure) if self.sure else 0.0

    @property
    def score(self) -> float:
        evidence = 0.5 if self.candidate.missing else 1.0
        score = _ALERTS * self.alert_share + _SYMPTOMS * self.covered + _EVIDENCE * evidence
        # A cause that explains no alert stays below every cause that explains one, however loud it is.
        score *= 0.2 if not any(self.sure) else 1.0
        score = min(1.0, score + (_FRESH if self.fresh else 0.0))
        return round(score * (0.5 if self.old or self.late else 1.0), 4)

    @property
    def rank(self) -> tuple[bool, bool, bool, float, tuple[int, int], str, Key]:
        return (
            not any(self.sure),
            self.old or self.late,
            self.candidate.derived,
            -self.score,
            self.candidate.order,
            self.candidate.code,
            self.candidate.object.key,
        )

    @property
    def told(self) -> bool:
        """Whether it is worth a word: mere information is only where it explains something."""
        candidate = self.candidate
        grave = any(finding.severity is not Severity.INFO for finding in candidate.explains)
        return any(self.sure) or (grave and not candidate.effects <= STANDING)


def reason(case: Case) -> Reasoned:
    """The causes that fit, best first, and whether the best is established."""
    if not case.asking:
        names = ", ".join(sorted({alert.name for alert, _ in case.targets.by_alert})) or "No alert"
        return _silent(Answer.NOTHING_TO_DO, f"{names} is meant to fire all the time; nothing is wrong.")
    every = (_weigh(case, one) for one in candidates(case))
    weighed = sorted((one for one in every if one.told), key=lambda one: one.rank)
    ranked = tuple(_hypothesis(case, one) for one in weighed)
    if weighed and any(weighed[0].sure):
        if slow := waits(case, ranked[0]):
            return Reasoned(
                answer=Answer.NOTHING_TO_DO,
                hypotheses=ranked,
                confidence="none",
                because=slow.why,
                look_again=slow.until,
            )
        return Reasoned(
            answer=Answer.CAUSE,
            hypotheses=ranked,
            confidence=_confidence(case, weighed),
            gaps=weighed[0].candidate.missing,
        )
    answer, why = _without_cause(case)
    return Reasoned(answer=answer, hypotheses=ranked, confidence="none", because=why)


def _silent(answer: Answer, why: str) -> Reasoned:
    return Reasoned(answer=answer, hypotheses=(), confidence="none", because=why)


def _weigh(case: Case, candidate: Candidate) -> _Weighed:
    sure = tuple(_sure(case, candidate, about) for about in case.asking)
    explained = {finding.key for finding in candidate.explains}
    near = [finding.key for finding in case.symptoms]
    still = [key for key in near if key not in explained]
    silent = [alert_key(alert) for (alert, _), share in zip(case.asking, sure, strict=True) if not share]
    began, since, changed = case.began, candidate.since, candidate.changed_at
    return _Weighed(
        candidate=candidate,
        sure=sure,
        open=(*dict.fromkeys(still), *silent),
        covered=1 - len(still) / len(near) if near else 1.0,
        old=bool(began and since and began - since > OLD_AFTER),
        late=_is_late(candidate, began),
        fresh=bool(began and changed and timedelta() <= began - changed <= OLD_AFTER),
    )


def _is_late(candidate: Candidate, began: datetime | None) -> bool:
    times = [finding.since for finding in candidate.direct if finding.object.kind != "Pod"]
    first = min((at for at in times if at), default=None)
    return bool(began and first and len(times) == len(candidate.direct) and first - began > LATE_AFTER)


def _sure(case: Case, candidate: Candidate, about: tuple[Alert, tuple[ObjectRef, ...]]) -> float:
    """How surely this candidate explains this alert, 0 to 1."""
    alert, refs = about
    if not candidate.effects & can_mean(alert):
        return 0.0
    keys = {*(ref.key for ref in refs), called(alert.labels)}
    if ROUTE_ALERTS.search(alert.name):
        # It names a Service and speaks of the way to it.
        keys |= {route.key for ref in refs for route in case.links.fronts(ref)}
    if sure := max((candidate.reach.get(key, 0.0) for key in keys if key), default=0.0):
        return sure
    # Without a name the namespace is all there is; a name that was not found is no reason to look wide.
    place = namespace_label(alert.labels)
    if refs or not place or names_something(alert.labels):
        return 0.0
    itself = candidate.reach.get(("Namespace", "", place), 0.0)
    return max(itself, NAMESPACE_ONLY if place == candidate.object.namespace else 0.0)


def _hypothesis(case: Case, weighed: _Weighed) -> Hypothesis:
    candidate = weighed.candidate
    alerts = (alert_key(alert) for (alert, _), share in zip(case.asking, weighed.sure, strict=True) if share)
    return Hypothesis(
        code=candidate.code,
        object=candidate.object,
        sentence=candidate.sentence,
        explains=tuple(dict.fromkeys((*(finding.key for finding in candidate.explains), *alerts))),
        unexplained=tuple(dict.fromkeys(weighed.open)),
        score=weighed.score,
        facts={
            **candidate.facts,
            "old": weighed.old,
            "direct": [finding.key for finding in candidate.direct],
        },
    )


def alert_key(alert: Alert) -> str:
    """How an alert is named among explained and open symptoms."""
    return f"alert {alert.name} {alert.fingerprint}"


def _confidence(case: Case, weighed: list[_Weighed]) -> Confidence:
    best = weighed[0]
    if best.old or best.late or best.alert_share < 0.5:
        return "low"
    whole = best.alert_share >= 0.6 and not best.open and not best.candidate.missing
    rivals = [one for one in weighed[1:] if any(one.sure) and not (one.old or one.candidate.derived)]
    contested = any(best.score - one.score < _RUNNER_UP for one in rivals)
    return "high" if whole and not contested and not case.snapshot.inventory.not_checked else "medium"


def _without_cause(case: Case) -> tuple[Answer, str]:
    if why := recovered(case):
        return Answer.NOTHING_TO_DO, why
    if case.targets.missing and not case.targets.refs:
        return Answer.NOT_ESTABLISHED, " ".join(case.targets.missing[:3])
    if not case.targets.refs:
        return Answer.NOT_ESTABLISHED, "The alert names no object that could be looked at."
    if case.snapshot.inventory.not_checked:
        return (
            Answer.NOT_ESTABLISHED,
            "Nothing that was seen explains the alert, and not everything could be seen.",
        )
    return Answer.NOT_ESTABLISHED, "Nothing that was seen in the cluster explains the alert."
