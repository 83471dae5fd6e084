"""The words of the house: frozen values that refuse nonsense at birth.

Alert, Incident, Evidence, Finding, Hypothesis, Claim, Diagnosis, Plan, Preview, Decision, Receipt, Outcome.
Pure data; no I/O, no clock, no database. ``docs/glossary.md`` lists every class, and a test compares the two.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tools.kubernetes.actions.step import Step
from tools.kubernetes.objects import JsonObject, NonEmpty, ObjectRef
from tools.policy.facts import Radius

PLAN_DIGEST_PREFIX = b"midwatch-plan-v1\0"
PROSE_LIMIT = 600
"""Characters of prose in a diagnosis; a card has room for no more."""
EvidenceId = Annotated[str, Field(pattern=r"^E[1-9][0-9]*$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Value(BaseModel):
    """The base of every word: frozen, keyword-only, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Alert(Value):
    """One alert of a delivery, as Alertmanager described it (webhook version 4)."""

    fingerprint: NonEmpty
    firing: bool
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The ``alertname`` label, or a plain stand-in when the sender left it out."""
        return self.labels.get("alertname") or "unnamed alert"


class IncidentState(StrEnum):
    """Where an incident stands; CLOSED is final."""

    OPEN = "open"
    CLOSED = "closed"


class Incident(Value):
    """One problem, whatever number of alerts report it. ``number`` 7 is written ``INC-7``."""

    number: int = Field(ge=1)
    cluster: NonEmpty
    group_key: str
    title: NonEmpty
    severity: str
    state: IncidentState
    phase: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    alerts: tuple[Alert, ...]

    @property
    def id(self) -> str:
        """The name people use: ``INC-7``."""
        return f"INC-{self.number}"

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts that still fire."""
        return tuple(alert for alert in self.alerts if alert.firing)


class Evidence(Value):
    """What one tool call returned, kept so that anyone can check a claim against it.

    ``excerpt`` is bounded and redacted, ``digest`` its SHA-256 as stored; ``notes`` says what was redacted,
    truncated or refused. Without ``ok`` it holds the reason, and the fact counts as "not checked".
    """

    id: EvidenceId
    tool: NonEmpty
    query: NonEmpty
    fetched_at: AwareDatetime
    window_start: AwareDatetime | None = None
    window_end: AwareDatetime | None = None
    ok: bool = True
    excerpt: str
    digest: Hex64
    notes: tuple[str, ...] = ()


