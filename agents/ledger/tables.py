"""The ledger's tables. INSERT only, unless a docstring says which columns move.

Table models do not validate: rows are built from values that did. Times are aware UTC.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


def _at(*, null: bool = False, index: bool = False) -> Any:
    return Field(sa_column=Column(UtcDateTime(), nullable=null, index=index), default=None)


def _json() -> Any:
    return Field(sa_column=Column(JSON, nullable=False))


def _bytes() -> Any:
    return Field(sa_column=Column(LargeBinary, nullable=False))


class DeliveryRow(SQLModel, table=True):
    """One webhook request, raw, as it was acknowledged."""

    __tablename__ = "delivery"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    raw: bytes = _bytes()
    received_at: datetime = _at()
    source: str
    status: str
    problem: str
    disposition: str
    incident: int | None = Field(default=None, index=True)


class IncidentRow(SQLModel, table=True):
    """One incident. ``open_key`` is unique and becomes NULL on closing: one open incident a
    group. State, phase, times, outcome and lease columns move."""

    __tablename__ = "incident"
    number: int | None = Field(default=None, primary_key=True)
    cluster: str
    group_key: str
    open_key: str | None = Field(default=None, unique=True)
    title: str
    severity: str
    state: str = Field(index=True)
    phase: str
    round: int = 0
    opened_at: datetime = _at()
    began_at: datetime | None = _at(null=True, index=True)
    closed_at: datetime | None = _at(null=True)
    resolved_at: datetime | None = _at(null=True)
    outcome: dict[str, object] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    lease_owner: str = ""
    lease_token: int = 0
    lease_until: datetime | None = _at(null=True)


class AlertRow(SQLModel, table=True):
    """One alert of an incident by fingerprint; ``firing`` and the times move."""

    __tablename__ = "alert"
    __table_args__ = (UniqueConstraint("incident", "fingerprint"),)
    id: int | None = Field(default=None, primary_key=True)
    incident: int = Field(foreign_key="incident.number")
    fingerprint: str = Field(index=True)
    firing: bool
    labels: dict[str, str] = _json()
    annotations: dict[str, str] = _json()
    starts_at: datetime = _at()
    ends_at: datetime | None = _at(null=True)
    generator_url: str


class EvidenceRow(SQLModel, table=True):
    """One look at the world; ``n`` counts per incident, ``key`` makes a repeated stage idempotent."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("incident", "n"), UniqueConstraint("incident", "key"))
    id: int | None = Field(default=None, primary_key=True)
    incident: int = Field(foreign_key="incident.number")
    n: int
    key: str
    body: dict[str, object] = _json()


class DiagnosisRow(SQLModel, table=True):
    """One diagnosis per round of investigation."""

    __tablename__ = "diagnosis"
    __table_args__ = (UniqueConstraint("incident", "round"),)
    id: int | None = Field(default=None, primary_key=True)
    incident: int = Field(foreign_key="incident.number")
    round: int
    at: datetime = _at()
    body: dict[str, object] = _json()


class PlanRow(SQLModel, table=True):
    """The canonical bytes of a plan and the columns that are searched."""

    __tablename__ = "plan"
    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    canonical: bytes = _bytes()
    incident: int = Field(foreign_key="incident.number", index=True)
    created_at: datetime = _at()
    pending_until: datetime = _at()
    note: str = ""


class ProposalRow(SQLModel, table=True):
    """Where a plan stands; every column but ``plan_id`` moves, by compare-and-set on ``version``."""

    __tablename__ = "proposal"
    plan_id: str = Field(primary_key=True, foreign_key="plan.id")
    state: str = Field(index=True)
    version: int
    state_at: datetime = _at()
    reason: str = ""
    channel_id: str = ""
    message_ts: str = ""
    card_digest: str = ""
    obstacle: str = ""
    successor: str = ""


class PreviewRow(SQLModel, table=True):
    """The accepted dry-run of a plan."""

    __tablename__ = "preview"
    plan_id: str = Field(primary_key=True, foreign_key="plan.id")
    at: datetime = _at()
    diffs: list[str] = _json()
    dry_run_digest: str
    warnings: list[str] = _json()


class DecisionRow(SQLModel, table=True):
    """One person's word on one plan; whoever approved may still deny, and nobody says one thing twice."""

    __tablename__ = "decision"
    __table_args__ = (UniqueConstraint("plan_id", "team_id", "user_id", "verdict"),)
    id: int | None = Field(default=None, primary_key=True)
    plan_id: str = Field(foreign_key="plan.id", index=True)
    team_id: str
    user_id: str
    verdict: str
    body: dict[str, object] = _json()


class NonceRow(SQLModel, table=True):
    """The digest of one authenticated interaction, so that it counts once."""

    __tablename__ = "nonce"
    hash: str = Field(primary_key=True)
    seen_at: datetime = _at()


class ExecutionRow(SQLModel, table=True):
    """The one attempt at a plan; the lease moves while its owner lives."""

    __tablename__ = "execution"
    plan_id: str = Field(primary_key=True, foreign_key="plan.id")
    attempt_id: str
    actor_id: str
    claimed_at: datetime = _at()
    lease_until: datetime = _at()
    deadline_at: datetime = _at()


class StepRow(SQLModel, table=True):
    """One step: the intent before it is sent; the result columns are filled once."""

    __tablename__ = "step"
    __table_args__ = (UniqueConstraint("plan_id", "n"),)
    id: int | None = Field(default=None, primary_key=True)
    plan_id: str = Field(foreign_key="plan.id")
    n: int
    intent_at: datetime = _at()
    request_digest: str
    result_at: datetime | None = _at(null=True)
    http_status: int | None = None
    outcome: str = ""
    observed_resource_version: str = ""


class ObjectLockRow(SQLModel, table=True):
    """One active plan an object: held from its draft until the plan has ended."""

    __tablename__ = "object_lock"
    object: str = Field(primary_key=True)
    plan_id: str = Field(foreign_key="plan.id", index=True)


class CardRow(SQLModel, table=True):
    """The one message of an incident. ``message_ts`` is empty between the intent and the post."""

    __tablename__ = "card"
    incident: int = Field(primary_key=True, foreign_key="incident.number")
    channel_id: str
    message_ts: str = ""
    digest: str = ""
    tried_at: datetime = _at(index=True)


class ThreadRow(SQLModel, table=True):
    """One entry of a card's thread, by a key that makes posting it twice visible."""

    __tablename__ = "thread_entry"
    __table_args__ = (UniqueConstraint("incident", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    incident: int = Field(foreign_key="incident.number")
    key: str
    message_ts: str = ""


class AuditRow(SQLModel, table=True):
    """One link of the hash chain."""

    __tablename__ = "audit"
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    prev_hash: str
    hash: str
    body: bytes = _bytes()
    tag: str = Field(index=True)
    plan_id: str = Field(default="", index=True)
    incident: int | None = Field(default=None, index=True)
    at: datetime = _at()


class ChainHeadRow(SQLModel, table=True):
    """The end of the chain: one row, locked by whoever appends."""

    __tablename__ = "chain_head"
    id: int = Field(primary_key=True)
    seq: int
    hash: str


class CheckpointRow(SQLModel, table=True):
    """One signed checkpoint: the note over the rows up to ``size``."""

    __tablename__ = "checkpoint"
    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    note: str
    at: datetime = _at()


class AnchorRow(SQLModel, table=True):
    """Where a checkpoint was told outside the database; the proof is there, not here."""

    __tablename__ = "anchor"
    id: int | None = Field(default=None, primary_key=True)
    size: int
    place: str = Field(index=True)
    reference: str
    at: datetime = _at()


class PayloadRow(SQLModel, table=True):
    """What an event says of a person, by the digest that the event holds. Only erasing changes a row:
    then words and salt are gone."""

    __tablename__ = "payload"
    digest: str = Field(primary_key=True)
    person: str = Field(index=True)
    salt: str
    words: str
    erased_at: datetime | None = _at(null=True)


class HaltRow(SQLModel, table=True):
    """One row: whether the watch is halted, by whom and why."""

    __tablename__ = "halt"
    id: int = Field(primary_key=True)
    halted: bool
    by: str
    reason: str
    at: datetime = _at()
