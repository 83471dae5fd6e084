"""One object that is being judged, and the shortest honest way to report on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, moment, quotable
from agents.investigator.analyzers.said import Said
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An object of a snapshot. ``also`` are the other kinds that were read to judge it."""

    snapshot: Snapshot
    obj: JsonObject
    also: tuple[str, ...] = ()

    @cached_property
    def ref(self) -> ObjectRef:
        """Which object it is."""
        return ref_of(self.obj)

    def critical(
        self, code: Coded, message: str, since: datetime | None = None, /, **fields: object
    ) -> Finding:
        """Somebody is probably not served."""
        return self._finding(code, Severity.CRITICAL, message, (since, fields))

    def warning(
        self, code: Coded, message: str, since: datetime | None = None, /, **fields: object
    ) -> Finding:
        """It is wrong."""
        return self._finding(code, Severity.WARNING, message, (since, fields))

    def info(self, code: Coded, message: str, since: datetime | None = None, /, **fields: object) -> Finding:
        """Worth knowing, and never a symptom."""
        return self._finding(code, Severity.INFO, message, (since, fields))

    def _finding(
        self, code: Coded, severity: Severity, message: str, rest: tuple[datetime | None, JsonObject]
    ) -> Finding:
        since, fields = rest
        said = Said(
            code=code,
            severity=severity,
            message=quotable(message, limit=400),
            fields=fields,
            since=since,
            reads=self.also,
        )
        return said.of(self.snapshot, self.obj)


class Condition(NamedTuple):
    """One condition of an object's status, its text bounded when it is asked for: most are well."""

    entry: JsonObject

    @property
    def type(self) -> str:
        """What it is about."""
        return self.entry.get("type") or ""

    @property
    def status(self) -> str:
        """``True``, ``False`` or ``Unknown``."""
        return self.entry.get("status") or ""

    @property
    def reason(self) -> str:
        """Why, in one word."""
        return self.entry.get("reason") or ""

    @property
    def message(self) -> str:
        """Why, in words."""
        return quotable(self.entry.get("message") or "")

    @property
    def since(self) -> datetime | None:
        """When its status changed last."""
        return moment(self.entry.get("lastTransitionTime"))

    @property
    def fields(self) -> dict[str, object]:
        """The values as a finding carries them."""
        return {
            "condition": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
        }

    @property
    def words(self) -> str:
        """``Type is Status (Reason: message)`` as far as there is any of it."""
        told = ": ".join(part for part in (self.reason, self.message) if part)
        return f"{self.type or 'a condition'} is {self.status or 'unset'}" + (f" ({told})" if told else "")


def conditions(obj: JsonObject, *path: str) -> Iterator[Condition]:
    """Every condition at ``path`` (``status.conditions`` when none is given), in the object's order."""
    for entry in dig(obj, *(path or ("status", "conditions"))) or ():
        yield Condition(entry)
