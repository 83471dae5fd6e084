"""A rollout whose new pods are only not ready yet: nobody undoes it while nothing is lost by waiting.

Nothing is lost while the revision before serves, no container of the new pods has ended, and the process
behind the probe merely does not answer: one that answers and says no is up, and will not come up better.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.incident import Hypothesis
from agents.investigator.analyzers.fields import condition, container_statuses, dig, moment
from agents.investigator.analyzers.probes import SLOW_START, ProbeCode
from agents.investigator.reasoning_alerts import shows_state
from agents.investigator.reasoning_case import Case
from agents.investigator.reasoning_rollouts import revisions
from tools.kubernetes.objects import ObjectRef

LONGEST = timedelta(minutes=15)
"""However long its own deadline is, after this time somebody should look at a rollout that hangs."""
_DEADLINE_S = 600
"""``progressDeadlineSeconds`` where none is set (apps/v1)."""
_SILENT = ("refused", "timeout")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Why it is too early to call a rollout bad, and when it is not any more."""

    why: str
    until: datetime
    under_way: bool
    """Whether Kubernetes itself still counts it as making progress."""


def patience(case: Case, cause: Hypothesis) -> Patience | None:
    """Why this cause may be nothing but a slow start; None when it is something else or lasts too long."""
    started = moment(cause.facts.get("rolled_out_at"))
    if started is None or not _only_not_ready(case, cause) or not _still_served(case, cause.object):
        return None
    workload = case.find(cause.object)
    under_way = condition(workload, "Progressing").get("status") == "True"
    own = timedelta(seconds=dig(workload, "spec", "progressDeadlineSeconds") or _DEADLINE_S)
    until = started + (max(SLOW_START, min(own, LONGEST)) if under_way else SLOW_START)
    if case.snapshot.taken_at >= until:
        return None
    age = _age(case.snapshot.taken_at - started)
    why = (
        f"The last rollout of {cause.object} is {age} old: its new pods have not failed, they are only "
        "not ready yet, and the pods before them still serve."
    )
    return Patience(why=why, until=until, under_way=under_way)


def waits(case: Case, cause: Hypothesis) -> Patience | None:
    """The same where it answers the alerts as well: a rollout that is still under way is no trouble at all.

    Only for alerts about an object's own state: requests that fail do so whatever a rollout waits for.
    """
    found = patience(case, cause)
    only_state = all(refs and shows_state(alert) for alert, refs in case.asking)
    return found if found and found.under_way and only_state else None


def _only_not_ready(case: Case, cause: Hypothesis) -> bool:
    facts = cause.facts
    changed = facts.get("changed") or ()
    # A probe that came with the rollout is a suspect itself, and waiting does not mend it.
    if not changed or any("Probe/" in path for path in changed):
        return False
    if cause.code not in (ProbeCode.FAILS, ProbeCode.TOO_SLOW) or facts.get("answer") not in _SILENT:
        return False
    names = facts.get("pods") or ()
    pods = [ObjectRef(kind="Pod", namespace=cause.object.namespace, name=name) for name in names]
    return not any(
        status.get("restartCount") or dig(status, "lastState", "terminated")
        for pod in pods
        for _, status in container_statuses(case.find(pod))
    )


def _still_served(case: Case, workload: ObjectRef) -> bool:
    return any(one.ready for one in revisions(workload, case.relations)[1:])


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
