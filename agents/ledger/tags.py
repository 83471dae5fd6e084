"""What the audit log can say: ``actor:subject:verb``, added to, never renamed, never reused."""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """One kind of audit event."""

    DELIVERY_ACCEPTED = "intake:delivery:accept"
    DELIVERY_QUARANTINED = "intake:delivery:quarantine"
    INCIDENT_OPENED = "intake:incident:open"
    ALERT_JOINED = "intake:alert:join"
    ALERT_RESOLVED = "intake:alert:resolve"
    INCIDENT_RESOLVED = "intake:incident:resolve"
    EVIDENCE_STORED = "investigator:evidence:store"
    DIAGNOSIS_WRITTEN = "investigator:diagnosis:write"
    INCIDENT_PHASE = "investigator:incident:advance"
    INCIDENT_CLOSED = "investigator:incident:close"
    PLAN_DRAFTED = "investigator:plan:draft"
    PLAN_PREVIEWED = "actor:plan:preview"
    CARD_POSTED = "gatekeeper:card:post"
    CARD_UPDATED = "gatekeeper:card:update"
    CLICK_REFUSED = "gatekeeper:click:refuse"
    REPLAY_REFUSED = "gatekeeper:click:refuse_replay"
    PLAN_DECIDED = "gatekeeper:plan:decide"
    PLAN_MOVED = "any:plan:move"
    PLAN_CLAIMED = "actor:plan:claim"
    STEP_INTENDED = "actor:step:intend"
    STEP_ANSWERED = "actor:step:answer"
    HALTED = "operator:watch:halt"
    RESUMED = "operator:watch:resume"
