"""What an analyzer says of one object, before it becomes a ``Finding``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from agents.incident import Finding, Severity
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ref_of


@dataclass(frozen=True, kw_only=True)
class Said:
    """One condition in words and fields; ``reads`` are the kinds it was told from beside the object's own.

    ``fields`` whose value is None or empty are left out: what was not read is not stated.
    """

    code: Coded
    message: str
    severity: Severity = Severity.WARNING
    fields: JsonObject = field(default_factory=dict)
    since: datetime | None = None
    reads: tuple[str, ...] = ()

    def of(self, snapshot: Snapshot, obj: JsonObject) -> Finding:
        """The finding about this object, with the evidence it was read from."""
        ref = ref_of(obj)
        return Finding(
            code=self.code,
            severity=self.severity,
            object=ref,
            message=self.message,
            fields={key: value for key, value in self.fields.items() if value not in (None, "", [], {}, ())},
            evidence=snapshot.cites(ref.namespace, ref.kind, *self.reads),
            since=self.since,
        )
