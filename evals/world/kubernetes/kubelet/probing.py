"""When a process is ready and when a probe has it killed: worked out from its image and its probes.

All times are unhurried seconds after the start of the process.
"""

from __future__ import annotations

from evals.world.kubernetes.kubelet.images import ImageBehaviour
from evals.world.kubernetes.kubelet.spec import ContainerSpec, Probe


def failure(probe: Probe, known: ImageBehaviour, address: str) -> str:
    """What the kubelet reports of a probe that this process fails for ever; empty when it passes."""
    if probe.port != known.port:
        return probe.refused(address)
    if probe.path is None:
        return ""
    if probe.scheme != known.scheme:
        url = f"{probe.scheme.lower()}://{address}:{probe.port}{probe.path}"
        return (
            f'Get "{url}": http: server gave HTTP response to HTTPS client'
            if probe.scheme == "HTTPS"
            else "HTTP probe failed with statuscode: 400"
        )
    wrong = known.paths and probe.path.partition("?")[0] not in known.paths
    return "HTTP probe failed with statuscode: 404" if wrong else ""


def ready_after(spec: ContainerSpec, known: ImageBehaviour) -> float | None:
    """When the readiness probe passes, None when it never does; without one, at the start."""
    begun = _begun_after(spec, known)
    if begun is None or spec.readiness is None:
        return begun
    if failure(spec.readiness, known, ""):
        return None
    return max(begun, known.start_seconds, spec.readiness.initial_delay)


def killed_after(spec: ContainerSpec, known: ImageBehaviour) -> tuple[float, str] | None:
    """When the startup or liveness probe has the process killed, and which of the two; None when neither."""
    if spec.startup is not None and not _passes(spec.startup, known):
        return spec.startup.patience, "startup"
    live = spec.liveness
    if live is None:
        return None
    begun = _begun_after(spec, known) or 0.0
    # Until the startup probe has passed the other two are not sent.
    if failure(live, known, "") or begun + live.patience < known.start_seconds:
        return begun + live.patience, "liveness"
    return None


def _begun_after(spec: ContainerSpec, known: ImageBehaviour) -> float | None:
    if spec.startup is None:
        return 0.0
    if not _passes(spec.startup, known):
        return None
    return max(known.start_seconds, spec.startup.initial_delay)


def _passes(probe: Probe, known: ImageBehaviour) -> bool:
    return not failure(probe, known, "") and probe.patience >= known.start_seconds