class Severity(StrEnum):
    """How much a finding matters to the people who are served."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Finding(Value):
    """One observed condition of one object, with the fields that show it.

    ``code`` is stable and dotted (``pod.image.not_found``). ``fields`` are the exact values read, by
    JSON pointer or by name. ``since`` is when the condition began, if it is known.
    """

    code: NonEmpty
    severity: Severity
    object: ObjectRef
    message: NonEmpty
    fields: JsonObject = Field(default_factory=dict)
    evidence: tuple[EvidenceId, ...] = ()
    since: AwareDatetime | None = None

    @property
    def key(self) -> str:
        """Identity within one diagnosis: the code and the object."""
        return f"{self.code}@{self.object}"


class Hypothesis(Value):
    """One possible cause: what it explains, what it leaves open, how well it fits (0 to 1)."""

    code: NonEmpty
    object: ObjectRef
    sentence: NonEmpty
    explains: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    score: float = Field(ge=0, le=1)
    facts: JsonObject = Field(default_factory=dict)


class Claim(Value):
    """One sentence of a diagnosis with the evidence that carries it.

    ``quotes`` must stand literally in the cited evidence, ``objects`` must occur in it.
    """

    text: NonEmpty
    evidence: tuple[EvidenceId, ...] = Field(min_length=1)
    quotes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


class Diagnosis(Value):
    """What is believed, why, and what could not be looked at.

    ``cause`` None means "not established", a valid answer. ``source`` says whether the rules
    alone spoke or a model as well. ``dropped_claims`` counts claims that failed the check.
    ``changed`` is what was changed near the alerts before they started: no cause by itself.
    """

    cause: Hypothesis | None
    claims: tuple[Claim, ...] = ()
    alternatives: tuple[Hypothesis, ...] = ()
    findings: tuple[Finding, ...] = ()
    confidence: Literal["none", "low", "medium", "high"]
    not_checked: tuple[str, ...] = ()
    changed: tuple[Claim, ...] = ()
    dropped_claims: int = Field(default=0, ge=0)
    source: Literal["rules", "model"] = "rules"
    prose: str = Field(default="", max_length=PROSE_LIMIT)
    no_plan_because: str = ""
    patch: str = ""
    """The change to commit where the object is deployed from, as YAML, when nothing is proposed here."""
    unheard: str = ""
    """Why no model was heard, where one was to be asked."""


class Plan(Value):
    """The exact bytes a person signs. Any changed byte is another plan.

    Times are absolute. ``requester`` is who asked for the change (``midwatch`` when the
    investigator proposed it). ``undo_of`` names the plan this one reverses. ``radius`` is what each
    step touches, as far as tier and policy go by it; ``policy_version`` the digest of the policy.
    """

    version: Literal[1] = 1
    cluster_uid: NonEmpty
    incident: Annotated[str, Field(pattern=r"^INC-[1-9][0-9]*$")]
    steps: tuple[Step, ...] = Field(min_length=1)
    evidence: dict[str, Hex64] = Field(default_factory=dict)
    tier: int = Field(ge=1, le=3)
    approvals_needed: int = Field(ge=1, le=2)
    pending_until: AwareDatetime
    claim_within_s: int = Field(ge=1, le=3600)
    policy_version: NonEmpty
    radius: tuple[Radius, ...] = ()
    requester: NonEmpty = "midwatch"
    undo_of: str = ""
    supersedes: str = ""
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

    def canonical(self) -> bytes:
        """RFC 8785 bytes: the only form that is digested, stored, shown and executed."""
        # Plans from before this field was there keep the digest that was signed.
        without = set() if self.radius else {"radius"}
        return rfc8785.dumps(self.model_dump(mode="json", exclude=without))

    @property
    def digest(self) -> str:
        """SHA-256 over the prefix and the canonical bytes, in hex."""
        return digest_of(self.canonical())

    @property
    def id(self) -> str:
        """The first 16 hex digits of the digest: short enough for a button and a label."""
        return self.digest[:16]

    @property
    def needed(self) -> int:
        """How many humans must approve: what it says, and never fewer than its tier asks for."""
        return max(self.approvals_needed, 2 if self.tier == 3 else 1)


def digest_of(canonical: bytes | str) -> str:
    """The digest of a plan's bytes as stored. In SQLite they may be text, which must be found to be bent."""
    stored = canonical if isinstance(canonical, bytes) else canonical.encode()
    return hashlib.sha256(PLAN_DIGEST_PREFIX + stored).hexdigest()


class Preview(Value):
    """What the API server's dry-run says the plan would do; ``diffs`` has one text per step."""

    plan_id: NonEmpty
    at: AwareDatetime
    diffs: tuple[str, ...]
    dry_run_digest: Hex64
    warnings: tuple[str, ...] = ()


class Approver(Value):
    """A person as Slack authenticates one; display names and addresses are not identity."""

    team_id: NonEmpty
    user_id: NonEmpty


class Verdict(StrEnum):
    """What a person said about a plan."""

    APPROVE = "approve"
    DENY = "deny"


class Decision(Value):
    """One person's word on one plan's digest, sealed with a key that is not in the database.

    The seal holds ``reason`` by its salted digest, so that the words can be erased and the seal stays.
    """

    plan_id: NonEmpty
    plan_digest: Hex64
    approver: Approver
    verdict: Verdict
    reason: str = ""
    reason_salt: str = ""
    reason_digest: str = ""
    at: AwareDatetime
    request: dict[str, str] = Field(default_factory=dict)
    mac: str = ""


class Receipt(Value):
    """What happened to one step: the committed intent, and the answer if one was seen."""

    plan_id: NonEmpty
    step: int = Field(ge=1)
    intent_at: AwareDatetime
    request_digest: Hex64
    result_at: AwareDatetime | None = None
    http_status: int | None = None
    outcome: str = ""
    resource_version: str = ""


class Recovery(StrEnum):
    """Whether the trouble went away, judged by the alert's own signal and the workload."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not recovered"
    NOTHING_DONE = "nothing done"


class Outcome(Value):
    """How an incident ended, with the checks that say so."""

    recovery: Recovery
    at: AwareDatetime
    sentence: NonEmpty
    checks: dict[str, bool] = Field(default_factory=dict)
