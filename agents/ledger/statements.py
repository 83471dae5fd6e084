"""What a person signs with a key of their own, where there is no chat to click in: ``midwatch decide``.

A statement names everything that it decides: the plan by its digest, the cluster, the verdict, who says
so, when, and a number that is used once. It is signed as canonical JSON (RFC 8785) behind a tag, so that
no signature made for anything else can pass for one. Pure; threats T13, T17, T18 and T39.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

import orjson
import rfc8785
from pydantic import AwareDatetime, Field, ValidationError

from agents.incident import Approver, Decision, Hex64, Plan, Value, Verdict
from agents.ledger.moves import TYPED_DIGITS
from agents.ledger.signing import sign, verifies
from tools.kubernetes.objects import JsonObject, NonEmpty

MAY_BE_OFF = timedelta(seconds=60)
"""How far the signer's clock may be from the ledger's, and how old a statement may be when it comes."""
LONGEST = 4000
"""Characters of a statement: with the longest names that Slack and Kubernetes allow it has some 600."""
REASON = 500
_Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_Name = Annotated[NonEmpty, Field(max_length=100)]


class Said(Value):
    """The text of something signed. Each kind has a tag that stands before its bytes."""

    version: Literal[1] = 1
    team_id: _Name
    user_id: _Name
    at: AwareDatetime
    nonce: _Nonce

    @property
    def approver(self) -> Approver:
        """Who says it."""
        return Approver(team_id=self.team_id, user_id=self.user_id)

    @classmethod
    def tag(cls) -> bytes:
        """What stands before the bytes that are signed."""
        raise NotImplementedError

    def text(self) -> str:
        """The only form that is signed, sent and kept."""
        return rfc8785.dumps(self.model_dump(mode="json")).decode()

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What a text says, or None when it is not the canonical text of this kind."""
        if len(text) > LONGEST:
            return None
        try:
            found = cls.model_validate_json(text)
        except ValidationError:
            return None
        # What is read in two ways is signed in neither: keys twice, blanks, another way to write a time.
        return found if found.text() == text else None

    def lately(self, now: datetime) -> bool:
        """Whether it was signed within the last minute, by the ledger's clock."""
        return abs(now - self.at) <= MAY_BE_OFF

    def signed(self, private: bytes) -> str:
        """The signature over it."""
        return sign(private, self.tag() + self.text().encode())

    def signed_by(self, key: str, signature: str) -> bool:
        """Whether the owner of this key signed it."""
        return verifies(key, signature, self.tag() + self.text().encode())


class Look(Said):
    """Asking to be shown one plan, or with no ``plan`` those that wait for this person."""

    plan: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")] = ""

    @classmethod
    def tag(cls) -> bytes:
        """A look is never taken for a decision."""
        return b"midwatch-look-v1\0"


class Statement(Said):
    """A decision on one plan's bytes. ``reason_digest`` is salted, so that the words can be erased."""

    cluster_uid: _Name
    plan_digest: Hex64
    verdict: Verdict
    reason_digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    typed: Annotated[str, Field(pattern=rf"^[0-9a-f]{{{TYPED_DIGITS}}}$")]

    @classmethod
    def tag(cls) -> bytes:
        """A decision is never taken for anything else that is signed here."""
        return b"midwatch-decision-v1\0"

    def is_about(self, plan: Plan) -> bool:
        """Whether it is about these very bytes, in this cluster, and was typed for them."""
        return (
            (self.plan_digest, self.cluster_uid) == (plan.digest, plan.cluster_uid)
            # At every tier: a key file signs by itself, so that somebody looked is shown by nothing else.
            and self.typed == plan.digest[:TYPED_DIGITS]
        )

    def evidence(self, signature: str, key: str) -> dict[str, str]:
        """What a decision keeps of it, for the claim and for anybody who checks the record."""
        return {"statement": self.text(), "signature": signature, "key": key, "typed": self.typed}


def is_signed(decision: Decision) -> bool:
    """Whether it was made by ``midwatch decide`` and not by a click."""
    return "statement" in decision.request


def how(decision: Decision) -> str:
    """How it came, where that was not a click: words to stand behind the verdict."""
    return ", by midwatch decide" if is_signed(decision) else ""


def holds(decision: Decision, plan: Plan, key: str) -> bool:
    """Whether the decision is what its statement says, signed by the owner of ``key`` about this plan."""
    found = Statement.read(decision.request.get("statement", ""))
    return (
        found is not None
        and found.is_about(plan)
        and (found.approver, found.verdict) == (decision.approver, decision.verdict)
        and found.reason_digest == decision.reason_digest
        # Twice as long: it was counted a moment after it was judged.
        and abs(decision.at - found.at) <= 2 * MAY_BE_OFF
        and found.signed_by(key, decision.request.get("signature", ""))
    )


def of_event(decision: Decision) -> JsonObject:
    """What the audit event carries of a statement, so that whoever has the key can check it; or nothing."""
    return {name: decision.request[name] for name in ("statement", "signature", "key") if is_signed(decision)}


def fits_event(body: Mapping[str, object]) -> bool:
    """Whether an event of a decision carries no statement, or one that its key signed to the same effect."""
    if "statement" not in body:
        return True
    written, signature, key = (str(body.get(name)) for name in ("statement", "signature", "key"))
    found = Statement.read(written)
    if found is None or not found.signed_by(key, signature):
        return False
    said = {"by": found.approver.model_dump(), "verdict": found.verdict.value, "digest": found.plan_digest}
    return all(body.get(name) == value for name, value in said.items())


class Envelope(Value):
    """What is handed in: the text, its signature and, beside them, the words whose digest it holds."""

    text: Annotated[str, Field(max_length=LONGEST)]
    signature: Annotated[str, Field(max_length=100)]
    reason: Annotated[str, Field(max_length=REASON)] = ""
    reason_salt: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""

    @classmethod
    def of(cls, said: Said, private: bytes, words: tuple[str, str] = ("", "")) -> Envelope:
        """Signed and ready to send; ``words`` are the reason and its salt."""
        return cls(text=said.text(), signature=said.signed(private), reason=words[0], reason_salt=words[1])

    def wire(self) -> bytes:
        """The body of the request."""
        return orjson.dumps(self.model_dump())
