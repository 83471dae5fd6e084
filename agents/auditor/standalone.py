"""Check an export of Midwatch's record, alone: python -I standalone.py export.jsonl [--anchor TEXT|FILE].

Needs the standard library only. Recomputes chain and tree, checks signed checkpoints, decisions and anchors,
rebuilds where each plan stands, who decided and what was seen. Exit 0: whole. Exit 1: bent, and where.
"""

import argparse
import base64
import json
import sys
from collections.abc import Iterator
from functools import reduce
from hashlib import sha256, sha512
from itertools import chain
from pathlib import Path
from typing import Any

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]
Line = dict[str, Any]


def add(a: Point, b: Point) -> Point:
    """The sum of two points of edwards25519 in extended coordinates (RFC 8032, 5.1.4)."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    left, right = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    tt, zz = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = right - left, zz - tt, zz + tt, right + left
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n: int, point: Point) -> Point:
    """The point, n times."""
    rest = times(n >> 1, add(point, point)) if n > 1 else (0, 1, 1, 0)
    return add(rest, point) if n & 1 else rest


def point_of(data: bytes) -> Point:
    """The point that 32 bytes stand for (RFC 8032, 5.1.3). Raises ValueError."""
    sign, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    if len(data) != 32 or y >= P or (x * x - square) % P or (not x and sign):
        raise ValueError("not a point of the curve")
    return (x := P - x if x & 1 != sign else x), y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed_by(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 key (32 bytes) made this signature (RFC 8032, 5.1.7). Raises ValueError."""
    s = int.from_bytes(signature[32:], "little")
    a, r = point_of(key), point_of(signature[:32])
    k = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % ORDER
    (x1, y1, z1, _), (x2, y2, z2, _) = times(s, BASE), add(r, times(k, a))
    return len(signature) == 64 and s < ORDER and not (x1 * z2 - x2 * z1) % P and not (y1 * z2 - y2 * z1) % P


class Keys:
    """Public keys by name and id. The first counts because it is first, the others by its signature."""

    def __init__(self, lines: list[Line], first: str | None) -> None:
        self.known: dict[tuple[str, str], bytes] = {}
        for line in lines:
            name, key_id, encoded = line["key"].split("+", 2)
            raw = base64.b64decode(encoded)[1:]
            message = f"midwatch-key-v1\n{line['key']}\n{line['since']}\n".encode()
            older = self.known.get((name, line["by"]), b"")
            vouched = older and signed_by(older, message, base64.b64decode(line["signature"]))
            named = sha256(name.encode() + b"\n\1" + raw).hexdigest()[:8]
            if named != key_id or (self.known and not vouched):
                raise ValueError(f"nobody vouches for the key {key_id}")
            if not self.known and first not in {None, line["key"]}:
                raise ValueError(f"the first key is {line['key']} and not the one you named")
            self.known[name, key_id] = raw

    def opened(self, text: str) -> tuple[int, bytes, bytes]:
        """Size, root and head of a signed checkpoint. Raises ValueError."""
        lines = [line.strip() for line in text.splitlines() if line.strip().strip("`")]
        body = [line for line in lines if not line.startswith("— ")][-5:]
        for line in lines:
            mark, name, encoded = [*line.split(" ", 2), "", ""][:3]
            raw = base64.b64decode(encoded) if mark == "—" else b""
            key = self.known.get((name, raw[:4].hex()))
            if key and name == body[0] and signed_by(key, "".join(f"{x}\n" for x in body).encode(), raw[4:]):
                return int(body[1]), base64.b64decode(body[2]), bytes.fromhex(body[3].removeprefix("head "))
        raise ValueError(f"no known key signed this checkpoint: {' / '.join(body)[:80]}")


