"""Who is logged in to the pages: opened, seen, closed, and each beginning and end in the record.

A row is found by the digest of the cookie's secret, so that a copy of the database opens no page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlmodel import col, delete

from agents.incident import Value
from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables_web import WebSessionRow
from agents.ledger.tags import Tag
from tools.kubernetes.objects import JsonObject
from tools.redaction import redact

Method = Literal["token", "slack", "oidc", "proxy"]
TOUCH = timedelta(seconds=60)
"""How far ``seen_at`` may lag behind: a page that refreshes itself must not write at every look."""


class Account(Value):
    """Somebody at the pages: how they came in, who that is, and every id that a role may be given to."""

    method: Method
    subject: str
    name: str
    ids: frozenset[str] = frozenset()

    @property
    def who(self) -> JsonObject:
        """Who it is, for an audit event. The name decides nothing and stays out of the record."""
        return {"by": redact(self.subject)[:200], "method": self.method}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a login lasts: unused, and at all."""

    idle: timedelta
    whole: timedelta


def digest(secret: str) -> str:
    """What is kept of the secret in a cookie."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def begin(ledger: Ledger, secret: str, account: Account, limits: Limits) -> None:
    """Log somebody in; logins that are over by now are swept out on the way."""
    with ledger.write() as tx:
        tx.session.connection().execute(
            delete(WebSessionRow).where(col(WebSessionRow.opened_at) < tx.now - limits.whole)
        )
        row = WebSessionRow(
            key=digest(secret),
            method=account.method,
            subject=account.subject,
            name=account.name,
            ids=sorted(account.ids),
            opened_at=tx.now,
            seen_at=tx.now,
        )
        tx.session.add(row)
        tx.audit(Tag.LOGGED_IN, account.who)


def seen(ledger: Ledger, secret: str, limits: Limits) -> Account | None:
    """Who this is, if the login still holds; that it was used is noted now and then."""
    now = ledger.now()
    with ledger.read() as session:
        row = session.get(WebSessionRow, digest(secret))
    if row is None or now - row.opened_at >= limits.whole or now - row.seen_at >= limits.idle:
        return None
    if now - row.seen_at >= TOUCH:
        _touch(ledger, row.key)
    return Account.model_validate(row.model_dump(include={"method", "subject", "name", "ids"}))


def _touch(ledger: Ledger, key: str) -> None:
    try:
        with ledger.write() as tx:
            row = tx.session.get(WebSessionRow, key)
            if row is not None:
                row.seen_at = tx.now
                tx.session.add(row)
    except LedgerUnavailable:
        # A ledger that cannot be written is when people read the pages most; the login ends sooner, at worst.
        return


def end(ledger: Ledger, secret: str) -> None:
    """Log out: from here on the cookie opens nothing, whoever kept a copy."""
    with ledger.write() as tx:
        row = tx.session.get(WebSessionRow, digest(secret))
        if row is not None:
            tx.session.delete(row)
            tx.audit(Tag.LOGGED_OUT, {"by": redact(row.subject)[:200], "method": row.method})


def refuse(ledger: Ledger, method: Method, subject: str, why: str) -> None:
    """Write down that somebody was not let in, and why."""
    with ledger.write() as tx:
        body = {"by": redact(subject)[:200], "method": method, "why": redact(why)[:300]}
        tx.audit(Tag.LOGIN_REFUSED, body)


def verify_asked(ledger: Ledger, account: Account) -> None:
    """Write down that somebody had the whole record recomputed."""
    with ledger.write() as tx:
        tx.audit(Tag.VERIFY_ASKED, account.who)


def record_taken(ledger: Ledger, account: Account, incident: int | None = None, since: str = "") -> None:
    """Write down that somebody took a copy of the record, of one incident or from a time on.

    Before the copy is made: a record that cannot say who has it is not given away.
    """
    with ledger.write() as tx:
        tx.audit(Tag.RECORD_TAKEN, {**account.who, "since": redact(since)[:40]}, incident=incident)
