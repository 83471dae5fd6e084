"""From the established cause to at most one typed change, or the reason why there is none.

The smallest change that removes the cause, with absolute values that come from the cluster's own
history or from policy, never from telemetry. Every target must lie in the blast radius, and every
step is drafted, and may be refused, by the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from agents.incident import Hypothesis
from agents.investigator.deployed_by import gitops_owner
from agents.investigator.experience import Experience
from agents.investigator.proposals_values import (
    Value,
    images_seen,
    only_image_of,
    raised,
    repaired_selector,
    replicas_before,
)
from agents.investigator.reasoning_alerts import Cause
from agents.investigator.reasoning_case import Case
from agents.investigator.reasoning_rollouts import revisions
from tools.kubernetes.actions.catalogue import verb
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context, Refused
from tools.kubernetes.history import Revision
from tools.kubernetes.objects import JsonObject, ObjectRef
from tools.kubernetes.quantities import amount


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What policy allows a proposal: the verbs, and how far a resource limit may be raised."""

    limit_factor: float = 2.0
    allowed: frozenset[str] | None = None
    """Verbs that the runbook allows; None when no runbook narrows them."""
    experience: Experience = field(default_factory=Experience)
    """What earlier incidents say of a change; it chooses among those that may be proposed."""


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """One drafted change and, in a sentence, why this one."""

    step: Step
    why: str


@dataclass(frozen=True, kw_only=True)
class NoPlan:
    """Why nothing is proposed, and what a person may do instead if that is known."""

    reason: str
    advice: str = ""
    patch: str = ""
    """The change as YAML to commit, where the object is deployed from somewhere else."""

    def __str__(self) -> str:
        """Reason and advice as one text."""
        return f"{self.reason} {self.advice}".strip()


Proposal = Proposed | NoPlan


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """A verb with its parameters, before the catalogue has had its say."""

    verb: str
    params: JsonObject
    why: str
    context: Context


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """All that a wish is made from."""

    case: Case
    cause: Hypothesis
    target: JsonObject
    limits: Limits

    @property
    def facts(self) -> JsonObject:
        return self.cause.facts

    @property
    def history(self) -> tuple[Revision, ...]:
        return revisions(self.cause.object, self.case.relations)


def propose(case: Case, cause: Hypothesis | None, limits: Limits) -> Proposal:
    """At most one change for this cause."""
    if cause is None:
        return NoPlan(reason="The cause is not established, so nothing is proposed.")
    # Whoever can write labels could otherwise choose what is changed (threat T4).
    if not case.targets.holds(cause.object):
        return NoPlan(reason=f"{cause.object} is outside what the alert is about, so nothing is proposed.")
    target = case.find(cause.object)
    if not target:
        return NoPlan(reason=f"{cause.object} was not found in the cluster.")
    desk = _Desk(case=case, cause=cause, target=target, limits=limits)
    wishes = tuple(_WISHES[Cause(cause.code)](desk))
    drafted = _first_drafted(desk, wishes)
    owner = gitops_owner(target)
    if wishes and owner and isinstance(drafted, NoPlan):
        return replace(drafted, reason=f"{reverted(owner, cause.object)} {drafted.reason}")
    return drafted


def reverted(owner: str, about: ObjectRef) -> str:
    """Why a change made in the cluster would not last."""
    return f"{owner} manages {about} and would revert a change made here."


def _first_drafted(desk: _Desk, wishes: Iterable[_Wish]) -> Proposal:
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
        advice=_ADVICE.get(Cause(desk.cause.code), ""),
    )


def _drafted(desk: _Desk, wish: _Wish) -> Proposed | str:
    """The wish as the catalogue drafts it, or why it does not."""
    if desk.limits.allowed is not None and wish.verb not in desk.limits.allowed:
        return f"The runbook does not allow {wish.verb}."
    known = verb(wish.verb)
    drafted = known.draft(desk.target, wish.params, wish.context) if known else None
    if isinstance(drafted, Step):
        return Proposed(step=drafted, why=wish.why)
    return f"{wish.verb} is not possible: {drafted.reason}." if isinstance(drafted, Refused) else ""


def _bad_image(desk: _Desk) -> Iterator[_Wish]:
    good = desk.facts.get("good_image")
    if not good:
        return
    single = _set_image(desk, good, _image_why(desk))
    if only_image_of(desk.facts.get("changed") or ()) in (desk.facts["container"], ""):
        yield single
        return
    # More than the image changed, so the earlier template is the state that is known to work.
    yield from _roll_back(desk, "the last rollout changed more than the image, so all of it goes back")
    yield _Wish(
        verb="set_image",
        params=single.params,
        why=f"{single.why}; the rest of the last rollout stays as it is",
        context=single.context,
    )


def _image_why(desk: _Desk) -> str:
    serving = "pods with it serve right now" if desk.facts.get("good_image_serving") else "it ran before"
    return (
        f"{desk.facts['good_image']} is the last image of {desk.facts['container']} that differs; {serving}"
    )


