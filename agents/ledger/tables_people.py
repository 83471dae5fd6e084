"""The ledger's tables beside the protocol: what people say, and the files they were shown. No row here
lets anything be changed in a cluster."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


class FeedbackRow(SQLModel, table=True):
    """How good one person found the diagnosis of one incident; the last word moves all but the key.

    ``round`` is the investigation that had been written by then: a later one is another diagnosis.
    """

    __tablename__ = "feedback"
    incident: int = Field(primary_key=True, foreign_key="incident.number")
    team_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    grade: str = Field(index=True)
    round: int
    at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


class SnoozeRow(SQLModel, table=True):
    """Who quieted the calls of one incident, and until when; no end means until it is over."""

    __tablename__ = "snooze"
    incident: int = Field(primary_key=True, foreign_key="incident.number")
    team_id: str
    user_id: str
    at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    until_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))


class ChatFileRow(SQLModel, table=True):
    """One file in a card's thread, by a key that makes uploading it twice visible; ``sha256`` is of its
    bytes as uploaded."""

    __tablename__ = "chat_file"
    incident: int = Field(primary_key=True, foreign_key="incident.number")
    key: str = Field(primary_key=True)
    file_id: str
    link: str
    sha256: str
    at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
