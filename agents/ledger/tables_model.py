"""The ledger's table of questions to a language model."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


class ConsultationRow(SQLModel, table=True):
    """One question, before it is sent; what came of it is filled in once. Never the prompt itself: its
    evidence is in the ledger, and ``key`` is the digest of the whole."""

    __tablename__ = "consultation"
    id: int | None = Field(default=None, primary_key=True)
    incident: int = Field(foreign_key="incident.number", index=True)
    round: int
    stage: str
    key: str = Field(index=True)
    prompt: str
    model: str = Field(index=True)
    reserved: int
    asked_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
    until_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    outcome: str = ""
    problem: str = ""
    answered_by: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated: bool = False
    cost: int | None = Field(default=None, sa_column=Column(BigInteger(), nullable=True))
    claims: int = 0
    dropped: int = 0
    answer: dict[str, object] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )
