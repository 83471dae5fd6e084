"""What people ask for in the chat, done with the investigator's tools: a look at one namespace, or an
answer of the model from what is stored.

Nothing is proposed here and no stage of the graph is run: what comes back is words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.incident import Severity
from agents.investigator.answering import answered
from agents.investigator.looking import at_cluster
from agents.investigator.survey import Explained, Survey, survey
from agents.investigator.toolbox import Toolbox
from agents.ledger import errands
from agents.ledger.errands import Errand, Surveyed
from tools.kubernetes.errors import KubernetesError

MOST_CAUSES, MOST_FINDINGS, MOST_GAPS = 5, 8, 5
LONGEST = 300
_LOUDEST_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


async def run(box: Toolbox, number: int) -> None:
    """Do one wish, once. Raises LedgerError to be tried again."""
    wish = await asyncio.to_thread(_wish, box, number)
    if wish is None or wish.answer is not None or wish.is_late(box.ledger.now()):
        return
    said = await (_looked(box, wish) if wish.kind == "analyze" else asyncio.to_thread(answered, box, wish))
    await asyncio.to_thread(errands.answer, box.ledger, number, said.model_dump(mode="json"))


def _wish(box: Toolbox, number: int) -> Errand | None:
    with box.ledger.read() as session:
        return errands.errand(session, number)


async def _looked(box: Toolbox, wish: Errand) -> Surveyed:
    seconds = box.policy.allowance.seconds
    try:
        # A thread cannot be stopped: what it reads is bounded by itself, and its person hears in time.
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(_surveyed, box, wish.subject)
    except TimeoutError:
        return Surveyed(problem=f"it took longer than {seconds:g} s")
    except KubernetesError as problem:
        # Not tried again: whoever asked waits, and can ask again.
        return Surveyed(problem=str(problem))


def _surveyed(box: Toolbox, namespace: str) -> Surveyed:
    looked = at_cluster(box.cluster, namespace)
    if looked.blind:
        return Surveyed(problem=looked.blind)
    return told(survey(looked.snapshot, extras=box.extras))


def told(found: Survey) -> Surveyed:
    """The first of what was found, the gravest before the others; the rest is counted."""
    findings = sorted(found.findings, key=lambda one: _LOUDEST_FIRST.index(one.severity))
    causes = [_cause(one) for one in found.causes]
    words = [f"{one.severity.value}: {one.object}: {one.message}" for one in findings]
    return Surveyed(
        causes=_first(causes, MOST_CAUSES),
        more_causes=max(0, len(causes) - MOST_CAUSES),
        findings=_first(words, MOST_FINDINGS),
        more_findings=max(0, len(words) - MOST_FINDINGS),
        not_checked=_first(found.not_checked, MOST_GAPS),
        more_gaps=max(0, len(found.not_checked) - MOST_GAPS),
    )


def _cause(one: Explained) -> str:
    return f"{one.sentence} (confidence {one.confidence}, explains {len(one.explains)} of the findings)"


def _first(words: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(one[:LONGEST] for one in words[:most])
