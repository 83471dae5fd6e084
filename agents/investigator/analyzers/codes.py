"""Every condition an analyzer can report: stable, dotted codes that are added and never reused."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """One observed condition of one object. ``docs/`` explains each."""

    IMAGE_NOT_FOUND = "pod.image.not_found"
    IMAGE_REGISTRY_UNREACHABLE = "pod.image.registry_unreachable"
    IMAGE_PULL_SECRET_MISSING = "pod.image.pull_secret_missing"  # noqa: S105 - a code, not a secret
    IMAGE_UNAUTHORIZED = "pod.image.unauthorized"
    IMAGE_RATE_LIMITED = "pod.image.rate_limited"
    IMAGE_NAME_INVALID = "pod.image.name_invalid"
    IMAGE_PLATFORM_MISMATCH = "pod.image.platform_mismatch"
    IMAGE_NOT_PULLED = "pod.image.not_pulled"
    CRASH_LOOP = "pod.container.crash_loop"
    OOM_KILLED = "pod.container.oom_killed"
    SELECTOR_MATCHES_NOTHING = "service.selector.matches_nothing"
    ENDPOINTS_NONE_READY = "service.endpoints.none_ready"
    SCALED_TO_ZERO = "deployment.scaled_to_zero"
    REPLICAS_SHORT = "deployment.replicas_short"
    PROGRESS_DEADLINE = "deployment.progress_deadline"


IMAGE_CODES = frozenset(code for code in Code if code.startswith("pod.image."))
