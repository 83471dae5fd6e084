"""Pods by their series: memory against its limit, CPU that is waited for, restarts, GPUs, model servers.

The bounds are those of the common alert rules (CPUThrottlingHigh: a quarter of the periods) or leave room
for what is usual: vLLM takes nine tenths of a GPU's memory when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.measured import Name
from agents.investigator.analyzers.metric_codes import MetricCode
from agents.investigator.analyzers.metric_reading import Reading, of_servers, readings
from agents.investigator.analyzers.snapshot import Snapshot

NEAR = 0.9
THROTTLED, HEAVILY = 0.25, 0.5
SEVERAL = 2
FULL_GPU = 0.98
FULL_CACHE = 0.95
QUEUE = 5

_BOUNDS: dict[Name, tuple[Coded, float, str]] = {
    Name.MEMORY: (
        MetricCode.MEMORY_NEAR_LIMIT,
        NEAR,
        "Container {container} uses {share} of its memory limit",
    ),
    Name.GPU_MEMORY: (MetricCode.GPU_MEMORY_FULL, FULL_GPU, "The memory of GPU {gpu} is {share} full"),
    Name.KV_CACHE: (
        MetricCode.MODEL_CACHE_FULL,
        FULL_CACHE,
        "The KV cache of the model server is {share} full",
    ),
}


def pod_metrics(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings about pods that still exist; a series that ended or only spikes is silent."""
    for name, bound in _BOUNDS.items():
        found = of_servers if name is Name.KV_CACHE else partial(readings, kind="Pod", label="pod")
        for one in found(snapshot, name):
            yield from _above(one, bound)
    for one in readings(snapshot, Name.THROTTLED, "Pod", "pod"):
        yield from _throttled(one)
    for one in readings(snapshot, Name.RESTARTS, "Pod", "pod"):
        yield from _restarts(one)
    for one in readings(snapshot, Name.GPU_ERRORS, "Pod", "pod"):
        yield from _gpu_error(one)
    for one in of_servers(snapshot, Name.QUEUE):
        yield from _queue(one)


def _above(one: Reading, bound: tuple[Coded, float, str]) -> Iterator[Finding]:
    code, least, text = bound
    share = one.lately
    if share is None or share < least:
        return
    words = {"container": one.labels.get("container", ""), "gpu": one.labels.get("gpu", "")}
    # A limit is there to be used: by itself this is no trouble, only where trouble may come from.
    severity = Severity.INFO if code is MetricCode.MEMORY_NEAR_LIMIT else Severity.WARNING
    yield one.says(
        code,
        severity,
        f"{text.format(**words, share=f'{share:.0%}')}.",
        value=round(share, 4),
        threshold=1.0,
        since=one.since(least),
        **words,
    )


def _throttled(one: Reading) -> Iterator[Finding]:
    share = one.lately
    if share is None or share < THROTTLED:
        return
    container = one.labels.get("container", "")
    yield one.says(
        MetricCode.THROTTLED,
        Severity.WARNING if share >= HEAVILY else Severity.INFO,
        f"Container {container} waits for CPU in {share:.0%} of its periods.",
        value=round(share, 4),
        threshold=THROTTLED,
        container=container,
        since=one.since(THROTTLED),
    )


def _restarts(one: Reading) -> Iterator[Finding]:
    rises = [
        at for (_, before), (at, after) in zip(one.points, one.points[1:], strict=False) if after > before
    ]
    if one.lately is None or len(rises) < SEVERAL:
        return
    container, first = one.labels.get("container", ""), datetime.fromtimestamp(rises[0], UTC)
    yield one.says(
        MetricCode.RESTARTING,
        Severity.INFO,
        f"Container {container} was restarted {len(rises)} times since {first:%H:%M} UTC.",
        restarts=len(rises),
        container=container,
        since=first,
    )


def _gpu_error(one: Reading) -> Iterator[Finding]:
    number = one.points[-1][1] if one.points else 0.0
    if one.lately is None or number <= 0:
        return
    gpu = one.labels.get("gpu", "")
    yield one.says(
        MetricCode.GPU_ERROR,
        Severity.WARNING,
        f"GPU {gpu} reported XID {number:g}.",
        xid=int(number),
        gpu=gpu,
        since=one.since(1.0),
    )


def _queue(one: Reading) -> Iterator[Finding]:
    waiting = one.lately
    # A queue that empties in between is a burst, and bursts are what queues are for.
    if waiting is None or waiting < QUEUE:
        return
    if not one.alerted and min(value for _, value in one.points[-5:]) < 1:
        return
    yield one.says(
        MetricCode.MODEL_QUEUEING,
        Severity.WARNING,
        f"{waiting:.0f} requests wait for the model server, and the queue does not drain.",
        value=round(waiting, 1),
        threshold=float(QUEUE),
        since=one.since(1.0),
    )
