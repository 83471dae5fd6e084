"""The ledger's table of people who are logged in to the pages."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


class WebSessionRow(SQLModel, table=True):
    """One login, by the digest of what its cookie holds; ``seen_at`` moves, and logging out deletes it."""

    __tablename__ = "web_session"
    key: str = Field(primary_key=True)
    method: str
    subject: str
    name: str
    ids: list[str] = Field(sa_column=Column(JSON, nullable=False))
    opened_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
