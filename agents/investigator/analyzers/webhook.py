"""Admission webhooks that the API server cannot call, and what that stops.

Source: ValidatingWebhook and MutatingWebhook (admissionregistration/v1); the words in which the API
server reports a failed call to whoever wanted to create something.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from agents.incident import Finding
from agents.investigator.analyzers.callee import Fault, Unreachable, unreachable
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.endpoints import directory_of
from agents.investigator.analyzers.fields import dig, items, labels_of, moment, quotable
from agents.investigator.analyzers.network_rules import NAMESPACE_NAME_LABEL
from agents.investigator.analyzers.selectors import selects
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.certificates import read_certificate
from tools.kubernetes.objects import JsonObject

KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_FAILED_CALL = re.compile(r'failed calling webhook "([^"]+)"')
_TLS = re.compile(r"x509:|tls:|certificate", re.IGNORECASE)
_INJECTED = "cert-manager.io/inject-ca-from"
PATIENCE = timedelta(seconds=30)
"""How long controllers wait for the API server to answer a create."""

_DEFAULT_TIMEOUT = 10


class WebhookCode(Coded):
    """Conditions of admission webhooks."""

    SERVICE_MISSING = (
        "webhook.service_missing",
        "A webhook calls a Service, or a port of one, that does not exist.",
        "webhooks[].clientConfig.service, the Services and their ports",
    )
    NO_PODS = (
        "webhook.no_pods",
        "The Service of a webhook has no pods.",
        "webhooks[].clientConfig.service, the Service's selector, pods, EndpointSlices",
    )
    NOT_READY = (
        "webhook.pods_not_ready",
        "None of the pods behind a webhook is ready.",
        "webhooks[].clientConfig.service, the Service's selector, pods, EndpointSlices",
    )
    CALL_FAILED = (
        "webhook.call_failed",
        "Calls to a webhook fail although somebody seems to be there, and what it guards cannot be created.",
        "events that say failed calling webhook",
    )
    TLS_REJECTED = (
        "webhook.tls_rejected",
        "The API server does not accept the certificate of a webhook.",
        "events that say failed calling webhook",
    )
    CA_EXPIRED = (
        "webhook.ca_expired",
        "The certificate authority that a webhook is checked against is past its end.",
        "webhooks[].clientConfig.caBundle (its end date)",
    )
    CA_MISSING = (
        "webhook.ca_missing",
        "cert-manager was asked to fill in a webhook's certificate authority and has not.",
        "the annotation cert-manager.io/inject-ca-from, webhooks[].clientConfig.caBundle",
    )
    TIMEOUTS = (
        "webhook.timeouts_add_up",
        "Mutating webhooks are called one by one, and their timeouts together outlast whoever waits.",
        "webhooks[].timeoutSeconds and rules of all MutatingWebhookConfigurations",
    )
    GUARDS_ITSELF = (
        "webhook.guards_itself",
        "A webhook that must answer also guards its own pods: once down, it cannot come back.",
        "webhooks[].rules, failurePolicy and namespaceSelector, the labels of the Service's namespace",
    )


_OF_FAULT = {
    Fault.MISSING: WebhookCode.SERVICE_MISSING,
    Fault.NO_PORT: WebhookCode.SERVICE_MISSING,
    Fault.NO_PODS: WebhookCode.NO_PODS,
    Fault.NOT_READY: WebhookCode.NOT_READY,
}


def webhooks(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for every webhook of every configuration."""
    directory, failed = directory_of(snapshot), calls_that_failed(snapshot.objects("Event"))
    for configuration in (one for kind in KINDS for one in snapshot.objects(kind)):
        on = Subject(snapshot=snapshot, obj=configuration, also=("Service", "Pod", "EndpointSlice", "Event"))
        for webhook in items(configuration, "webhooks"):
            events = failed.get(webhook.get("name") or "", [])
            reference = dig(webhook, "clientConfig", "service") or {}
            fault = unreachable(snapshot, directory, reference)
            # A call that cannot arrive fails; the events add the count, not a second finding.
            if fault:
                yield _unreachable(on, webhook, (fault, events))
            elif events:
                yield _call_failed(on, webhook, events)
            yield from _authority(on, webhook)
            yield from _guards_itself(on, webhook)
    yield from _timeouts(snapshot)


def _fails_closed(webhook: JsonObject) -> bool:
    return (webhook.get("failurePolicy") or "Fail") == "Fail"


def _told(webhook: JsonObject) -> JsonObject:
    guarded = sorted({kind for rule in items(webhook, "rules") for kind in rule.get("resources") or ()})
    return {
        "webhook": webhook.get("name") or "",
        "failure_policy": webhook.get("failurePolicy") or "Fail",
        "resources": guarded,
    }


def _stops(webhook: JsonObject) -> str:
    guarded = ", ".join(_told(webhook)["resources"]) or "what it guards"
    return f"; {guarded} cannot be changed" if _fails_closed(webhook) else ""