class Record:
    """The pass over the events: chain, tree (RFC 6962, 2.1: the right edge), and what they tell."""

    def __init__(self, header: Line) -> None:
        self.seq, self.head = int(header["after"]), bytes.fromhex(header["head"])
        self.start, self.peaks = self.seq, [bytes.fromhex(peak) for peak in header["peaks"]]
        self.marks: dict[int, list[tuple[str, bytes, bytes]]] = {}
        self.told: dict[tuple[str, Any, str], str] = {}

    def event(self, line: Line) -> None:
        """One row, with its words or, where they are nobody's business, with its leaf alone."""
        body = line["body"].encode() if "body" in line else None
        leaf = bytes.fromhex(line["leaf"]) if body is None else sha256(b"\0" + body).digest()
        self.head, self.seq = sha256(b"\2" + self.head + leaf).digest(), self.seq + 1
        if (line["seq"], line["hash"]) != (self.seq, self.head.hex()):
            raise ValueError(f"row {self.seq} does not follow from the rows before it")
        self.peaks.append(leaf)
        for _ in range((self.seq & -self.seq).bit_length() - 1):
            self.peaks[-2:] = [sha256(b"\1" + self.peaks[-2] + self.peaks[-1]).digest()]
        for found, head, root in self.marks.get(self.seq, ()):
            top = reduce(lambda top, left: sha256(b"\1" + left + top).digest(), reversed(self.peaks))
            if (head, root) != (self.head, top):
                raise ValueError(f"row {self.seq}: the rows up to here are not those of {found}")
        if body is not None:
            self.hear(json.loads(body))

    def hear(self, said: Line) -> None:
        """What an event tells of plans, evidence and decisions; one of midwatch decide is signed by key."""
        tag, plan, body, told = said["tag"], said["plan"], said["body"], self.told
        if said["seq"] != self.seq:
            raise ValueError(f"row {self.seq} calls itself row {said['seq']}")
        if tag == "any:plan:move":
            before = told.get(("plan", 0, plan), body["from"] if self.start else "DRAFT")
            if body["from"] != before:
                raise ValueError(f"row {self.seq}: {plan} stood at {before}, it moves from {body['from']}")
            told["plan", 0, plan] = body["to"]
        elif tag == "investigator:plan:draft":
            told["draft", 0, plan] = body["digest"]
        elif tag == "gatekeeper:plan:decide":
            told["decision", plan, body["mac"]] = ""
            if "statement" in body:
                word, by = json.loads(body["statement"]), body["by"]
                key, mark = (base64.b64decode(body[x].removeprefix("ed25519:")) for x in ("key", "signature"))
                signed = signed_by(key, b"midwatch-decision-v1\0" + body["statement"].encode(), mark)
                meant = [word[name] for name in ("team_id", "user_id", "verdict", "plan_digest")]
                if not signed or meant != [by["team_id"], by["user_id"], body["verdict"], body["digest"]]:
                    raise ValueError(f"row {self.seq}: the key that it names did not sign this decision")
        elif tag == "investigator:evidence:store":
            told["evidence", said["incident"], body["id"]] = body["digest"]
        elif tag == "operator:payload:erase":
            told["erased", 0, body["digest"]] = ""

    def compare(self, line: Line) -> None:
        """One fact beside the events: it must be what they tell."""
        if line["kind"] == "plan":
            digest = sha256(b"midwatch-plan-v1\0" + line["canonical"].encode()).hexdigest()
            told = self.told.get(("draft", 0, line["id"])), self.told.get(("plan", 0, line["id"]), "DRAFT")
            if told != (digest, line["state"]):
                raise ValueError(f"plan {line['id']}: its bytes or its state are not what the events say")
        elif line["kind"] == "decision" and ("decision", line["plan"], line["body"]["mac"]) not in self.told:
            raise ValueError(f"plan {line['plan']}: a decision of which no event tells")
        elif line["kind"] == "evidence":
            digest = self.told.get(("evidence", line["incident"], line["id"]), "")
            gone = line["excerpt"] == "[erased]" and ("erased", 0, digest) in self.told
            if not gone and sha256(line["excerpt"].encode()).hexdigest() != digest:
                raise ValueError(f"INC-{line['incident']}: {line['id']} is not what was seen")


def check(lines: Iterator[Line], anchors: list[str], first: str | None) -> Record:
    """Check all lines; the record as it was recomputed. Raises ValueError."""
    record, keys = Record(header := next(lines)), Keys(header["keys"], first)
    given = ({"kind": "checkpoint", "note": note, "found": "an anchor"} for note in anchors)
    for line in chain(given, lines):
        if line["kind"] == "checkpoint":
            size, root, head = keys.opened(line["note"])
            record.marks.setdefault(size, []).append((line.get("found", "its checkpoint"), head, root))
        elif line["kind"] == "event":
            record.event(line)
        else:
            record.compare(line)
    if not header["part"] and (beyond := [size for size in record.marks if size > record.seq]):
        raise ValueError(f"row {record.seq + 1} is missing: a checkpoint or anchor knows {min(beyond)}")
    return record


def main() -> None:
    """Read, check, say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--anchor", action="append", default=[], help="a checkpoint, or a file of them")
    parser.add_argument("--key", help="the first public key, if you know it from elsewhere")
    asked = parser.parse_args()
    try:
        text = "\n\n".join(one if "\n" in one else Path(one).read_text("utf-8") for one in asked.anchor)
        notes = [note for note in text.replace("\n\n—", "\n—").split("\n\n") if "— " in note]
        with asked.export.open(encoding="utf-8") as file:
            record = check(map(json.loads, file), notes, asked.key)
    except OSError as problem:  # Exit 2: a file that is not there says nothing about the record.
        parser.error(f"{problem.filename} cannot be read: {problem.strerror}")
    except (KeyError, ValueError, IndexError, TypeError, StopIteration) as problem:
        sys.exit(f"NOT whole: {problem}" if isinstance(problem, ValueError) else f"NOT whole: {problem!r}")
    met = [size for size in record.marks if record.start < size <= record.seq]
    signed = f"signed or anchored up to row {max(met)}" if met else "nothing in it is signed or anchored"
    sys.stdout.write(f"whole: rows {record.start + 1} to {record.seq}; {signed}\n")


if __name__ == "__main__":
    main()
