"""Seals: keyed digests that somebody who can only write the database cannot make.

The key lives in a file outside the database (mode 0600), shared by the gatekeeper, who seals
buttons and decisions, and the actor, who checks decisions again at the claim (threat T18).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TypeVar

import rfc8785

from agents.incident import Approver, Decision
from agents.ledger import payloads
from agents.ledger.accounts import Seen, SeenGroup

_KEY_BYTES = 32
Look = TypeVar("Look", Seen, SeenGroup)


class SealKey:
    """One secret key and what it seals. ``repr`` shows nothing of it."""

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise ValueError("a seal key has at least 32 bytes")
        self._key = key

    @classmethod
    def load(cls, path: Path) -> SealKey:
        """Read the key, or make it on first use; two processes starting at once agree on one."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            try:
                # A link never replaces: the first one to get here wins, the others read it.
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return cls(path.read_bytes())

    def button(self, plan_id: str) -> str:
        """The value of a button: ``plan_id.mac``."""
        return f"{plan_id}.{self._mac('button', plan_id.encode())[:32]}"

    def plan_of(self, value: str) -> str | None:
        """The plan id of a genuine button value, or None."""
        plan_id = value.partition(".")[0]
        return plan_id if hmac.compare_digest(value.encode(), self.button(plan_id).encode()) else None

    def sealed(self, decision: Decision) -> Decision:
        """The decision with its seal, which holds the reason by its digest (see ``payloads``)."""
        # A reason that its giver signed came with the salt of that signature.
        salted = (decision.reason_salt or payloads.salt()) if decision.reason else ""
        digest = payloads.digest_of(decision.reason, salted)
        closed = decision.model_copy(update={"reason_salt": salted, "reason_digest": digest})
        return closed.model_copy(update={"mac": self._decision_mac(closed)})

    def holds(self, decision: Decision) -> bool:
        """Whether the decision is exactly what was sealed; of an erased reason only the digest is left."""
        told = payloads.digest_of(decision.reason, decision.reason_salt)
        if decision.reason != payloads.ERASED and told != decision.reason_digest:
            return False
        return hmac.compare_digest(decision.mac.encode(), self._decision_mac(decision).encode())

    def form(self, approver: Approver, shown: tuple[str, ...]) -> str:
        """The mark of a form that was opened for this person about what is ``shown`` in it.

        Only who was sent the form has it: a click made with a stolen signing secret does not.
        """
        return self._mac("form", rfc8785.dumps([approver.team_id, approver.user_id, *shown]))[:32]

    def opened(self, mark: str, approver: Approver, shown: tuple[str, ...]) -> bool:
        """Whether we opened such a form for this person."""
        return hmac.compare_digest(mark.encode(), self.form(approver, shown).encode())

    def vouched(self, seen: Look) -> Look:
        """The look at an account or a group, with its seal."""
        return seen.model_copy(update={"mac": self._seen_mac(seen)})

    def vouches(self, seen: Seen | SeenGroup) -> bool:
        """Whether the look is exactly what was sealed."""
        return hmac.compare_digest(seen.mac.encode(), self._seen_mac(seen).encode())

    def _seen_mac(self, seen: Seen | SeenGroup) -> str:
        body = {**seen.model_dump(mode="json", exclude={"mac", "at"}), "at": seen.at.timestamp()}
        # The seal of one kind of look is never good for the other.
        return self._mac("seen" if isinstance(seen, Seen) else "seen group", rfc8785.dumps(body))

    def _decision_mac(self, decision: Decision) -> str:
        body = decision.model_dump(mode="json", exclude={"mac", "reason", "reason_salt"})
        return self._mac("decision", rfc8785.dumps(body))

    def _mac(self, what: str, body: bytes) -> str:
        return hmac.new(self._key, what.encode() + b"\0" + body, hashlib.sha256).hexdigest()
