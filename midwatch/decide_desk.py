"""``midwatch decide`` without its terminal: ask to be shown a plan, sign what was read, hand it in.

Nothing that the server sends is believed as far as it can be recomputed: the digest that is signed is of
the bytes that were shown.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.gatekeeper.signed import Shown
from agents.gatekeeper.touched import in_short
from agents.gatekeeper.whole import whole_text
from agents.incident import Plan, Verdict, digest_of
from agents.ledger import payloads
from agents.ledger.protocol import PlanState
from agents.ledger.statements import Envelope, Look, Statement
from midwatch.web.decide import LOOK, PATH
from tools.redaction import redact

if TYPE_CHECKING:
    from midwatch.decide_key import Signer

WITHIN_S = 15.0
_ID, _BEGINNING = re.compile("[0-9a-f]{16}"), re.compile("[0-9a-f]{4,64}")
_Body = TypeVar("_Body", bound=BaseModel)


class DecideProblem(Exception):
    """It could not be asked or handed in, so nothing was counted; ``then`` is what to do next."""

    retryable = False

    def __init__(self, why: str, then: str = "") -> None:
        super().__init__(why)
        self.then = then


class _Loose(BaseModel):
    # A newer server may say more.
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Plans(_Loose):
    plans: tuple[Shown, ...]


class Reply(_Loose):
    """What the server says of a decision that was handed in."""

    counted: bool
    says: str


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A plan as it was shown, its digest recomputed from its bytes."""

    plan: Plan
    shown: Shown

    def text(self) -> str:
        """All that is signed, whole: the words, what it touches, the diff, the risks, the undo."""
        plan, preview = self.plan, self.shown.preview
        facts = [
            ("Cluster", plan.cluster_uid),
            ("Risk", f"T{plan.tier}, {plan.needed} to approve"),
            *in_short(plan),
            ("Expires", f"{plan.pending_until:%Y-%m-%d %H:%M:%S} UTC"),
            ("Policy", plan.policy_version),
            ("Asked for by", plan.requester),
            ("Stands at", self.shown.state.value),
        ]
        warned = [("The API server warns", one) for one in (preview.warnings if preview else ())]
        lines = [f"{name}: {redact(value)}" for name, value in [*facts, *warned]]
        return "\n".join([whole_text(plan, preview), *lines, f"Digest: {plan.digest}"])


@dataclass(frozen=True, kw_only=True)
class Counter:
    """The server's two doors, for one person with a key."""

    url: str
    signer: Signer

    def __post_init__(self) -> None:
        """Refuse an address where somebody on the way would read what waits for a signature."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname or "")):
            raise DecideProblem(f"{self.url} is not https", "name the address of the pages with --url")

    def waiting(self) -> list[Offered]:
        """The plans that wait for this person, without their diffs. Raises DecideProblem."""
        return [_offered(one) for one in self._look("")]

    def plan(self, plan_id: str) -> Offered:
        """One plan whole, by its id or as many digits as a card shows. Raises DecideProblem."""
        plan_id = self._id_of(plan_id)
        found = [_offered(one) for one in self._look(plan_id)]
        if not found:
            raise DecideProblem(f"there is no plan {plan_id}")
        offered = found[0]
        if offered.plan.id != plan_id or (offered.shown.preview and offered.shown.preview.plan_id != plan_id):
            raise DecideProblem("another plan was shown than was asked for: nothing was signed")
        if offered.shown.preview is None or offered.shown.state is PlanState.DRAFT:
            raise DecideProblem(f"plan {plan_id} is not open for signing: it waits for a dry-run or a place")
        return offered

    def _id_of(self, digits: str) -> str:
        if _ID.fullmatch(digits):
            return digits
        # Cards and pages show twelve of them, and nobody types more than it takes.
        if not _BEGINNING.fullmatch(digits):
            raise DecideProblem(f"{digits} is not the beginning of a plan's digest: four digits at least")
        found = [one.plan.id for one in self.waiting() if one.plan.digest.startswith(digits)]
        if len(found) != 1:
            raise DecideProblem(f"{len(found) or 'no'} plans that wait for you begin with {digits}")
        return found[0]

    def decide(self, offered: Offered, verdict: Verdict, words: tuple[str, str]) -> Reply:
        """Sign and hand in; ``words`` are what was typed, and the reason. Raises DecideProblem."""
        typed, reason = words
        salt = payloads.salt() if reason else ""
        said = Statement(
            **self._who(),
            cluster_uid=offered.plan.cluster_uid,
            plan_digest=offered.plan.digest,
            verdict=verdict,
            reason_digest=payloads.digest_of(reason, salt),
            typed=typed,
        )
        return self._post(PATH, Envelope.of(said, self.signer.private, (reason, salt)), Reply)

    def _look(self, plan_id: str) -> tuple[Shown, ...]:
        asked = Look(**self._who(), plan=plan_id)
        return self._post(LOOK, Envelope.of(asked, self.signer.private), _Plans).plans

    def _who(self) -> dict[str, object]:
        now = datetime.now(UTC).replace(microsecond=0)
        who = {"team_id": self.signer.team_id, "user_id": self.signer.user_id}
        return {**who, "at": now, "nonce": secrets.token_hex(16)}

    def _post(self, path: str, envelope: Envelope, form: type[_Body]) -> _Body:
        headers = {"Content-Type": "application/json"}
        try:
            # Redirects stay off: what is signed is for this address and no other.
            with httpx.Client(timeout=WITHIN_S, follow_redirects=False) as client:
                answer = client.post(self.url.rstrip("/") + path, content=envelope.wire(), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            said = f"no answer from {self.url} ({type(problem).__name__})"
            if path == PATH:
                said += ": whether it was counted is shown by another look"
            raise DecideProblem(said, "does `midwatch serve` run there, and can it be reached?") from problem
        try:
            if answer.status_code in {httpx.codes.OK, httpx.codes.CONFLICT}:
                return form.model_validate_json(answer.content)
            said = Reply.model_validate_json(answer.content).says
        except ValidationError:
            said = f"{self.url} answered {answer.status_code} and nothing that Midwatch says"
        raise DecideProblem(redact(said)[:300])


def _offered(shown: Shown) -> Offered:
    try:
        plan = Plan.model_validate_json(shown.canonical)
    except ValidationError as problem:
        raise DecideProblem("the server shows something that is no plan of this version") from problem
    # Signed is the digest of what is shown here, whatever the server calls it.
    if plan.digest != digest_of(shown.canonical):
        raise DecideProblem("the plan is not in its canonical form: nothing was signed")
    return Offered(plan=plan, shown=shown)


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
