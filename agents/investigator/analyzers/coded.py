"""What a condition's code carries: its sentence for people, and what it is read from.

A code cannot be written without both, so none can reach a card or the ledger unexplained.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Coded(StrEnum):
    """One observed condition of one object; each family of conditions has a class of its own.

    Codes are dotted and stable: they are added and never reused. ``says`` is what it means, for
    people; ``reads`` the Kubernetes fields and events it is read from.
    """

    _value_: str
    says: str
    reads: str

    def __new__(cls, code: str, says: str, reads: str) -> Self:
        """The member; its text is the code alone, for that is what is stored and compared."""
        member = str.__new__(cls, code)
        member._value_, member.says, member.reads = code, says, reads
        return member
