"""The ledger's table of what people asked for in the chat and what came of it. No row here lets anything be
changed in a cluster."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


class ErrandRow(SQLModel, table=True):
    """One wish: a look at a namespace, or a question about an incident. The answer is filled in once, and
    ``told_at`` when its person was told.

    ``subject`` is the namespace, or the digest of the question's words (``payload``).
    """

    __tablename__ = "errand"
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subject: str
    incident: int | None = Field(default=None, foreign_key="incident.number")
    team_id: str
    user_id: str = Field(index=True)
    channel_id: str
    thread_ts: str = ""
    asked_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    answer: dict[str, object] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True), nullable=True)
    )
    told_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
