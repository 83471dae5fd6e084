"""Deliveries and incidents: what Alertmanager said, and which problem it belongs to.

One open incident a group and cluster. Duplicates (a re-send, the other half of an HA pair)
change nothing, also when they come after what was said later. A truncated body closes nothing.
An alert called Watchdog opens nothing.
Sources: threats P13, P14, P16, T1-T6; Alertmanager webhook version 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, insert
from sqlmodel import Session, SQLModel, col, select

from agents.incident import Alert, Incident, IncidentState
from agents.ledger import alert_rows
from agents.ledger.moves import cancel_open_plans
from agents.ledger.notification import (
    RANK,
    Accepted,
    Delivery,
    DeliveryStatus,
    Disposition,
    Notification,
)
from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger, Transaction
from agents.ledger.tables import AlertRow, DeliveryRow, IncidentRow
from agents.ledger.tags import Tag
from tools.redaction import redact

DEAD_MAN_SWITCHES = frozenset({"Watchdog", "InfoInhibitor"})
# A row for each of 20,000 alerts would keep every other delivery waiting for ten seconds.
MOST_NAMED = 100
# Alertmanager pauses for up to a minute before it tries again, so a copy comes within two. Words that are
# equal and yet news come later: an alert is over for want of repetition after four minutes at the earliest.
COPIES_WITHIN = timedelta(minutes=2)

# Intake has to keep up with a storm: its rows go in without the unit of work, and its statements
# are built once. Both together were most of what a delivery cost.
_TABLES = SQLModel.metadata.tables
_INSERT_INCIDENT = insert(_TABLES["incident"]).returning(_TABLES["incident"].c.number)
_INSERT_DELIVERY = insert(_TABLES["delivery"]).returning(_TABLES["delivery"].c.id)
_BY_GROUP = select(IncidentRow.number).where(IncidentRow.open_key == bindparam("open_key"))
# A changed route gives the same alert another group key: its fingerprint still knows its incident.
# From the fingerprints to their few incidents, never the other way: in a storm thousands are open.
_WITH_PRINTS = select(AlertRow.incident).where(
    col(AlertRow.fingerprint).in_(bindparam("prints", expanding=True))
)
_BY_PRINT = (
    select(IncidentRow.number)
    .where(col(IncidentRow.number).in_(_WITH_PRINTS))
    .where(IncidentRow.cluster == bindparam("cluster"), IncidentRow.state == IncidentState.OPEN.value)
    .order_by(col(IncidentRow.number))
    .limit(1)
)

_COPIED = (
    select(DeliveryRow.incident)
    .where(DeliveryRow.key == bindparam("key"), DeliveryRow.source == bindparam("source"))
    .where(col(DeliveryRow.received_at) > bindparam("since"))
    # What opened or changed nothing when it came first may mean something now.
    .where(col(DeliveryRow.incident).is_not(None))
    .limit(1)
)


def accept(ledger: Ledger, batch: Sequence[Delivery]) -> list[Accepted]:
    """Store a batch in one durable transaction, in order, and say what became of each."""
    with ledger.write() as tx:
        return [_accept_one(tx, delivery) for delivery in batch]


def _accept_one(tx: Transaction, delivery: Delivery) -> Accepted:
    disposition, number = _apply(tx, delivery)
    row = {
        "key": delivery.key,
        "raw": delivery.raw,
        "received_at": delivery.received_at,
        "source": delivery.source,
        "status": delivery.status.value,
        "problem": delivery.problem,
        "disposition": disposition.value,
        "incident": number,
    }
    stored: int = tx.session.connection().execute(_INSERT_DELIVERY, row).scalar_one()
    usable = delivery.status is DeliveryStatus.USABLE
    tag = Tag.DELIVERY_ACCEPTED if usable else Tag.DELIVERY_QUARANTINED
    tx.audit(tag, {"key": delivery.key, "source": delivery.source, "as": disposition.value}, incident=number)
    return Accepted(delivery_id=stored, incident=number, disposition=disposition)


def _apply(tx: Transaction, delivery: Delivery) -> tuple[Disposition, int | None]:
    note = delivery.notification
    if delivery.status is not DeliveryStatus.USABLE or note is None:
        return Disposition.QUARANTINED, None
    copied = _incident_of_copy(tx.session, delivery)
    if copied is not None:
        return Disposition.DUPLICATE, copied
    # They fire all the time by design: stored as a delivery, but nobody's incident.
    alerts = [alert for alert in note.alerts if alert.name not in DEAD_MAN_SWITCHES]
    found = _open_incident(tx.session, delivery.source, note)
    if found is None:
        firing = [alert for alert in alerts if alert.firing]
        if not firing:
            return Disposition.IGNORED, None
        return Disposition.NEW, _open(tx, delivery.source, note.group_key, firing)
    return _update(tx, found, alerts, truncated=note.truncated > 0)


def _incident_of_copy(session: Session, delivery: Delivery) -> int | None:
    """The incident that the same notification went to a moment ago; it may be closed by now."""
    since = delivery.received_at - COPIES_WITHIN
    asked = {"key": delivery.key, "source": delivery.source, "since": since}
    number: int | None = session.connection().execute(_COPIED, asked).scalar()
    return number


def _open_incident(session: Session, source: str, note: Notification) -> IncidentRow | None:
    # Asked without a flush: what waits for one changes neither open keys nor fingerprints.
    connection = session.connection()
    number = connection.execute(_BY_GROUP, {"open_key": _open_key(source, note.group_key)}).scalar()
    if number is None:
        prints = [alert.fingerprint for alert in note.alerts[: alert_rows.MOST_PRINTS]]
        number = connection.execute(_BY_PRINT, {"cluster": source, "prints": prints}).scalar()
    return None if number is None else session.get_one(IncidentRow, number)


def _open_key(source: str, group_key: str) -> str:
    return f"{source}\n{group_key}"


def _open(tx: Transaction, source: str, group_key: str, alerts: Sequence[Alert]) -> int:
    worst = max(alerts, key=lambda alert: RANK.get(alert.labels.get("severity", ""), 0))
    # The title goes into the record, which is never erased.
    title = redact(title_of(worst))
    row = {
        "cluster": source,
        "group_key": group_key,
        "open_key": _open_key(source, group_key),
        "title": title,
        "severity": worst.labels.get("severity", "none"),
        "state": IncidentState.OPEN.value,
        "phase": "received",
        "opened_at": tx.now,
    }
    number: int = tx.session.connection().execute(_INSERT_INCIDENT, row).scalar_one()
    alert_rows.add(tx.session, number, alerts)
    tx.audit(Tag.INCIDENT_OPENED, {"title": title, "alerts": len(alerts)}, incident=number)
    tx.wake(Agent.INVESTIGATOR, number)
    return number


def title_of(alert: Alert) -> str:
    """A short title: the alert's name and where, in the words of its own labels."""
    place = "/".join(
        part
        for part in (
            alert.labels.get("namespace", ""),
            next((alert.labels[key] for key in ("deployment", "service", "pod") if key in alert.labels), ""),
        )
        if part
    )
    return f"{alert.name} {place}".strip()


