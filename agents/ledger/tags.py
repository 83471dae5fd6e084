"""What the audit log can say: ``actor:subject:verb``, added to, never renamed, never reused.

A tag cannot be written without its sentence: whoever reads the record years later has only these
words. ``docs/audit.md`` is generated from here.
"""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """One kind of audit event. ``says`` is what happened, for whoever reads the record."""

    _value_: str
    says: str

    def __new__(cls, tag: str, says: str) -> Tag:
        """The member; its text is the tag alone, for that is what is stored and hashed."""
        member = str.__new__(cls, tag)
        member._value_, member.says = tag, says
        return member

    @property
    def writer(self) -> str:
        """Who writes it: the first part of the tag."""
        return self.value.partition(":")[0]

    DELIVERY_ACCEPTED = (
        "intake:delivery:accept",
        "A webhook delivery was stored, or one that was stored before came again.",
    )
    DELIVERY_QUARANTINED = (
        "intake:delivery:quarantine",
        "A delivery was kept that could not be used.",
    )
    INCIDENT_OPENED = "intake:incident:open", "A new incident was opened for firing alerts."
    ALERT_JOINED = "intake:alert:join", "Firing alerts joined an open incident, or fired in it again."
    ALERT_RESOLVED = "intake:alert:resolve", "Alertmanager said that alerts of the incident are over."
    INCIDENT_RESOLVED = "intake:incident:resolve", "Every alert of the incident is over."
    EVIDENCE_STORED = "investigator:evidence:store", "What one look returned was kept, with its digest."
    MODEL_ASKED = (
        "investigator:model:ask",
        "A question is about to be sent to a language model; the digests of it and of its prompt are stated.",
    )
    MODEL_ANSWERED = (
        "investigator:model:hear",
        "What came of a question to a language model: its tokens, its cost, and how many claims held.",
    )
    DIAGNOSIS_WRITTEN = "investigator:diagnosis:write", "What is believed, and how surely, was written down."
    INCIDENT_PHASE = "investigator:incident:advance", "The investigation came into another phase."
    INCIDENT_CLOSED = "investigator:incident:close", "The incident was closed, with how it ended."
    CHANGE_JUDGED = (
        "investigator:change:judge",
        "A change that was done was watched; whether it has helped is stated.",
    )
    PLAN_DRAFTED = "investigator:plan:draft", "A plan was drafted; the digest of its exact bytes is stated."
    PLAN_PREVIEWED = "actor:plan:preview", "The API server accepted the plan's dry-run; its digest is stated."
    CARD_POSTED = "gatekeeper:card:post", "The incident's card was posted in the chat."
    CARD_UPDATED = "gatekeeper:card:update", "The incident's card was brought up to date."
    CLICK_REFUSED = (
        "gatekeeper:click:refuse",
        "A click did not count; who clicked and why it did not is stated.",
    )
    REPLAY_REFUSED = "gatekeeper:click:refuse_replay", "An interaction came a second time and was not heard."
    APPROVER_LOST = (
        "gatekeeper:approver:lose",
        "The account of somebody whose approval counts was found deactivated, or otherwise unfit to sign.",
    )
    GROUP_CHANGED = (
        "gatekeeper:group:change",
        "A user group of the roster was seen for the first time or not as before; who came, who left and "
        "what is wrong with it are stated, and the digest of who is in it.",
    )
    FILE_SHARED = (
        "gatekeeper:file:share",
        "A file was put into the card's thread: a whole change or a plot; the digest of its bytes is stated.",
    )
    CARD_WAITS = (
        "gatekeeper:card:wait",
        "A plan is not shown for signing yet, because as many wait in the channel as people can weigh.",
    )
    CARD_HELD = (
        "gatekeeper:card:hold",
        "An incident that asks nothing is told by the channel's digest: enough cards came there lately.",
    )
    DIGEST_POSTED = (
        "gatekeeper:digest:post",
        "A digest card was posted: one message for all incidents that have no room in the channel.",
    )
    DIGEST_UPDATED = (
        "gatekeeper:digest:update",
        "A digest card was brought up to date; how many incidents it tells is stated.",
    )
    HUMAN_PAGED = (
        "gatekeeper:human:page",
        "People or groups of the roster were called; whom and why is stated.",
    )
    PLAN_DECIDED = "gatekeeper:plan:decide", "A person approved or rejected the plan; their seal is stated."
    PLAN_EDITED = (
        "gatekeeper:plan:edit",
        "A person typed other values into a plan: another plan took its place, which they cannot approve.",
    )
    PLAN_SEALED = (
        "gatekeeper:plan:seal",
        "In sealed mode: what was signed was written where the API server looks; for which uids is stated.",
    )
    PLAN_UNSEALED = "gatekeeper:plan:unseal", "In sealed mode: what was signed may no longer be written."
    PLAN_MOVED = "any:plan:move", "A plan came into another state; which agent moved it and why is stated."
    PLAN_CLAIMED = "actor:plan:claim", "One actor won the right to perform the plan, once."
    CLAIM_REFUSED = (
        "actor:claim:refuse",
        "An approved plan was not begun; what stands in its way is stated.",
    )
    HELP_WANTED = "actor:human:need", "Reading cannot tell whether a plan was done; a person has to look."
    STEP_INTENDED = (
        "actor:step:intend",
        "The actor is about to send one step; its bytes' digest is stated.",
    )
    STEP_ANSWERED = "actor:step:answer", "What the API server answered to one step, or that it did not."
    DIAGNOSIS_GRADED = (
        "any:diagnosis:grade",
        "A person said how good the diagnosis was; who, which grade, and their earlier one are stated.",
    )
    CALLS_SNOOZED = (
        "gatekeeper:calls:snooze",
        "A person let the calls about an incident rest; who and until when is stated. Nothing expires later.",
    )
    ERRAND_ASKED = (
        "gatekeeper:errand:ask",
        "A person asked in the chat for a look at a namespace, or what no rule answers; who is stated.",
    )
    ERRAND_DONE = (
        "investigator:errand:do",
        "What a person asked for in the chat was looked into, and nothing else.",
    )
    HALT_REFUSED = (
        "gatekeeper:watch:refuse",
        "Somebody who may not asked in the chat to halt, resume or look; who, and why not, is stated.",
    )
    HALTED = "operator:watch:halt", "Somebody stopped every change."
    RESUMED = "operator:watch:resume", "Somebody ended the halt."
    LOGGED_IN = "web:session:open", "Somebody logged in to the pages; who, and by which way, is stated."
    LOGGED_OUT = "web:session:close", "Somebody logged out of the pages."
    LOGIN_REFUSED = (
        "web:session:refuse",
        "A login to the pages did not count; who it claimed to be, as far as known, and why is stated.",
    )
    VERIFY_ASKED = "web:record:verify", "Somebody had the whole record recomputed from its page."
    RECORD_TAKEN = (
        "web:record:export",
        "Somebody took rows or an evidence pack from the pages; which is stated.",
    )
    KEY_ROTATED = "operator:key:rotate", "The auditor signs with a new key, which the old one vouches for."
    PAYLOAD_ERASED = (
        "operator:payload:erase",
        "Words or evidence that may tell of a person were erased; their digest stays.",
    )
    CHAIN_BROKEN = "auditor:chain:broken", "The auditor found the record bent; the first bad row is stated."
