"""What reasoning asks of the reader's frozen inventory.

A protocol and not the class: a rule that needs nothing else can be tried on any set of objects, and none can
reach back to the cluster.
"""

from __future__ import annotations

from typing import Protocol

from tools.kubernetes.objects import JsonObject, ObjectRef


class Objects(Protocol):
    """The part of the reader's frozen inventory that reasoning needs."""

    @property
    def not_checked(self) -> tuple[str, ...]:
        """One sentence per read that failed or was cut short, but for those that are meant to be refused."""
        ...

    @property
    def left_out(self) -> tuple[str, ...]:
        """One sentence for each kind that this account is meant not to list."""
        ...

    def withheld(self, kind: str, namespace: str) -> bool:
        """Whether this account is meant not to list this kind."""
        ...

    @property
    def silent(self) -> bool:
        """Whether the server left a question without an answer."""
        ...

    def unread(self, kind: str, namespace: str) -> bool:
        """Whether there may be objects of this kind there that were not read."""
        ...

    def looked_at(self, kind: str, namespace: str) -> bool:
        """Whether all objects of this kind there were read, so that the absence of one means something."""
        ...

    def objects(self, kind: str) -> tuple[JsonObject, ...]:
        """Every object of this kind that was read, each with its ``kind``."""
        ...

    def find(self, ref: ObjectRef) -> JsonObject | None:
        """The object with this kind, namespace and name, or None when it was not read."""
        ...
