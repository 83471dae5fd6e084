"""Generated service graphs with a fault in one service, or in none, and what their metrics would show.

Latencies add up along the calls and errors get through where nobody retries, so how a fault spreads follows
from the graph and is not drawn. What makes it hard is drawn: daily traffic, restless services, rates
that smear a change over minutes, late scrapes, lost series and gaps, an old deployment, a noisy neighbour.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

STEP_S = 60.0
STEPS = 200
"""A little more than three hours a minute apart: what the investigator asks for."""
FEWEST, MOST = 6, 40
_DAY = 86_400 / STEP_S
_BEGAN = 1_700_000_000.0

Track = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One generated case: the calls, the series by kind and service, the alert's start, and the answer."""

    seed: int
    kind: str
    """``latency``, ``errors`` or ``none``."""
    calls: tuple[tuple[str, str], ...]
    series: dict[str, dict[str, Track]]
    began: float
    origin: str = ""


@dataclass(frozen=True)
class _Call:
    """One call: the share of the caller's requests that make it, and how many of its errors get through."""

    called: int
    share: float
    through: float


@dataclass
class _Service:
    """What one service does by itself."""

    own_s: float
    busy: float
    """By which share the busiest hour slows it down."""
    restless: float
    calls: list[_Call] = field(default_factory=list)


def trouble(seed: int, kind: str) -> Trouble:
    """The case of this seed."""
    draw = random.Random(f"{kind}/{seed}")  # noqa: S311 - the same graphs for everybody, no secret
    services = _graph(draw)
    # An alert comes minutes after the fault, so what came after it is always short.
    fault_at = STEPS - draw.randint(12, 40)
    origin = draw.randrange(len(services)) if kind != "none" else -1
    own = [_own(draw, one) for one in services]
    _disturb(draw, own, spared=origin)
    if kind == "latency":
        # Of what the service takes with all that it calls: less would be nobody's incident.
        _raise(draw, own[origin][0], fault_at, draw.uniform(0.6, 5.0) * _usual(services, origin))
    if kind == "errors":
        _fail(draw, own[origin][1], fault_at, draw.uniform(0.08, 0.6))
    names = [f"s{number:02}" for number in range(len(services))]
    # Names and their order must not tell who calls whom.
    draw.shuffle(names)
    shown = _shown(draw, services, own)
    return Trouble(
        seed=seed,
        kind=kind,
        calls=tuple((names[i], names[call.called]) for i, one in enumerate(services) for call in one.calls),
        series={
            what: {names[i]: track for i, track in enumerate(tracks) if track}
            for what, tracks in shown.items()
        },
        began=_BEGAN + (fault_at + draw.randint(2, 10)) * STEP_S,
        origin=names[origin] if origin >= 0 else "",
    )


def _graph(draw: random.Random) -> list[_Service]:
    """A random graph without cycles: each service but the first few is called by one to three before it."""
    size = draw.randint(FEWEST, MOST)
    # Real latencies spread over orders of magnitude, hence the logarithm.
    services = [
        _Service(
            own_s=math.exp(draw.uniform(math.log(0.005), math.log(0.15))),
            busy=draw.uniform(0.0, 0.4),
            restless=draw.uniform(0.02, 0.08),
        )
        for _ in range(size)
    ]
    for number in range(draw.choice((1, 1, 2, 3)), size):
        for caller in draw.sample(range(number), min(number, draw.choice((1, 1, 2, 3)))):
            call = _Call(number, draw.uniform(0.3, 1.0), draw.uniform(0.3, 1.0))
            services[caller].calls.append(call)
    return services


def _own(draw: random.Random, one: _Service) -> tuple[list[float], list[float]]:
    """A service's own seconds and share of errors at every step, without what it calls."""
    phase, drift, errors = draw.uniform(0, 2 * math.pi), 0.0, 10 ** draw.uniform(-4, -2.3)
    latency, failing = [], []
    for step in range(STEPS):
        load = 0.5 + 0.5 * math.sin(phase + 2 * math.pi * step / _DAY)
        # Neighbouring minutes resemble each other, in real series as well.
        drift = 0.7 * drift + draw.gauss(0, one.restless)
        latency.append(one.own_s * (1 + one.busy * load) * math.exp(drift))
        failing.append(errors * math.exp(draw.gauss(0, 0.4)))
    return latency, failing


def _disturb(draw: random.Random, own: list[tuple[list[float], list[float]]], spared: int) -> None:
    """A noisy neighbour all the time, and somebody who got slower by a deployment hours ago."""
    # The origin is spared: a fault that noise hides is nobody's fault to miss.
    others = [number for number in range(len(own)) if number != spared]
    noisy, deployed = draw.sample(others, 2)
    for latency_and_errors in own[noisy]:
        for step in range(STEPS):
            if draw.random() < 0.12:
                latency_and_errors[step] *= draw.uniform(2.0, 10.0)
    # Long before the alert: who only looks for what changed would name it.
    since, factor = draw.randint(20, STEPS - 110), draw.uniform(1.3, 2.5)
    for step in range(since, STEPS):
        own[deployed][0][step] *= factor


def _usual(services: list[_Service], number: int) -> float:
    one = services[number]
    return one.own_s + sum(call.share * _usual(services, call.called) for call in one.calls)


def _raise(draw: random.Random, latency: list[float], since: int, more_s: float) -> None:
    ramp = draw.randint(1, 6)
    for step in range(since, STEPS):
        latency[step] += more_s * min(1.0, (step - since + 1) / ramp) * draw.uniform(0.8, 1.2)


def _fail(draw: random.Random, failing: list[float], since: int, share: float) -> None:
    ramp = draw.randint(1, 6)
    for step in range(since, STEPS):
        failing[step] += share * min(1.0, (step - since + 1) / ramp) * draw.uniform(0.8, 1.2)


def _shown(
    draw: random.Random, services: list[_Service], own: list[tuple[list[float], list[float]]]
) -> dict[str, list[Track]]:
    """What Prometheus would answer for every service, callers after what they call."""
    latency: list[list[float]] = [[] for _ in services]
    errors: list[list[float]] = [[] for _ in services]
    # Calls go to higher numbers only, so what is called is known before its callers.
    for number in reversed(range(len(services))):
        calls = services[number].calls
        for step in range(STEPS):
            slow = sum(call.share * latency[call.called][step] for call in calls)
            latency[number].append(own[number][0][step] + slow)
            fine = 1 - min(1.0, own[number][1][step])
            for call in calls:
                fine *= 1 - call.share * call.through * errors[call.called][step]
            errors[number].append(1 - fine)
    return {
        "latency": [_scraped(draw, values) for values in latency],
        "errors": [_scraped(draw, values) for values in errors],
    }


def _scraped(draw: random.Random, values: Sequence[float]) -> Track:
    """A rate over five minutes, late by up to two steps, with gaps; or no series at all."""
    if draw.random() < 0.06:
        return []
    # Lost samples come in some series and not in others: one exporter is slow, the rest is fine.
    late, lossy, noise = draw.randint(0, 2), draw.random() < 0.3, draw.uniform(0.01, 0.06)
    track: Track = []
    for step in range(STEPS):
        if lossy and draw.random() < 0.08:
            continue
        window = values[max(0, step - late - 4) : max(1, step - late + 1)]
        value = sum(window) / len(window) * math.exp(draw.gauss(0, noise))
        track.append((_BEGAN + step * STEP_S, value))
    return track
