"""Bytes of a webhook (Alertmanager, version 4) into a delivery; pure, and hard to upset.

Unknown fields are ignored and oversized ones shortened with a marker, never refused: a body
that was refused comes again and again, and nobody sees the alert. Sources: threats P14, P16,
T6 and T32; the recorded bodies in ``tests/fixtures/alertmanager``.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import orjson

from agents.incident import Alert
from agents.ledger.notification import Delivery, DeliveryStatus, Notification
from midwatch.intake.text import as_text, clean, fingerprint_of, shorten, shorten_all
from tools.kubernetes.objects import JsonObject

MAX_ALERTS = 20_000
MAX_FINGERPRINT = 64
MAX_GROUP_KEY = 1024
FALLBACK_BYTES = 1024 * 1024


class NotJson(ValueError):
    """The body is not JSON."""

    retryable = False


def read_delivery(raw: bytes, received_at: datetime, source: str) -> Delivery:
    """The delivery in these bytes: usable, or quarantined with the problem. Raises NotJson."""
    content = _parse(raw)
    problem = _unusable(content)
    notification = None
    if isinstance(content, dict) and not problem:
        notification = _notification(content, received_at)
    if notification is not None and not notification.alerts:
        problem, notification = "none of its alerts could be read", None
    return Delivery(
        key=delivery_key(notification) if notification else hashlib.sha256(raw).hexdigest(),
        raw=raw,
        received_at=received_at,
        source=source,
        status=DeliveryStatus.USABLE if notification else DeliveryStatus.QUARANTINED,
        problem=problem,
        notification=notification,
    )


def delivery_key(notification: Notification) -> str:
    """SHA-256 of the group and its alerts' (fingerprint, status, start), in any order.

    Receiver and external URL are left out: the two halves of an HA pair differ in them.
    """
    lines = sorted(
        f"{alert.fingerprint}\0{alert.firing}\0{alert.starts_at.isoformat()}" for alert in notification.alerts
    )
    return hashlib.sha256("\n".join([notification.group_key, *lines]).encode()).hexdigest()


def _parse(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # orjson refuses half a surrogate pair, which Go and Python can write; the slower parser reads it.
        if len(raw) > FALLBACK_BYTES or b"\\ud" not in raw.lower():
            raise NotJson(f"the body is not JSON: {error.msg}") from error
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotJson("the body is not JSON") from error


def _unusable(content: object) -> str:
    """Why nothing can be made of a body that is JSON; empty if something can."""
    if not isinstance(content, dict):
        return "the body is not a JSON object"
    if not isinstance(content.get("alerts"), list):
        return "the body has no list of alerts"
    return "" if content["alerts"] else "the list of alerts is empty"


def _notification(content: JsonObject, received_at: datetime) -> Notification:
    listed = content["alerts"]
    read = [_alert(item, received_at) for item in listed[:MAX_ALERTS]]
    alerts = [alert for alert in read if alert is not None]
    said = content.get("truncatedAlerts")
    elsewhere = max(0, said) if isinstance(said, int) else 0
    return Notification(
        group_key=_group_key(clean(as_text(content.get("groupKey")))),
        alerts=_once_each(alerts),
        # What we leave out counts like what Alertmanager leaves out: its absence says nothing.
        truncated=elsewhere + len(listed) - len(alerts),
        receiver=shorten(clean(as_text(content.get("receiver")))),
        external_url=shorten(clean(as_text(content.get("externalURL")))),
    )


def _group_key(text: str) -> str:
    """The key as it is, or what stands for one that no index of PostgreSQL takes (a third of a page)."""
    shown = shorten(text, MAX_GROUP_KEY)
    # The labels that tell two groups of one route apart stand at the end, which is what was cut off.
    return text if shown == text else f"{shown} {hashlib.sha256(text.encode()).hexdigest()}"


def _once_each(alerts: list[Alert]) -> tuple[Alert, ...]:
    """Each alert once, in order; of one that is said to fire and to be over, the firing is believed."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        if alert.fingerprint not in found or alert.firing:
            found[alert.fingerprint] = alert
    return tuple(found.values())


def _alert(item: object, received_at: datetime) -> Alert | None:
    if not isinstance(item, dict) or not isinstance(item.get("labels"), dict):
        return None
    given = item.get("annotations")
    labels, left_out = shorten_all(item["labels"])
    annotations, more_left_out = shorten_all(given if isinstance(given, dict) else {})
    if left_out or more_left_out:
        annotations["midwatch_truncated"] = f"{left_out} labels and {more_left_out} annotations were left out"
    return Alert(
        fingerprint=clean(as_text(item.get("fingerprint")))[:MAX_FINGERPRINT]
        or fingerprint_of(item["labels"]),
        firing=item.get("status") != "resolved",
        labels=labels,
        annotations=annotations,
        starts_at=_time(item.get("startsAt")) or received_at,
        ends_at=_time(item.get("endsAt")),
        generator_url=shorten(clean(as_text(item.get("generatorURL")))),
    )


def _time(value: object) -> datetime | None:
    """An RFC 3339 time with 0 to 9 decimals; None for year 1 (Go's "no time") and for nonsense."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year > 1 else None
