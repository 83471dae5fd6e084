"""What a container has printed: the scenario's lines with the moments they were due, current run or the one
before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from evals.world.clock import rfc3339_micro
from evals.world.kubernetes.kubelet.images import LogLine

_MOST_REPEATS = 500


def rendered(lines: Iterable[LogLine], started: datetime, until: datetime, second: timedelta) -> str:
    """Log text of one run from `started` to `until`, each line stamped as the kubelet's log files are.

    `second` is one unhurried second as wall time. A repeating line appears at most 500 times, the newest
    ones.
    """
    printed: list[tuple[datetime, str]] = []
    for line in lines:
        first = started + line.at * second
        if first > until:
            continue
        if line.every is None:
            printed.append((first, line.text))
            continue
        last = int((until - first) / (line.every * second))
        for turn in range(max(0, last - _MOST_REPEATS + 1), last + 1):
            printed.append((first + turn * line.every * second, line.text))
    # Lines of one moment keep the order of the scenario: the sort is stable.
    printed.sort(key=lambda entry: entry[0])
    return "".join(f"{rfc3339_micro(at)} {text}\n" for at, text in printed)
