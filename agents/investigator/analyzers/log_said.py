"""Well-known messages and stack traces in logs, with the other party that they name.

Always information: what a log says is joined with what the cluster shows, and is no proof alone.

One finding for each kind of message and container, with its latest line: a thousand equal lines are one fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.crash import last_end, loops
from agents.investigator.analyzers.fields import (
    container_statuses,
    is_ready,
    moment,
    name_of,
    namespace_of,
    quotable,
)
from agents.investigator.analyzers.log_heard import Heard, heard
from agents.investigator.analyzers.log_parties import Directory
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import LogTail, Snapshot
from tools.kubernetes.objects import JsonObject

MOST_A_CONTAINER = 6
"""Conditions told of one container: a log that complains of everything tells nothing."""

RECENT_END = timedelta(hours=1)
"""A run that ended longer ago says nothing of what is wrong now, unless the container is still not well."""


def said_in_logs(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for what the logs complain of, those of the run that died included."""
    directory = Directory(snapshot)
    for namespace, name, container in snapshot.logs:
        pod = snapshot.find("Pod", namespace, name)
        if pod is None:
            continue
        tail = snapshot.log((namespace, name, container))
        now = heard(tail.lines(), namespace, directory)
        before: tuple[Heard, ...] = ()
        if tail.previous and _counts(snapshot, pod, container):
            known = {one.key for one in now}
            told = heard(tail.lines(previous=True), namespace, directory)
            before = tuple(one for one in told if one.key not in known)
        every = [(one, False) for one in now] + [(one, True) for one in before]
        for one, previous in sorted(every, key=lambda pair: -pair[0].count)[:MOST_A_CONTAINER]:
            yield _finding(snapshot, (pod, container, tail), one, previous=previous)


def _counts(snapshot: Snapshot, pod: JsonObject, container: str) -> bool:
    """Whether the run before has to do with now."""
    status = next((one for _, one in container_statuses(pod) if one.get("name") == container), {})
    ended = moment(last_end(status).get("finishedAt"))
    recent = ended is not None and snapshot.taken_at - ended <= RECENT_END
    return recent or loops(status, snapshot.taken_at) or not is_ready(pod)


def _finding(
    snapshot: Snapshot, seen: tuple[JsonObject, str, LogTail], one: Heard, *, previous: bool
) -> Finding:
    pod, container, tail = seen
    party = one.party
    said = Said(
        code=one.code,
        severity=Severity.INFO,
        message=quotable(_sentence(one, container, name_of(pod)), limit=400),
        fields={
            "container": container,
            "to": party.to if party else None,
            "address": party.address if party else None,
            "port": party.port if party else None,
            "to_is_missing": (party.absent or None) if party else None,
            "to_itself": (party.itself or None) if party else None,
            **one.fields,
            "count": one.count,
            "first_at": _told(one.first),
            "last_at": _told(one.last),
            "line": one.line,
            "of_previous_run": previous or None,
        },
        since=one.first,
    ).of(snapshot, pod)
    ref = party.ref if party else None
    read = snapshot.cites(ref.namespace, ref.kind) if ref else ()
    evidence = dict.fromkeys((*snapshot.cites(namespace_of(pod), "Pod"), *tail.evidence, *read))
    return said.model_copy(update={"evidence": tuple(evidence)})


def _told(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _sentence(one: Heard, container: str, pod: str) -> str:
    often = f" ({one.count} times)" if one.count > 1 else ""
    whom = f": {one.party.words}" if one.party else ""
    named = "".join(
        f", {value}" for key, value in one.fields.items() if key not in {"runtime", "type", "frame"}
    )
    return (
        f"The log of container {container} of pod {pod} says{often} that {one.means}{whom}{named}: {one.line}"
    )
