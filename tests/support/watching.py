"""Incidents to be looked at from a terminal, one of them with a title that nobody wants to see as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.incident import Plan, Preview
from agents.ledger import incidents, investigations, previews
from agents.ledger.store import Ledger
from tests.support.plans import a_delivery, a_plan, an_alert

SECRET = ("ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2)[:40]
# A window's title, a CSI of one byte and one of two, a reordering, a hidden space, a line of its own.
HOSTILE = f"Bad\x1b]0;owned\x07\x9b31m\x1b[2J\u202eNot\u200bReady\nINC-9 all is well\x7f {SECRET}"


def environment(url: str, folder: Path) -> dict[str, str]:
    address = url.replace("postgresql+psycopg", "postgresql")
    return {"MIDWATCH_STATE_DIR": str(folder / "state"), "MIDWATCH_DATABASE_URL": address}


def opened(ledger: Ledger, number: int, **changes: Any) -> Plan:
    """An incident of its own group, and a plan that waits for a signature."""
    now = ledger.now()
    labels = {"alertname": "KubePodNotReady", "namespace": "shop", "severity": "warning"} | changes
    alert = an_alert(now, fingerprint=f"f{number}", labels=labels)
    incidents.accept(ledger, [a_delivery(now, alert, group_key=f"g{number}")])
    lease = investigations.take(ledger, number, "worker", 60)
    assert lease is not None
    plan = a_plan(now, nonce=f"{number:032x}", incident=f"INC-{number}")
    investigations.draft(ledger, lease, plan, "why")
    shown = Preview(plan_id=plan.id, at=now, diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    posted = previews.Posted(channel_id=f"C{number}", message_ts="1.1", card_digest="c")
    # The same change twice is asked about once: of a second one the words are told all the same.
    previews.mark_pending(ledger, plan.id, posted)
    return plan
