"""The ledger's tables of a storm in the chat: the digest of a channel, and which incidents it tells."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


class DigestRow(SQLModel, table=True):
    """One digest card. ``open_key`` is its channel, and NULL once the storm is over: one open digest a
    channel. All but the key, the channel and ``begun_at`` moves."""

    __tablename__ = "digest"
    id: int | None = Field(default=None, primary_key=True)
    channel_id: str
    open_key: str | None = Field(default=None, unique=True)
    message_ts: str = ""
    shown: str = ""
    told: int = 0
    begun_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    tried_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))


class DigestLineRow(SQLModel, table=True):
    """One incident that its channel's digest tells; deleted when it has a card of its own or is over."""

    __tablename__ = "digest_line"
    incident: int = Field(primary_key=True, foreign_key="incident.number")
    channel_id: str = Field(index=True)
    since: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
