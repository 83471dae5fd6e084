"""``midwatch show``: one incident whole, from the ledger alone: cause, plans, signatures, outcome."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from agents.ledger.statements import how
from agents.ledger.store import Ledger
from agents.ledger.story import PlanView, Story, story
from agents.ledger.watching import events
from midwatch.terminal import clean
from midwatch.web.lines import line_of
from tools.kubernetes.actions.catalogue import sentence
from tools.kubernetes.objects import JsonObject
from tools.redaction import redact, redacted


def told(ledger: Ledger, number: int) -> tuple[JsonObject, list[str]] | None:
    """The incident for programs and for people, or None when there is none of that number."""
    found = story(ledger, number)
    if found is None:
        return None
    with ledger.read() as session:
        record = list(_record(session, number))
    # What the story keeps of a plan is what was signed; its digest is stated so that it can be compared.
    plans = [{"id": view.plan.id, "digest": view.plan.digest} for view in found.plans]
    whole = {"id": found.incident.id, **found.model_dump(mode="json"), "signed": plans, "record": record}
    lines = [*_head(found), *_diagnosis(found)]
    for view in found.plans:
        lines += ["", *_plan(view)]
    lines += ["", "Timeline", *(f"  {one['at'][11:19]}  {one['tag']:34} {one['text']}" for one in record)]
    return redacted(whole), lines


def _record(session: Session, number: int) -> Iterator[dict[str, str]]:
    for line in map(line_of, events(session, incident=number)):
        yield {"at": line.at.isoformat(), "tag": line.tag, "text": clean(line.text), "hash": line.hash}


def _head(found: Story) -> Iterator[str]:
    one = found.incident
    yield f"{one.id}  {clean(one.title)}"
    end = f", closed {_at(one.closed_at)}" if one.closed_at else ""
    where = f"cluster {clean(one.cluster)}, opened {_at(one.opened_at)}{end}"
    # What is over has no other phase than that.
    stands = dict.fromkeys((one.state.value, clean(one.phase)))
    yield f"{', '.join(stands)}; severity {clean(one.severity)}; {where}"
    yield f"alerts: {len(one.firing)} of {len(one.alerts)} fire"
    if found.halted:
        yield f"halted {clean(found.halted)}"
    # An incident without an end is told as that, never filled in.
    if found.outcome:
        yield f"outcome: {found.outcome.recovery.value}: {clean(found.outcome.sentence)}"


def _diagnosis(found: Story) -> Iterator[str]:
    said = found.diagnosis
    if said is None:
        yield "cause: not looked for yet"
        return
    cause = clean(said.cause.sentence) if said.cause else "not established"
    yield f"cause: {cause} (confidence {said.confidence}, by {said.source})"
    for claim in said.claims:
        yield f"  - {clean(claim.text)} [{', '.join(claim.evidence)}]"
    if said.not_checked:
        yield f"could not be checked: {clean('; '.join(said.not_checked))}"
    if said.no_plan_because:
        yield f"no change proposed: {clean(said.no_plan_because)}"


def _plan(view: PlanView) -> Iterator[str]:
    plan = view.plan
    yield f"Plan {plan.id}  {view.state.value}{': ' + clean(view.reason) if view.reason else ''}"
    for step in plan.steps:
        yield f"  {clean(sentence(step))}"
    for diff in view.preview.diffs if view.preview else ():
        yield from (f"    {line}" for line in redact(diff).splitlines())
    yield f"  tier {plan.tier}, {plan.needed} to approve, to be signed until {_at(plan.pending_until)}"
    yield f"  digest {plan.digest}"
    for one in view.decisions:
        who = f"{one.approver.user_id} of {one.approver.team_id}"
        yield f"  {_at(one.at)}  {one.verdict.value} by {who}{how(one)} {clean(one.reason)}".rstrip()
    for receipt in view.receipts:
        came = clean(f"{receipt.outcome or 'no answer seen'} {receipt.http_status or ''}")
        yield f"  {_at(receipt.intent_at)}  step {receipt.step}: {came}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
