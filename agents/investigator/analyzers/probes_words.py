"""What a probe's failure says, where the probe asks, and how much time it leaves for a start."""

from __future__ import annotations

import re

from agents.investigator.analyzers.fields import dig
from tools.kubernetes.objects import JsonObject

_KIND = re.compile(r"\b(readiness|liveness|startup) probe (?:failed|errored|warning)", re.IGNORECASE)

# The first row that fits wins.
_ANSWERS = (
    ("protocol", re.compile(r"server gave HTTP response to HTTPS client|malformed HTTP|to an HTTPS server|"
                            r"first record does not look like a TLS handshake", re.IGNORECASE)),
    ("status", re.compile(r"statuscode: \d+|status code \d+|NOT_SERVING", re.IGNORECASE)),
    ("refused", re.compile(r"connection refused", re.IGNORECASE)),
    ("timeout", re.compile(r"Client\.Timeout|deadline exceeded|i/o timeout|timed out|timeout:",
                           re.IGNORECASE)),
    ("unresolved", re.compile(r"no such host|lookup ", re.IGNORECASE)),
    ("command", re.compile(r"executable file not found|no such file or directory", re.IGNORECASE)),
)  # fmt: skip


def kind_of(text: str) -> str:
    """``readiness``, ``liveness`` or ``startup``, empty when this text is about no probe."""
    match = _KIND.search(text)
    return match[1].lower() if match else ""


def answer(text: str) -> str | None:
    """How the probe was answered; None when the text does not say it in known words."""
    return next((name for name, pattern in _ANSWERS if pattern.search(text)), None)


def address(probe: JsonObject, ports: list[JsonObject]) -> JsonObject:
    """How and where the probe asks, and whether the container declares that port (by number or name)."""
    how = next((one for one in ("httpGet", "tcpSocket", "grpc", "exec") if one in probe), None)
    if how is None or how == "exec":
        return {"how": how}
    target = probe[how] or {}
    port = target.get("port")
    known = {value for entry in ports for value in (entry.get("containerPort"), entry.get("name")) if value}
    return {
        "how": how,
        "port": port,
        "path": target.get("path"),
        "scheme": target.get("scheme"),
        "declared": port in known,
    }


def start_budget(probe: JsonObject, pod: JsonObject) -> float:
    """Seconds from a start to the end of a run that the probe kills at its first chance.

    Delay, then as many periods as failures are allowed, then the grace period; the API server's defaults
    where a field is unset.
    """
    delay = probe.get("initialDelaySeconds") or 0
    period, failures = probe.get("periodSeconds") or 10, probe.get("failureThreshold") or 3
    grace = probe.get("terminationGracePeriodSeconds") or dig(pod, "spec", "terminationGracePeriodSeconds")
    return float(delay + period * (failures + 1) + (30 if grace is None else grace))
