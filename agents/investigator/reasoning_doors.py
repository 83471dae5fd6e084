"""What the API server asks of pods, and what follows from it when they do not answer.

Webhooks and aggregated APIs are rules of the cluster that run in it like anything else: a webhook that
does not answer is deeper than the pods it refuses, and less deep than the pods it runs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.incident import Finding
from agents.investigator.analyzers.api_extension import ExtensionCode
from agents.investigator.analyzers.webhook import WebhookCode
from agents.investigator.effects import STOPS_PODS, Effect, Effects
from agents.investigator.links import Key, Touch
from agents.investigator.reasoning_case import Case
from tools.kubernetes.objects import ObjectRef

UNANSWERED = frozenset(
    (
        WebhookCode.NO_PODS,
        WebhookCode.NOT_READY,
        WebhookCode.CALL_FAILED,
        ExtensionCode.UNAVAILABLE,
        ExtensionCode.CONVERSION,
    )
)
"""Conditions of a webhook or an API that somebody behind its Service may be to blame for."""

_BEHIND: Effects = (STOPS_PODS | {Effect.IDLE, Effect.WIRING}) - {
    Effect.CONTROL,
    Effect.HOOK,
    # Pods that such a webhook refuses may be its own: then the webhook is the way in.
    Effect.REFUSED,
}


def closed_by(
    case: Case, at: ObjectRef, effect: Effect, felt: Iterable[tuple[Key, Touch]]
) -> Iterator[Finding]:
    """The doors that stay closed where this is felt: by way of a Service, and not of a call.

    Where an alert asks, nothing in another namespace is ever changed (decision 18). There the webhook is the
    cause that can be mended, and what is wrong behind it stands beside it.
    """
    near = not case.asking or any(ref.namespace == at.namespace for ref in case.targets.radius)
    shut = UNANSWERED if near else UNANSWERED - frozenset(WebhookCode)
    if effect in _BEHIND:
        for key, touch in felt:
            if not touch.far:
                yield from (one for one in case.by_object.get(key, ()) if one.code in shut)
