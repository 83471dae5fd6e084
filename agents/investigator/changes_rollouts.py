"""Rollouts before the trouble began, each with what differs from the revision before it.

Only the newest rollout before the start can have brought it; older ones ran well until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agents.investigator.analyzers.fields import items, moment
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.change import Change, ChangeKind, Window, owner_of
from agents.investigator.changes_words import listed, template_changes
from tools.kubernetes.history import KEPT_BY, Revision, history
from tools.kubernetes.objects import JsonObject, ref_of

_TEMPLATE = "spec.template"


def rollout_changes(snapshot: Snapshot, window: Window) -> Iterator[Change]:
    """The rollouts of workloads in this time; roll-backs and restarts are rollouts too."""
    for workload in (one for kind in KEPT_BY for one in snapshot.objects(kind)):
        past = history(workload, snapshot.owned(workload, KEPT_BY[workload["kind"]]))
        for number, revision in enumerate(past):
            before = past[number + 1] if number + 1 < len(past) else None
            at = rolled_out_at(workload, past, number)
            if at is not None and window.holds(at):
                yield _change(workload, revision, before, at)


def _change(workload: JsonObject, revision: Revision, before: Revision | None, at: datetime) -> Change:
    return Change(
        at=at,
        kind=ChangeKind.ROLLOUT,
        object=ref_of(workload),
        what=f"revision {revision.number} was rolled out ({_told(revision, before)})",
        who=_who(workload, at),
        owner=owner_of(workload),
    )


def _told(revision: Revision, before: Revision | None) -> str:
    if before is None:
        return "no earlier revision is kept"
    differs = template_changes(before.template, revision.template)
    return "; ".join(listed(differs)) if differs else "a restart: the template is the same"


def rolled_out_at(workload: JsonObject, past: tuple[Revision, ...], number: int) -> datetime | None:
    """When a revision was rolled out: the birth of what keeps it, or for an old one that was taken up again
    the last write of the template.
    """
    born = moment(past[number].created_at)
    taken_up_again = number == 0 and any(one.created_at > past[0].created_at for one in past[1:])
    if not taken_up_again:
        return born
    return max((at for at, _ in _template_writes(workload)), default=born)


def _who(workload: JsonObject, at: datetime) -> str:
    """Who wrote the template last at that time: the write comes just before its revision."""
    writes = [(when, manager) for when, manager in _template_writes(workload) if when <= at]
    return max(writes, default=(at, ""))[1]


def _template_writes(workload: JsonObject) -> Iterator[tuple[datetime, str]]:
    for entry in items(workload, "metadata", "managedFields"):
        at = moment(entry.get("time"))
        if at is not None and _TEMPLATE in (entry.get("fields") or ()):
            yield at, entry.get("manager") or ""