def _set_image(desk: _Desk, image: str, why: str) -> _Wish:
    return _Wish(
        verb="set_image",
        params={"container": desk.facts["container"], "image": image},
        why=why,
        context=Context(images=images_seen(desk.history)),
    )


def _roll_back(desk: _Desk, why: str) -> Iterator[_Wish]:
    number = desk.facts.get("previous_revision")
    earlier = next((one for one in desk.history if one.number == number), None)
    if earlier is not None:
        params = {"template": earlier.template, "revision": earlier.number}
        yield _Wish(verb="roll_back", params=params, why=f"{why} (revision {number})", context=Context())


def _memory(desk: _Desk) -> Iterator[_Wish]:
    limit, lowered = desk.facts.get("limit"), desk.facts.get("lowered_from")
    if not limit:
        return
    value = lowered or raised(limit, desk.limits.limit_factor)
    if not value:
        return
    factor = desk.limits.limit_factor
    if lowered:
        why = f"the last rollout lowered this limit from {lowered} to {limit}; this puts it back"
        # The workload ran with this value: how far back it is, only a rule of the policy may mind.
        factor = max(factor, amount(lowered) / amount(limit))
    else:
        why = (
            f"it was killed at {limit}; {value} is the most that policy allows in one step ({factor:g} times)"
        )
    params = {"container": desk.facts["container"], "field": "limits/memory", "value": value}
    yield _Wish(verb="set_resources", params=params, why=why, context=Context(limit_factor=factor))
    yield from _roll_back(desk, "all of the killed pods came with the last rollout")


def _crash(desk: _Desk) -> Iterator[_Wish]:
    container = desk.facts["container"]
    why = "it crashes since the last rollout and ran before it"
    if only_image_of(desk.facts.get("changed") or ()) == container:
        earlier = next((one for one in desk.history if one.number == desk.facts["previous_revision"]), None)
        if earlier is not None and (image := earlier.images.get(container)):
            yield _set_image(desk, image, f"{why}; only the image changed")
            return
    yield from _roll_back(desk, why)


def _selector(desk: _Desk) -> Iterator[_Wish]:
    labels = desk.facts.get("workload_labels")
    if not labels:
        return
    workload = f"{desk.facts['workload_kind']} {desk.facts['workload_name']}"
    selector = repaired_selector(desk.case, desk.target, desk.facts)
    if selector:
        params = {"selector": selector, "labels": labels}
        why = f"the pods of {workload} carry these labels and the Service is meant for them"
        yield _Wish(verb="fix_selector", params=params, why=why, context=Context())


def _zero(desk: _Desk) -> Iterator[_Wish]:
    before: Value = replicas_before(desk.case, desk.cause.object, desk.history)
    # At zero replicas an autoscaler is switched off, so it does not undo this; from one on it takes over.
    yield _Wish(verb="scale", params={"replicas": before.number}, why=before.source, context=Context())


def _none(_: _Desk) -> Iterator[_Wish]:
    yield from ()


_WISHES: dict[Cause, Callable[[_Desk], Iterator[_Wish]]] = {
    Cause.BAD_IMAGE: _bad_image,
    Cause.IMAGE_NOT_FOUND: _bad_image,
    Cause.IMAGE_NOT_PULLED: _none,
    Cause.IMAGE_UNAUTHORIZED: _none,
    Cause.PULL_SECRET_MISSING: _none,
    Cause.REGISTRY_UNREACHABLE: _none,
    Cause.REGISTRY_RATE_LIMITED: _none,
    Cause.MEMORY_LOWERED: _memory,
    Cause.MEMORY_LIMIT: _memory,
    Cause.CRASHING_ROLLOUT: _crash,
    Cause.CRASHING: _none,
    Cause.SELECTOR_MISMATCH: _selector,
    Cause.SCALED_TO_ZERO: _zero,
}
_ADVICE: dict[Cause, str] = {
    Cause.BAD_IMAGE: "Push the image, or deploy one that exists.",
    Cause.IMAGE_NOT_FOUND: "Push the image, or deploy one that exists.",
    Cause.IMAGE_NOT_PULLED: "Read the pull error in the evidence; deploy an image that can be pulled.",
    Cause.IMAGE_UNAUTHORIZED: "Check the credentials in the pull secret, or that the pod names one.",
    Cause.PULL_SECRET_MISSING: "Create the pull secret again from where your secrets are kept.",
    Cause.REGISTRY_UNREACHABLE: "Check the registry and the nodes' way to it; leave pods that run alone.",
    Cause.REGISTRY_RATE_LIMITED: "Wait for the limit to reset, pull with an account, or use a mirror.",
    Cause.MEMORY_LOWERED: "Set the memory limit back where this workload is defined.",
    Cause.MEMORY_LIMIT: "Find out what the memory is used for; raise the limit or lower the use.",
    Cause.CRASHING_ROLLOUT: "Roll back where this workload is deployed from.",
    Cause.CRASHING: "Nothing was rolled out that explains it: read the last log lines in the evidence.",
    Cause.SELECTOR_MISMATCH: "Find the workload this Service is meant for and correct its selector.",
    Cause.SCALED_TO_ZERO: "Ask who scaled it down before it is scaled up.",
}
