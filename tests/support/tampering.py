"""Bending a record at random, as somebody who owns the database and knows how it is made."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, text

from agents.ledger import chain
from agents.ledger.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Row:
    """One audit row."""

    seq: int
    prev_hash: str
    hash: str
    body: bytes
    tag: str
    plan_id: str
    incident: int | None
    at: str


Rows = list[Row]


def read(connection: Connection) -> Rows:
    found = connection.execute(
        text("SELECT seq, prev_hash, hash, body, tag, plan_id, incident, at FROM audit ORDER BY seq")
    )
    return [Row(**row) for row in found.mappings()]


def write(connection: Connection, rows: Rows) -> None:
    """Put these rows in place of what is there, with the head that belongs to them."""
    connection.execute(text("DELETE FROM audit"))
    insert = text(
        "INSERT INTO audit (seq, prev_hash, hash, body, tag, plan_id, incident, at) "
        "VALUES (:seq, :prev_hash, :hash, :body, :tag, :plan_id, :incident, :at)"
    )
    # Two rows of one number cannot be stored: then the second takes a free one.
    used: set[int] = set()
    stored = []
    for row in rows:
        seq = row.seq if row.seq not in used else max(used) + 1
        used.add(seq)
        stored.append({**vars(row), "seq": seq})
    connection.execute(insert, stored)
    last = max(stored, key=lambda row: row["seq"])
    connection.execute(
        text("UPDATE chain_head SET seq = :seq, hash = :hash"), {"seq": last["seq"], "hash": last["hash"]}
    )


def facts_of(row: Row) -> dict[str, Any] | None:
    """What the row says, or None when an earlier bend left no words."""
    try:
        facts = orjson.loads(row.body)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("body"), dict) else None


def edit(rows: Rows, at: int, luck: random.Random) -> None:
    """Change what a row says, or what stands beside it."""
    row, how = rows[at], luck.randrange(6)
    facts = facts_of(row)
    if how == 4:
        rows[at] = replace(row, hash=f"{luck.getrandbits(256):064x}")
    elif how == 3:
        rows[at] = replace(row, plan_id=f"{luck.getrandbits(64):016x}")
    elif how == 5 or facts is None:
        flipped = bytearray(row.body)
        flipped[luck.randrange(len(flipped))] ^= 1 << luck.randrange(7)
        rows[at] = replace(row, body=bytes(flipped))
    elif how == 0:
        facts["body"][luck.choice(list(facts["body"]) or ["new"])] = f"forged {luck.random()}"
        rows[at] = replace(row, body=chain.canonical(facts))
    elif how == 1:
        facts["at"] = "2026-01-01T00:00:00+00:00"
        rows[at] = replace(row, body=chain.canonical(facts), at="2026-01-01 00:00:00.000000")
    else:
        other = luck.choice([tag.value for tag in Tag if tag.value != row.tag])
        rows[at] = replace(row, body=chain.canonical({**facts, "tag": other}), tag=other)


def insert(rows: Rows, at: int, luck: random.Random) -> None:
    """A row that nobody wrote, like one that somebody did."""
    rows.insert(at, luck.choice(rows))


def delete(rows: Rows, at: int, luck: random.Random) -> None:
    """A row less."""
    del rows[at], luck


def reorder(rows: Rows, at: int, luck: random.Random) -> None:
    """Two rows in each other's place."""
    other = luck.choice([n for n in range(at + 1) if rows[n].body != rows[at].body] or [at - 1])
    rows[at], rows[other] = rows[other], rows[at]


def fork(rows: Rows, at: int, luck: random.Random) -> None:
    """Another history from here on: as long, and of the same kind."""
    for n in range(at, len(rows)):
        facts = facts_of(rows[n])
        if facts is not None:
            facts["body"] = {**facts["body"], "by": f"somebody else {luck.random()}"}
            rows[n] = replace(rows[n], body=chain.canonical(facts))


KINDS: tuple[Callable[[Rows, int, random.Random], None], ...] = (edit, insert, delete, reorder, fork)


def forged(rows: Rows, signed: int, luck: random.Random) -> Rows:
    """The rows with one to three of the first ``signed`` bent, and mended as well as the forger chose to."""
    bent = list(rows)
    kind = luck.choice(KINDS)
    for _ in range(luck.randint(1, 3)):
        kind(bent, luck.randrange(1, min(signed, len(bent))), luck)
    mending = luck.randrange(4)
    if mending == 3:
        return renumbered(bent)
    if mending == 2:
        return rehashed(bent)
    # A gap may stay, or be closed by counting anew; the bytes keep the numbers they had.
    return bent if mending else [replace(row, seq=seq) for seq, row in enumerate(bent, start=1)]


def rehashed(rows: Rows) -> Rows:
    """With the hashes of everything computed anew, as if each row had followed the one before it."""
    prev, made = chain.GENESIS, []
    for row in rows:
        own = chain.seal(prev, row.body)
        made.append(replace(row, prev_hash=prev, hash=own))
        prev = own
    return made


def renumbered(rows: Rows) -> Rows:
    """Numbers and columns made to fit as well: a record that is whole in itself."""
    made = []
    for seq, row in enumerate(rows, start=1):
        facts = facts_of(row)
        if facts is None or not {"tag", "plan", "incident"} <= set(facts):
            made.append(replace(row, seq=seq))
            continue
        tag, plan, incident = facts["tag"], facts["plan"], facts["incident"]
        body = chain.canonical({**facts, "seq": seq})
        made.append(replace(row, seq=seq, body=body, tag=tag, plan_id=plan, incident=incident))
    return rehashed(made)
