"""What metrics told over the hours around the start: series by question, and the evidence they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.incident import EvidenceId
from tools.prometheus import Track


class Name(StrEnum):
    """What was asked; the words that evidence and plots carry."""

    TRAFFIC = "requests per second"
    ERRORS = "share of requests that failed"
    LATENCY = "slowest twentieth of requests"
    MEMORY = "memory against its limit"
    THROTTLED = "CPU periods throttled"
    RESTARTS = "restarts counted"
    PRESSURE = "pressure on the node"
    DISK = "volume filled"
    INODES = "inodes of the volume used"
    SCALED = "replicas against the maximum"
    TARGET = "metric against the autoscaler's target"
    GPU_MEMORY = "GPU memory used"
    GPU_ERRORS = "last GPU error"
    QUEUE = "requests that wait for the model"
    KV_CACHE = "KV cache used"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The answer to one question, as it was stored."""

    name: Name
    unit: str
    tracks: tuple[Track, ...]
    evidence: EvidenceId


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What the metrics say of one alert's own expression: the stored lines about this alert."""

    alert: str
    lines: tuple[str, ...]
    evidence: EvidenceId
    expression: str = ""
