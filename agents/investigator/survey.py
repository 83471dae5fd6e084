"""What is wrong in a namespace or a cluster, without an alert: findings, and the causes that explain them.

The same analyzers and the same joining as in an incident; what an incident weighs by its alerts is weighed
here by how many findings a cause explains. Nothing is written and nothing is proposed.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.examined import Extras, examined
from agents.investigator.reasoning_case import Candidate, Case
from agents.investigator.reasoning_causes import candidates
from agents.investigator.targets import Targets
from tools.kubernetes.objects import ObjectRef

Confidence = Literal["low", "medium", "high"]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One cause: what it is, the findings that follow from it, and those in its reach that do not."""

    code: str
    object: ObjectRef
    sentence: str
    explains: tuple[str, ...]
    unexplained: tuple[str, ...]
    confidence: Confidence


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Everything that was found; ``not_checked`` says what could not be looked at."""

    findings: tuple[Finding, ...]
    causes: tuple[Explained, ...]
    not_checked: tuple[str, ...]
    silenced: tuple[Finding, ...]
    codes: Mapping[str, Coded]


def survey(snapshot: Snapshot, kinds: frozenset[str] = frozenset(), extras: Extras | None = None) -> Survey:
    """All findings and causes of one look; with ``kinds`` (lower case) only those about these kinds.

    Causes that explain most come first. ``codes`` explains those of the findings.
    """
    more = extras or Extras()
    with _uncollected():
        seen = examined(snapshot, more)
        snapshot, found = seen.snapshot, seen.findings
        case = Case(snapshot=snapshot, targets=Targets(by_alert=(), radius=frozenset()), findings=found)
        causes = sorted((_explained(case, one) for one in candidates(case) if _is_told(one)), key=_rank)
    return Survey(
        findings=tuple(one for one in found if not kinds or one.object.kind.lower() in kinds),
        causes=tuple(one for one in causes if not kinds or kinds & _kinds(one)),
        not_checked=(
            *snapshot.inventory.not_checked,
            *snapshot.inventory.left_out,
            *snapshot.not_checked,
        ),
        silenced=seen.silenced,
        codes=more.codes,
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: an inventory is millions of values and holds none.

    Each of its rounds would walk through all of them, for half a second of a large cluster, and find nothing.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            # What was made meanwhile counts as old from here on; as young it would all be walked at once.
            gc.freeze()
            gc.enable()
            gc.unfreeze()


def _is_told(candidate: Candidate) -> bool:
    """Without an alert only what harms somebody counts, and what may follow from another cause does not."""
    grave = any(finding.severity is not Severity.INFO for finding in candidate.explains)
    return grave and not candidate.derived


def _explained(case: Case, candidate: Candidate) -> Explained:
    explains = dict.fromkeys(finding.key for finding in candidate.explains)
    # By object: a large cluster has thousands of findings and hundreds of causes.
    near = [one for key in candidate.reach for one in case.by_object.get(key, ())]
    grave = sorted((one for one in near if one.severity is not Severity.INFO), key=case.place)
    open_ = tuple(one.key for one in grave if one.key not in explains)
    return Explained(
        code=candidate.code,
        object=candidate.object,
        sentence=candidate.sentence,
        explains=tuple(explains),
        unexplained=open_,
        confidence=_confidence(case, candidate, open_),
    )


def _confidence(case: Case, candidate: Candidate, open_: tuple[str, ...]) -> Confidence:
    if candidate.missing:
        return "low"
    return "high" if not open_ and not case.snapshot.inventory.not_checked else "medium"


def _rank(one: Explained) -> tuple[int, str, tuple[str, str, str]]:
    return -len(one.explains), one.code, one.object.key


def _kinds(one: Explained) -> set[str]:
    # A finding's key is its code and its object: `code@Kind namespace/name`.
    about = (key.partition("@")[2].partition(" ")[0].lower() for key in one.explains)
    return {one.object.kind.lower(), *about}
