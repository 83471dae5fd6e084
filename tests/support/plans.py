"""Plans, decisions and notifications as tests like them: valid, small, easy to vary."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from agents.incident import Alert, Approver, Decision, Plan, Verdict
from agents.ledger.listing import Wanted, found
from agents.ledger.notification import Delivery, Notification
from agents.ledger.store import Ledger
from midwatch.intake.notification import delivery_key
from tools.kubernetes.actions.step import Step

ADA = Approver(team_id="T0OURS", user_id="U0ADA")
BEN = Approver(team_id="T0OURS", user_id="U0BEN")


def a_step(**changes: Any) -> Step:
    """Set the image of ``shop/checkout`` back to one that was seen before."""
    values: dict[str, Any] = {
        "verb": "set_image",
        "api_version": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "checkout",
        "uid": "0b8a3f2e-5f0c-4a53-9d6e-5a1f0f6f7c11",
        "expect": {
            "/metadata/generation": 4,
            "/spec/template/spec/containers/0/image": "registry/checkout:9",
        },
        "set": {"/spec/template/spec/containers/0/image": "r/checkout:8"},
    }
    return Step(**(values | changes))


def a_plan(now: datetime, **changes: Any) -> Plan:
    """A T1 plan of one step for INC-1, open for 30 minutes."""
    values: dict[str, Any] = {
        "cluster_uid": "c1a5",
        "incident": "INC-1",
        "steps": (a_step(),),
        "tier": 1,
        "approvals_needed": 1,
        "pending_until": now + timedelta(minutes=30),
        "claim_within_s": 120,
        "policy_version": "1",
        "nonce": "0" * 32,
    }
    return Plan(**(values | changes))


def a_decision(plan: Plan, now: datetime, **changes: Any) -> Decision:
    """Ada approves this plan; from tier 2 on she typed what has to be typed."""
    values: dict[str, Any] = {
        "plan_id": plan.id,
        "plan_digest": plan.digest,
        "approver": ADA,
        "verdict": Verdict.APPROVE,
        "at": now,
        "request": {"typed": plan.digest[:6]} if plan.tier > 1 else {},
    }
    return Decision(**(values | changes))


def an_alert(now: datetime, **changes: Any) -> Alert:
    """A firing KubePodNotReady of shop/checkout."""
    values: dict[str, Any] = {
        "fingerprint": "f1",
        "firing": True,
        "labels": {"alertname": "KubePodNotReady", "namespace": "shop", "severity": "warning"},
        "annotations": {},
        "starts_at": now,
    }
    return Alert(**(values | changes))


def a_delivery(now: datetime, *alerts: Alert, **changes: Any) -> Delivery:
    """One usable webhook of the group ``g`` from the cluster ``demo``."""
    note = Notification(
        group_key=changes.pop("group_key", "g"), alerts=alerts, truncated=changes.pop("truncated", 0)
    )
    values: dict[str, Any] = {
        "key": delivery_key(note),
        "raw": b"{}",
        "received_at": now,
        "source": "demo",
        "notification": note,
    }
    return Delivery(**(values | changes))


def numbers(ledger: Ledger, **narrowed: Any) -> list[int]:
    """The incidents that a list shows, newest first."""
    with ledger.read() as session:
        return [one.number for one in found(session, Wanted(**narrowed), ledger.now())]
