"""The ledger's tables of what was seen in the chat: sealed rows, and the claim goes by no other."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from agents.ledger.engine import UtcDateTime


class AccountRow(SQLModel, table=True):
    """The last look at an approver's account, sealed; all but the key moves with each look."""

    __tablename__ = "account"
    team_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    good: bool
    seen_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    mac: str


class ChatGroupRow(SQLModel, table=True):
    """The last look at a user group of the roster, sealed; all but the key moves with each look.

    ``members`` are user ids with spaces between: whatever somebody writes there can be read.
    """

    __tablename__ = "chat_group"
    team_id: str = Field(primary_key=True)
    group_id: str = Field(primary_key=True)
    handle: str
    members: str
    flaw: str
    seen_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    mac: str
