"""Edit: a typed form of what a plan would set, and the new plan that comes of it.

The form is checked by the catalogue and by the policy before anything is written; what is wrong is said
beside its field and nothing that was typed is lost. The old plan is superseded by the new one, which is
rehearsed and signed by somebody else.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import orjson

from agents.gatekeeper import desk, judging
from agents.gatekeeper.clicks import Click, Refusal
from agents.gatekeeper.editable import edit_view, fields_of, is_editable, limits_of
from agents.gatekeeper.explaining import NOTHING, Against
from agents.gatekeeper.forms import opened_for, show
from agents.gatekeeper.office import Office
from agents.gatekeeper.payload import Payload, text
from agents.incident import Plan, Verdict
from agents.ledger import edits, incidents
from agents.ledger.moves import Standing
from agents.ledger.policy import question_of
from agents.ledger.protocol import Objection
from tools.kubernetes.actions.editing import edited
from tools.kubernetes.actions.step import Step
from tools.policy.engine import judge
from tools.policy.load import PolicyError

Errors = dict[str, str]
FIRST = "value-1"
"""The field beside which is said what is no single value's fault."""


async def ask(office: Office, payload: Payload, nonce: str) -> str | None:
    """Open the form for somebody who may sign this plan; the words of the refusal, or None."""
    click, value = desk.from_button(payload, Verdict.DENY)
    judged = await desk.judge(office, click, value)
    if not isinstance(judged, Standing):
        return await desk.refused(office, click, (value, judged), nonce)
    if not is_editable(judged.plan):
        return await desk.refused(office, click, (value, Against(why=Refusal.NOTHING_TO_EDIT)), nonce)
    private = opened_for(office, click, (value, "edit"), nonce)
    return await show(office, payload, edit_view(judged.plan, private, office.limit_factor))


async def submit(office: Office, payload: Payload, nonce: str) -> Errors | None:
    """Take what was typed; what is wrong, by field, or None when the new plan is on its way."""
    form = _private(payload)
    place = (text(form, "channel"), text(form, "ts"))
    click, value = desk.click_of(payload, Verdict.DENY, place), text(form, "value")
    shown = ("edit", value, *place, text(form, "seen"))
    if not click.user_id or not click.user_team_id:
        return {FIRST: Against(why=Refusal.UNKNOWN_PERSON).words}
    ours = office.seal.opened(text(form, "mark"), click.approver, shown)
    judged = await desk.judge(office, click, value) if ours else Against(why=Refusal.FORGED)
    if isinstance(judged, Against):
        return await _told(office, click, (value, judged), nonce)
    plan = await asyncio.to_thread(_new, office, (judged, click), payload)
    if isinstance(plan, dict):
        return plan
    note = f"edited by a person, in place of {judged.plan.id}"
    drafted = await asyncio.to_thread(edits.edit, office.ledger, plan, click.approver, note)
    if not isinstance(drafted, Objection):
        return None
    against = await asyncio.to_thread(judging.come_second, office, judged.plan.id, drafted)
    return await _told(office, click, (value, against), nonce)


async def _told(office: Office, click: Click, why: tuple[str, Against], nonce: str) -> Errors:
    """Record why no plan was made of it, and say so at the first field: the form stays open."""
    return {FIRST: await desk.refused(office, click, why, nonce) or why[1].words}


def _private(payload: Payload) -> object:
    try:
        return orjson.loads(text(payload, "view", "private_metadata"))
    except orjson.JSONDecodeError:
        return None


def _new(office: Office, asked: tuple[Standing, Click], payload: Payload) -> Plan | Errors:
    """The plan of what was typed, judged by the policy; or what is wrong with which field. Blocking."""
    old, click = asked
    steps = _typed(old.plan, payload, office.limit_factor)
    if isinstance(steps, dict):
        return steps
    # The policy is asked about this very plan: other values may have another tier.
    told = incidents.incident(office.ledger, old.row.incident)
    draft = old.plan.model_copy(
        update={
            "steps": steps,
            "requester": click.user_id,
            "supersedes": old.plan.id,
            "nonce": hashlib.sha256(text(payload, "view", "private_metadata").encode()).hexdigest()[:32],
        }
    )
    try:
        judged = judge(office.policy_file.read(), question_of(draft, told))
    except PolicyError as problem:
        return {FIRST: f"the policy cannot be used: {str(problem).splitlines()[0]}. {NOTHING}"}
    if judged.objection:
        return {FIRST: f"the policy does not allow it: {judged.objection}. {NOTHING}"}
    # An edit late in the night gets no longer than the plan it replaces had.
    waits = min(judged.pending_s, int((old.plan.pending_until - old.row.created_at).total_seconds()))
    return draft.model_copy(
        update={
            "tier": judged.tier,
            "approvals_needed": judged.approvals_needed,
            "policy_version": judged.policy,
            "pending_until": office.ledger.now() + timedelta(seconds=max(1, waits)),
            "claim_within_s": min(judged.claim_within_s, old.plan.claim_within_s),
        }
    )


def _typed(plan: Plan, payload: Payload, factor: float) -> tuple[Step, ...] | Errors:
    said: dict[int, dict[str, str]] = {}
    places: dict[tuple[int, str], str] = {}
    for n, (step, one) in enumerate(fields_of(plan, factor), start=1):
        said.setdefault(step, {})[one.pointer] = text(
            payload, "view", "state", "values", f"value-{n}", "typed", "value"
        )
        places[(step, one.pointer)] = f"value-{n}"
    steps = list(plan.steps)
    wrong: Errors = {}
    for number, typed in said.items():
        made = edited(plan.steps[number], typed, limits_of(plan, number, factor))
        if isinstance(made, Step):
            steps[number] = made
        else:
            wrong |= {places[(number, pointer)]: f"{why}." for pointer, why in made.items()}
    return wrong or tuple(steps)
