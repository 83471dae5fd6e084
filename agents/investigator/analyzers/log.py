"""Error lines in the logs of containers that otherwise say nothing is wrong.

A line is text from a stranger: it is quoted and counted, and never more than information. What a crashing
container said last is told with its crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.crash import loops
from agents.investigator.analyzers.fields import container_statuses, dig, name_of, namespace_of, quotable
from agents.investigator.analyzers.messages import LAST_LINES, recognise
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import LogTail, Snapshot
from tools.kubernetes.objects import JsonObject

SHOWN = 3
"""Different lines shown of one container, the newest: more is noise in a card."""

_BENIGN = re.compile(
    r"\b(no|0|without( any)?) (errors?|failures?|exceptions?)\b|"
    r"\b(errors?|failed|failures?)[=: ]+(0|nil|null)\b|"
    r"level[\"=: ]+(info|debug|trace)\b|\[(info|debug)\]",
    re.IGNORECASE,
)
_VARIES = re.compile(r"[0-9a-f-]{8,}|\d+", re.IGNORECASE)


class LogCode(Coded):
    """What a log says by itself."""

    ERROR_LINES = (
        "log.error_lines",
        "The log of a container that does not crash holds lines that speak of errors.",
        "the last lines of the container's log, of this run or of the one before",
    )


def logs(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for containers whose log speaks of errors; one that crashes in a loop is told elsewhere."""
    for namespace, name, container in snapshot.logs:
        pod = snapshot.find("Pod", namespace, name)
        if pod is None or _crashes(snapshot, pod, container):
            continue
        tail = snapshot.log((namespace, name, container))
        lines, previous = _errors(snapshot, tail.current), False
        if not lines:
            lines, previous = _errors(snapshot, tail.previous), True
        if lines:
            yield _finding(snapshot, pod, container, (tail, lines, previous))


def _crashes(snapshot: Snapshot, pod: JsonObject, container: str) -> bool:
    return any(
        status.get("name") == container and loops(status, snapshot.taken_at)
        for _, status in container_statuses(pod)
    )


def _errors(snapshot: Snapshot, text: str) -> list[str]:
    """The lines that speak of errors, as they stand in the log, oldest first."""
    last = (quotable(line) for line in text.splitlines()[-LAST_LINES:])
    return [line for line in last if snapshot.error_lines.search(line) and not _BENIGN.search(line)]


def _finding(
    snapshot: Snapshot, pod: JsonObject, container: str, seen: tuple[LogTail, list[str], bool]
) -> Finding:
    tail, lines, previous = seen
    # Lines that differ only in numbers and ids are one line that was said again; the newest is shown.
    different = {_VARIES.sub("#", line): line for line in lines}
    shown = list(different.values())[-SHOWN:]
    known = recognise("\n".join(lines))
    said = Said(
        code=LogCode.ERROR_LINES,
        severity=Severity.INFO,
        message=f"Container {container} of pod {name_of(pod)} logged {len(lines)} error lines"
        + (" before its last restart" if previous else "")
        + f", the last: {quotable(shown[-1])}",
        fields={
            "container": container,
            "count": len(lines),
            "different": len(different),
            "lines": shown,
            "hint": known.hint.value if known else None,
            "hint_line": known.line if known else None,
            "of_previous_run": previous or None,
            "restarts": _restarts(pod, container),
        },
    ).of(snapshot, pod)
    return said.model_copy(update={"evidence": (*snapshot.cites(namespace_of(pod), "Pod"), *tail.evidence)})


def _restarts(pod: JsonObject, container: str) -> int | None:
    return next(
        (
            dig(status, "restartCount")
            for _, status in container_statuses(pod)
            if status.get("name") == container
        ),
        None,
    )
