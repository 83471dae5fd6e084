"""Error lines in the logs of containers that otherwise say nothing is wrong, and which of them are new.

A line is text from a stranger: it is quoted and counted, and never more than information. What a crashing
container said last is told with its crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.incident import Finding, Severity
from agents.investigator.analyzers.crash import loops
from agents.investigator.analyzers.fields import container_statuses, dig, name_of, namespace_of, quotable
from agents.investigator.analyzers.log_codes import LogCode
from agents.investigator.analyzers.log_templates import Template, templates
from agents.investigator.analyzers.messages import recognise
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import LogTail, Snapshot
from tools.kubernetes.log_lines import LogLine
from tools.kubernetes.objects import JsonObject

SHOWN = 3
"""Different lines shown of one container, the newest: more is noise in a card."""

BEFORE_THE_ALERT = timedelta(minutes=15)
"""How long an alert may have waited before it fired: the trouble's first lines are older than the alert."""

COVERED = timedelta(minutes=1)
"""A log must reach back at least so far before a line for the line to be called new."""

RISE, FEWEST = 3.0, 5
"""How many times as often, and at least how many lines, make a rise."""

_BENIGN = re.compile(
    r"\b(no|0|without( any)?) (errors?|failures?|exceptions?)\b|"
    r"\b(errors?|failed|failures?)[=: ]+(0|nil|null)\b|"
    r"level[\"=: ]+(info|debug|trace)\b|\[(info|debug)\]",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class _Errors:
    """The error lines of one run of a container, by template; ``every`` are all its lines."""

    snapshot: Snapshot
    pod: JsonObject
    container: str
    tail: LogTail
    every: Sequence[LogLine]
    lines: tuple[LogLine, ...]
    kinds: tuple[Template, ...]
    previous: bool


def logs(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for containers whose log speaks of errors; one that crashes in a loop is told elsewhere."""
    for namespace, name, container in snapshot.logs:
        pod = snapshot.find("Pod", namespace, name)
        if pod is None or _crashes(snapshot, pod, container):
            continue
        errors = _errors(snapshot, pod, container)
        if errors is not None:
            yield _counted(errors)
            yield from _against_before(errors)


def _crashes(snapshot: Snapshot, pod: JsonObject, container: str) -> bool:
    return any(
        status.get("name") == container and loops(status, snapshot.taken_at)
        for _, status in container_statuses(pod)
    )


def _errors(snapshot: Snapshot, pod: JsonObject, container: str) -> _Errors | None:
    tail = snapshot.log((namespace_of(pod), name_of(pod), container))
    for previous in (False, True):
        every = tail.lines(previous=previous)
        lines = tuple(line for line in every if _speaks_of_an_error(snapshot, line))
        if lines:
            return _Errors(
                snapshot=snapshot,
                pod=pod,
                container=container,
                tail=tail,
                every=every,
                lines=lines,
                kinds=templates(lines),
                previous=previous,
            )
    return None


def _speaks_of_an_error(snapshot: Snapshot, line: LogLine) -> bool:
    text = quotable(line.text)
    return bool(snapshot.error_lines.search(text)) and not _BENIGN.search(text)


def _counted(errors: _Errors) -> Finding:
    # Lines that differ only in numbers and ids are one line that was said again; the newest is shown.
    shown = [kind.newest for kind in errors.kinds][-SHOWN:]
    known = recognise("\n".join(line.text for line in errors.lines))
    return _finding(
        errors,
        LogCode.ERROR_LINES,
        f"logged {len(errors.lines)} error lines"
        + (" before its last restart" if errors.previous else "")
        + f", the last: {quotable(shown[-1])}",
        count=len(errors.lines),
        different=len(errors.kinds),
        lines=shown,
        hint=known.hint.value if known else None,
        hint_line=known.line if known else None,
        of_previous_run=errors.previous or None,
        restarts=_restarts(errors.pod, errors.container),
    )


def _against_before(errors: _Errors) -> Iterator[Finding]:
    """What is new, and what is more, since the trouble began; silent where nobody says when that was."""
    times = [line.at for line in errors.every if line.at]
    began, taken_at = errors.snapshot.began, errors.snapshot.taken_at
    if began is None or errors.previous or not times:
        return
    fresh = _first_new(errors.kinds, began, times[0])
    if fresh is not None and fresh.first is not None:
        yield _finding(
            errors,
            LogCode.NEW_ERROR,
            f"logs since {fresh.first:%H:%M:%S} UTC what it did not before: {fresh.newest}",
            fresh.first,
            template=fresh.text,
            line=fresh.newest,
            count=fresh.count,
            first_at=fresh.first.isoformat(),
        )
    split = fresh.first if fresh is not None and fresh.first is not None else began
    before, after = _rates(errors, split, (times[0], max(times[-1], taken_at)))
    later = sum(1 for line in errors.lines if line.at and line.at >= split)
    if split - times[0] >= COVERED and later >= FEWEST and after >= RISE * before:
        yield _finding(
            errors,
            LogCode.ERRORS_ROSE,
            f"logs {after:.1f} error lines a minute since {split:%H:%M:%S} UTC, and {before:.1f} before",
            split,
            before_a_minute=round(before, 2),
            after_a_minute=round(after, 2),
            count=later,
        )


def _first_new(kinds: tuple[Template, ...], began: datetime, reaches: datetime) -> Template | None:
    new = [
        kind
        for kind in kinds
        if kind.first and kind.first >= began - BEFORE_THE_ALERT and kind.first - reaches >= COVERED
    ]
    return min(new, key=lambda kind: kind.first or began, default=None)


def _rates(errors: _Errors, split: datetime, whole: tuple[datetime, datetime]) -> tuple[float, float]:
    """Error lines a minute before and after."""
    earlier = sum(1 for line in errors.lines if line.at and line.at < split)
    later = sum(1 for line in errors.lines if line.at and line.at >= split)
    # A burst of seconds is no rate: less than a minute counts as one.
    spans = [
        max((end - start).total_seconds() / 60, 1.0) for start, end in ((whole[0], split), (split, whole[1]))
    ]
    return earlier / spans[0], later / spans[1]


def _finding(
    errors: _Errors, code: LogCode, does: str, since: datetime | None = None, /, **fields: object
) -> Finding:
    said = Said(
        code=code,
        severity=Severity.INFO,
        message=f"Container {errors.container} of pod {name_of(errors.pod)} {does}",
        fields={"container": errors.container, **fields},
        since=since,
    ).of(errors.snapshot, errors.pod)
    pods = errors.snapshot.cites(namespace_of(errors.pod), "Pod")
    return said.model_copy(update={"evidence": (*pods, *errors.tail.evidence)})


def _restarts(pod: JsonObject, container: str) -> int | None:
    return next(
        (
            dig(status, "restartCount")
            for _, status in container_statuses(pod)
            if status.get("name") == container
        ),
        None,
    )