def _update(
    tx: Transaction, row: IncidentRow, alerts: Sequence[Alert], *, truncated: bool
) -> tuple[Disposition, int]:
    number = row.number or 0
    known = alert_rows.known(tx.session, number, alerts)
    joined = [alert for alert in alerts if alert.firing and alert.fingerprint not in known]
    turned = [alert for alert in alerts if alert_rows.is_news(known.get(alert.fingerprint), alert)]
    if not joined and not turned:
        return Disposition.DUPLICATE, number
    # Before the first row that names the incident: whoever closes it holds the record's lock by then.
    tx.alone()
    alert_rows.add(tx.session, number, joined)
    alert_rows.turn(tx.session, known, turned)
    fires = joined + [alert for alert in turned if alert.firing]
    _tell(tx, number, Tag.ALERT_JOINED, fires)
    _tell(tx, number, Tag.ALERT_RESOLVED, [alert for alert in turned if not alert.firing])
    _after_change(tx, row, truncated=truncated)
    return Disposition.JOINED if fires else Disposition.RESOLVED, number


def _tell(tx: Transaction, number: int, tag: Tag, alerts: Sequence[Alert]) -> None:
    """One row of the record for all alerts of the notification to which the same happened."""
    if alerts:
        prints = [alert.fingerprint for alert in alerts[:MOST_NAMED]]
        tx.audit(tag, {"alerts": len(alerts), "fingerprints": prints}, incident=number)


def _after_change(tx: Transaction, row: IncidentRow, *, truncated: bool) -> None:
    tx.session.flush()
    number = row.number or 0
    still = select(AlertRow.id).where(AlertRow.incident == number, col(AlertRow.firing).is_(True)).limit(1)
    quiet = tx.session.exec(still).first() is None
    # Of a truncated group somebody may still fire among those left out: that is not quiet.
    row.resolved_at = tx.now if quiet and not truncated else None
    tx.session.add(row)
    if row.resolved_at is not None:
        tx.audit(Tag.INCIDENT_RESOLVED, {"by": "alertmanager"}, incident=number)
        # A change to something that is well again can only do harm.
        cancel_open_plans(tx, number, "the alert resolved")
    tx.wake(Agent.INVESTIGATOR, number)
    tx.wake(Agent.GATEKEEPER, number)


def incident(ledger: Ledger, number: int) -> Incident | None:
    """One incident with its alerts, or None."""
    with ledger.read() as session:
        row = session.get(IncidentRow, number)
        return None if row is None else value_of(session, row)


def joined(session: Session, number: int, seen: Sequence[str] | None) -> list[str]:
    """The fingerprints of alerts that fire and are not among those ``seen``; none when that is unknown."""
    if seen is None:
        return []
    fires = select(AlertRow.fingerprint).where(AlertRow.incident == number, col(AlertRow.firing).is_(True))
    return sorted(set(session.exec(fires)) - set(seen))


def value_of(session: Session, row: IncidentRow) -> Incident:
    """The value of a row, with its alerts in the order they came."""
    number = row.number or 0
    alerts = session.exec(select(AlertRow).where(AlertRow.incident == number).order_by(col(AlertRow.id)))
    return Incident(
        number=number,
        cluster=row.cluster,
        group_key=row.group_key,
        title=row.title,
        severity=row.severity,
        state=IncidentState(row.state),
        phase=row.phase,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        alerts=tuple(alert_rows.value_of(alert) for alert in alerts),
    )
