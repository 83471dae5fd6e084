"""What an Alertmanager delivery is to the ledger: the words intake and ledger share.

Pure values. Parsing bytes into them belongs to ``midwatch.intake``; storing them, and
matching them to incidents, belongs to the ledger.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from agents.incident import Alert, Hex64, Value
from tools.kubernetes.objects import NonEmpty

RANK = {"critical": 3, "error": 2, "warning": 1}
"""How grave a ``severity`` label is; whatever else it says comes after these."""


class Notification(Value):
    """One webhook body (version 4), decided per alert: the outer ``status`` is not kept.

    ``truncated`` counts alerts of the group that are not listed here, whether Alertmanager
    (``max_alerts``) or our own cap left them out. When it is above zero, an absent alert
    says nothing, and nothing may be closed because of what this notification lacks.
    """

    group_key: str
    alerts: tuple[Alert, ...]
    truncated: int = Field(default=0, ge=0)
    receiver: str = ""
    external_url: str = ""


class DeliveryStatus(StrEnum):
    """What could be made of a body: alerts, nothing yet, or too much to read."""

    USABLE = "usable"
    QUARANTINED = "quarantined"
    OVERSIZE = "oversize"


class Delivery(Value):
    """One authenticated webhook request, to be stored before it is answered.

    ``key`` is the SHA-256 that two sends of the same notification share; re-sends and the
    other half of an HA pair carry the same one. ``raw`` is the body as received; of an
    oversize request the headers, an empty line and the first 64 KiB. ``source`` names the
    cluster the credential stands for: labels never widen it. ``problem`` says in a sentence
    why a delivery is not usable.
    """

    key: Hex64
    raw: bytes
    received_at: AwareDatetime
    source: NonEmpty
    status: DeliveryStatus = DeliveryStatus.USABLE
    problem: str = ""
    notification: Notification | None = None


class Disposition(StrEnum):
    """What the ledger did with a delivery."""

    NEW = "new"
    JOINED = "joined"
    DUPLICATE = "duplicate"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class Accepted(Value):
    """The ledger's receipt for one delivery: it is committed and survives a crash."""

    delivery_id: int = Field(ge=1)
    incident: int | None = None
    disposition: Disposition
