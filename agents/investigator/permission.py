"""From a drafted change to one that may be proposed: what it touches, and what the policy says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from agents.incident import Incident
from agents.investigator.deployed_by import patch_to_commit
from agents.investigator.experience import Experience
from agents.investigator.proposals import Proposal, reverted
from agents.investigator.reasoning_case import Case
from agents.investigator.targets_touched import NotStated, radius_of
from agents.investigator.wanted import NoPlan, Permitted
from agents.ledger.policy import about
from tools.kubernetes.actions.step import Step
from tools.policy.engine import Judgement, judge
from tools.policy.facts import Question, Radius, Terms
from tools.policy.load import PolicyError, PolicyFile


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who asks the policy: which file, for which incident, with how much time at most."""

    policies: PolicyFile
    incident: Incident
    terms: Terms

    def judged(self, step: Step, radius: Radius, *, undo: bool = False) -> Judgement:
        """What the policy says of a plan of this one step. Raises PolicyError."""
        question = Question(
            steps=(step,), radius=(radius,), incident=about(self.incident), undo=undo, terms=self.terms
        )
        return judge(self.policies.read(), question)


def permitted_first(
    case: Case, asking: Asking, known: Experience, draw: Callable[[Experience, float | None], Proposal]
) -> Permitted | NoPlan:
    """The change that experience puts first; where the policy refuses that one, the rules' own first."""
    found = permitted(case, asking, partial(draw, known))
    if not isinstance(found, NoPlan) or not known.past:
        return found
    other = permitted(case, asking, partial(draw, known.impartial()))
    return found if isinstance(other, NoPlan) else other


def permitted(case: Case, asking: Asking, draw: Callable[[float | None], Proposal]) -> Permitted | NoPlan:
    """The change as far as the policy allows it; for an object that Git keeps, as advice and no plan.

    ``draw`` drafts it, within a factor for requests and limits if one is handed in: where the policy
    allows less than the first draft takes, a second one takes what is allowed.
    """
    found = _permitted(case, asking, draw(None))
    if isinstance(found, Permitted) and not found.judged.allowed and found.judged.limit_factor is not None:
        found = _permitted(case, asking, draw(found.judged.limit_factor))
    if isinstance(found, Permitted) and not found.judged.allowed:
        return NoPlan(reason=f"The policy: {found.judged.objection}.")
    return _in_git(found, case) if isinstance(found, Permitted) and found.radius.gitops else found


def _in_git(found: Permitted, case: Case) -> NoPlan:
    """The change for the place it has to be made in: made here it would be taken back (T35)."""
    target = found.step.target
    return NoPlan(
        reason=reverted(found.radius.gitops, target),
        advice=f"Make the same change there: {found.why}. The patch to commit is in the thread.",
        patch=patch_to_commit(found.step, case.find(target)),
    )


def _permitted(case: Case, asking: Asking, wanted: Proposal) -> Permitted | NoPlan:
    if isinstance(wanted, NoPlan):
        return wanted
    try:
        radius = radius_of(wanted.step, case)
        judged = asking.judged(wanted.step, radius)
    except NotStated as problem:
        return NoPlan(reason=f"{problem}.")
    except PolicyError as problem:
        # Nothing is allowed by a policy that nobody can read.
        return NoPlan(reason=f"The policy cannot be used: {str(problem).splitlines()[0]}.")
    return Permitted(step=wanted.step, why=wanted.why, radius=radius, judged=judged)
