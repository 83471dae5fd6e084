"""From the established cause to at most one typed change, or the reason why there is none.

The smallest change that removes the cause, with absolute values that come from the cluster's own
history or from policy, never from telemetry. Every target must lie in the blast radius, and every
step is drafted, and may be refused, by the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from agents.incident import Hypothesis
from agents.investigator.analyzers.network_calls import CallCode
from agents.investigator.analyzers.network_policy import PolicyCode
from agents.investigator.analyzers.node_codes import NodeCode
from agents.investigator.analyzers.quota import QuotaCode
from agents.investigator.analyzers.room import RoomCode
from agents.investigator.deployed_by import gitops_owner
from agents.investigator.proposals_advice import advice
from agents.investigator.proposals_around import opened, opening, room, unanswered
from agents.investigator.proposals_desk import Desk, Limits, Wish
from agents.investigator.proposals_introduced import INTRODUCED, introduced, other_registry
from agents.investigator.proposals_references import reference
from agents.investigator.proposals_repairs import (
    bad_image,
    crash,
    memory,
    selector,
    taken_away,
    zero,
)
from agents.investigator.proposals_room import ROOM, halt, stands_aside
from agents.investigator.proposals_settings import (
    bounds,
    no_plan,
    place,
    port,
    probe,
    restart,
    resume,
    resume_rollout,
    since_rollout,
)
from agents.investigator.reach import UNANSWERED, reaches
from agents.investigator.reasoning_alerts import Cause
from agents.investigator.reasoning_case import Case
from agents.investigator.reasoning_patience import patience
from agents.investigator.wanted import NoPlan
from tools.kubernetes.actions.catalogue import verb
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Refused
from tools.kubernetes.objects import ObjectRef

__all__ = ["Limits", "NoPlan", "Proposal", "Proposed", "propose", "reverted"]


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """One drafted change and, in a sentence, why this one."""

    step: Step
    why: str


Proposal = Proposed | NoPlan
_SLOW = "Read its log while it starts; undo the rollout only if it does not come up."


def propose(case: Case, cause: Hypothesis | None, limits: Limits) -> Proposal:
    """At most one change for this cause."""
    if cause is None:
        return NoPlan(reason="The cause is not established, so nothing is proposed.")
    # Whoever can write labels could otherwise choose what is changed (threat T4).
    if not reaches(case, cause):
        return NoPlan(reason=f"{cause.object} is outside what the alert is about, so nothing is proposed.")
    target = case.find(cause.object)
    if not target:
        return NoPlan(reason=f"{cause.object} was not found in the cluster.")
    if slow := patience(case, cause):
        return NoPlan(reason=slow.why, advice=_SLOW, look_again=slow.until)
    desk = Desk(case=case, cause=cause, target=target, limits=limits)
    wishes = (*taken_away(desk), *_WISHES.get(cause.code, since_rollout)(desk))
    drafted = _first_drafted(desk, wishes)
    owner = gitops_owner(target)
    if wishes and owner and isinstance(drafted, NoPlan):
        return replace(drafted, reason=f"{reverted(owner, cause.object)} {drafted.reason}")
    return drafted


def reverted(owner: str, about: ObjectRef) -> str:
    """Why a change made in the cluster would not last."""
    return f"{owner} manages {about} and would revert a change made here."


def _first_drafted(desk: Desk, wishes: Iterable[Wish]) -> Proposal:
    known = desk.limits.experience.on(desk.cause.object)
    refusals: list[str] = []
    fit: list[Proposed] = []
    for wish in wishes:
        drafted = _drafted(desk, wish)
        if isinstance(drafted, str):
            refusals.append(drafted)
        elif failed := known.against(drafted.step):
            refusals.append(failed)
        elif helped := known.favours(drafted.step):
            return replace(drafted, why=f"{drafted.why}; {helped}")
        else:
            fit.append(drafted)
    if fit:
        return fit[0]
    return NoPlan(
        reason=" ".join(filter(None, refusals)) or "No change in the catalogue removes this cause.",
        advice=advice(desk.cause.code),
    )


def _drafted(desk: Desk, wish: Wish) -> Proposed | str:
    """The wish as the catalogue drafts it, or why it does not."""
    if desk.limits.allowed is not None and wish.verb not in desk.limits.allowed:
        return f"The runbook does not allow {wish.verb}."
    known = verb(wish.verb)
    drafted = known.draft(wish.target or desk.target, wish.params, wish.context) if known else None
    if isinstance(drafted, Step):
        return Proposed(step=drafted, why=wish.why)
    return f"{wish.verb} is not possible: {drafted.reason}." if isinstance(drafted, Refused) else ""


_WISHES: dict[str, Callable[[Desk], Iterator[Wish]]] = {
    Cause.BAD_IMAGE: bad_image,
    Cause.IMAGE_NOT_FOUND: bad_image,
    Cause.IMAGE_NOT_PULLED: no_plan,
    Cause.IMAGE_UNAUTHORIZED: no_plan,
    Cause.PULL_SECRET_MISSING: no_plan,
    Cause.REGISTRY_UNREACHABLE: other_registry,
    Cause.REGISTRY_RATE_LIMITED: no_plan,
    Cause.MEMORY_LOWERED: memory,
    Cause.MEMORY_LIMIT: memory,
    Cause.CRASHING_ROLLOUT: crash,
    Cause.CRASHING: no_plan,
    Cause.SELECTOR_MISMATCH: selector,
    Cause.SCALED_TO_ZERO: zero,
    "config.configmap_missing": reference,
    "config.secret_missing": reference,
    "config.key_missing": reference,
    "config.changed_since_start": restart,
    "service.target_port.not_declared": port,
    "service.target_port.name_unknown": port,
    "pod.probe.fails": probe,
    "pod.probe.wrong_port": probe,
    "pod.probe.wrong_protocol": probe,
    "pod.probe.too_slow": probe,
    "pod.probe.kills": probe,
    "pod.probe.start_too_tight": probe,
    "pod.scheduling.unschedulable": place,
    "hpa.limited": bounds,
    "hpa.maxed_out": bounds,
    "deployment.paused": resume_rollout,
    "cronjob.suspended": resume,
    "job.suspended": resume,
    RoomCode.TAKEN: stands_aside,
    Cause.BAD_VERSION: halt,
    **ROOM,
    **dict.fromkeys(INTRODUCED, introduced),
    **dict.fromkeys(UNANSWERED, unanswered),
    NodeCode.CORDONED: opened,
    QuotaCode.USED_UP: room,
    CallCode.NOT_LET_IN: opening,
    CallCode.NOT_LET_OUT: opening,
    PolicyCode.NO_DNS: opening,
}
"""What is wished for by cause; for every other one, the last rollout undone if it brought the trouble."""