def _unreachable(on: Subject, webhook: JsonObject, why: tuple[Unreachable, list[JsonObject]]) -> Finding:
    fault, events = why
    told = _told(webhook) | {"service": fault.service, "failed_calls": _count(events) or None, **fault.fields}
    text = f"Webhook {webhook.get('name')} cannot be called: {fault.words}{_stops(webhook)}."
    tell = on.critical if _fails_closed(webhook) else on.warning
    return tell(_OF_FAULT[fault.fault], text, _begun(events), **told)


def calls_that_failed(events: Iterable[JsonObject]) -> dict[str, list[JsonObject]]:
    """The events that tell of failed calls, by the webhook that they name."""
    found: dict[str, list[JsonObject]] = defaultdict(list)
    for event in events:
        hit = _FAILED_CALL.search(event.get("message") or "")
        if hit:
            found[hit[1]].append(event)
    return found


def _count(events: list[JsonObject]) -> int:
    return sum(int(event.get("count") or 1) for event in events)


def _begun(events: list[JsonObject]) -> datetime | None:
    times = (moment(event.get("firstTimestamp")) for event in events)
    return min((at for at in times if at), default=None)


def _call_failed(on: Subject, webhook: JsonObject, events: list[JsonObject]) -> Finding:
    # What the call came to stands behind its name; the front of the message is about the object.
    message = events[-1]["message"]
    cause = quotable(message[message.index("failed calling webhook") :])
    code = WebhookCode.TLS_REJECTED if _TLS.search(cause) else WebhookCode.CALL_FAILED
    told = _told(webhook) | {"message": cause, "failed_calls": _count(events)}
    text = f"Calls to webhook {webhook.get('name')} fail{_stops(webhook)}: {cause}"
    tell = on.critical if _fails_closed(webhook) else on.warning
    return tell(code, text, _begun(events), **told)


def _authority(on: Subject, webhook: JsonObject) -> Iterator[Finding]:
    bundle = dig(webhook, "clientConfig", "caBundle")
    marks = dig(on.obj, "metadata", "annotations") or {}
    if not bundle and dig(webhook, "clientConfig") and any(key.startswith(_INJECTED) for key in marks):
        text = (
            f"Webhook {webhook.get('name')} has no certificate authority; cert-manager has yet to fill it in."
        )
        yield on.warning(WebhookCode.CA_MISSING, text, **_told(webhook))
    until = moment((read_certificate(bundle) or {}).get("notAfter")) if bundle else None
    if until and until <= on.snapshot.taken_at:
        text = f"The certificate authority of webhook {webhook.get('name')} ended {until:%Y-%m-%d %H:%M}."
        tell = on.critical if _fails_closed(webhook) else on.warning
        yield tell(WebhookCode.CA_EXPIRED, text, until, not_after=until.isoformat(), **_told(webhook))


def guards_pods(webhook: JsonObject) -> bool:
    """Whether creating a pod is among what it is asked about."""
    return any(
        {"pods", "*", "*/*"} & set(rule.get("resources") or ())
        and {"", "*"} & set(rule.get("apiGroups") or ("",))
        and {"CREATE", "*"} & set(rule.get("operations") or ())
        for rule in items(webhook, "rules")
    )


def _guards_itself(on: Subject, webhook: JsonObject) -> Iterator[Finding]:
    home = dig(webhook, "clientConfig", "service", "namespace")
    if not home or not _fails_closed(webhook) or not guards_pods(webhook):
        return
    # Without the labels of its namespace a selector cannot be judged, only an empty one.
    chosen, place = webhook.get("namespaceSelector") or {}, on.snapshot.find("Namespace", "", home)
    if chosen and place is None:
        return
    labels = {NAMESPACE_NAME_LABEL: home, **labels_of(place or {})}
    own = on.snapshot.find("Service", home, dig(webhook, "clientConfig", "service", "name") or "")
    pods = dig(own or {}, "spec", "selector") or {}
    if selects(chosen, labels) and selects(webhook.get("objectSelector") or {}, pods):
        text = f"Webhook {webhook.get('name')} must agree to every pod of {home}, its own among them."
        yield on.info(WebhookCode.GUARDS_ITSELF, text, namespace=home, **_told(webhook))


def _timeouts(snapshot: Snapshot) -> Iterator[Finding]:
    found = sorted(
        (dig(one, "metadata", "name") or "", webhook.get("name") or "", _seconds(webhook))
        for one in snapshot.objects("MutatingWebhookConfiguration")
        for webhook in items(one, "webhooks")
        if guards_pods(webhook)
    )
    # Validating webhooks are called all at once, so only these add up.
    total = sum(seconds for _, _, seconds in found)
    # One alone cannot: its timeout is at most as long.
    if total <= PATIENCE.total_seconds():
        return
    first = snapshot.find("MutatingWebhookConfiguration", "", found[0][0])
    if first is not None:
        names = [f"{name} ({seconds} s)" for _, name, seconds in found]
        text = f"{len(names)} webhooks may hold up each new pod for {total} s in all: {', '.join(names)}."
        on = Subject(snapshot=snapshot, obj=first)
        yield on.info(WebhookCode.TIMEOUTS, text, seconds=total, webhooks=names)


def _seconds(webhook: JsonObject) -> int:
    return int(webhook.get("timeoutSeconds") or _DEFAULT_TIMEOUT)
