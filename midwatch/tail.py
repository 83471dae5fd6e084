"""``midwatch tail``: the record as it is written. When the database goes away nothing is missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson

from agents.ledger.store import Ledger, LedgerUnavailable
from agents.ledger.tables import AuditRow
from agents.ledger.watching import events, last
from midwatch.terminal import Form, clean, data, say, trouble
from midwatch.web.lines import line_of
from tools.redaction import redacted

LOOK_S = 0.5
AGAIN_S = 1.0
# Rows are read in parts, so that whoever is a million behind holds hundreds of them.
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is followed: all or one incident, how many events from before, and how they are told."""

    incident: int | None = None
    before: int = 20
    follow: bool = False
    form: Form = Form.TABLE


def follow(opened: Callable[[], Ledger], wish: Wish) -> None:
    """Tell what was written, and go on while ``wish.follow``.

    ``opened`` gives the ledger, again after a break. Raises LedgerUnavailable when it is away at first.
    """
    first = opened()
    with first.read() as session:
        seen = last(session, wish.before, wish.incident)
    ledger: Ledger | None = first
    while True:
        try:
            ledger = ledger or _back(opened)
            for row in _news(ledger, seen, wish.incident):
                # Counted row by row: after a break in the middle none is told twice.
                _tell(row, wish.form)
                seen = row.seq
        except LedgerUnavailable as problem:
            if not wish.follow:
                raise
            _lost(ledger, problem)
            ledger = None
            continue
        if not wish.follow:
            ledger.close()
            return
        time.sleep(LOOK_S)


def _news(ledger: Ledger, seen: int, incident: int | None) -> Iterator[AuditRow]:
    while True:
        with ledger.read() as session:
            rows = list(events(session, after=seen, incident=incident, limit=_AT_ONCE))
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        seen = rows[-1].seq


def _lost(ledger: Ledger | None, problem: LedgerUnavailable) -> None:
    """Say it once, when it is lost and not at every try."""
    if ledger is not None:
        trouble(clean(problem), "nothing: it goes on where it stopped as soon as the ledger is back")
        ledger.close()
    time.sleep(AGAIN_S)


def _back(opened: Callable[[], Ledger]) -> Ledger:
    ledger = opened()
    say("midwatch: the ledger is back", err=True)
    return ledger


def _tell(row: AuditRow, form: Form) -> None:
    line = line_of(row)
    if form is Form.TABLE:
        where = f"INC-{line.incident}" if line.incident else ""
        say(f"{line.at:%H:%M:%S}  {where:8} {line.tag:34} {clean(line.text)}".rstrip())
        return
    facts = {"seq": row.seq, "at": row.at.isoformat(), "tag": row.tag, "incident": row.incident}
    body = redacted(orjson.loads(row.body)["body"])
    data({**facts, "plan": row.plan_id, "body": body, "hash": row.hash}, one_line=True)
