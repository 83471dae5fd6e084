"""The plan's part of a card: the exact change, what it may do, who decided, and what may be clicked. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import (
    button,
    clipped,
    code,
    confirm,
    context,
    fields,
    line,
    listed,
    paragraph,
    spoken_of,
)
from agents.gatekeeper.blocks import people as named
from agents.gatekeeper.editable import is_editable
from agents.gatekeeper.fitting import Piece
from agents.gatekeeper.modals import words_of
from agents.gatekeeper.reasons import Reasons
from agents.gatekeeper.touched import in_short, touched_blocks
from agents.gatekeeper.whole import (
    STEPS_ON_CARD,
    WORDS_ON_CARD,
    diff_of,
    digest_of,
    file_of,
    is_long,
    readable,
    whole_text,
)
from agents.incident import Plan, Receipt, Verdict
from agents.ledger.decisions import approvals
from agents.ledger.moves import confirmed
from agents.ledger.protocol import LOCKING, TERMINAL, Objection, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.statements import how, is_signed
from agents.ledger.story import PlanView, Story
from tools.kubernetes.actions.catalogue import CATALOGUE, sentence
from tools.slack import Block

MOST_TOLD = 8
"""Steps whose ending a card tells one by one, and people whom it names."""
"""Steps whose undo a card tells; of more they are counted."""
_FIELD = 240
_UNDO = 600

_WORDS = {
    PlanState.APPROVED: "Approved. The actor is checking everything once more.",
    PlanState.EXECUTING: "Being done now.",
    PlanState.UNKNOWN: "UNKNOWN: the answer was lost. Midwatch only reads now; please look at the object.",
    PlanState.SUCCEEDED: "Done. Watching whether it helped.",
    PlanState.FAILED: "Not done: the cluster refused it. Midwatch does not try it again.",
    PlanState.PARTIAL: "Partly done: a later step was refused. Nothing goes on by itself.",
    PlanState.NOT_APPLIED: "Not done: the object is as it was before. Midwatch does not try it again.",
    PlanState.STALE: "Not done: the object changed after this was shown.",
    PlanState.DENIED: "Rejected. Nothing was changed.",
    PlanState.EXPIRED: "Expired. Nothing was changed; if it is still needed, somebody has to do it by hand.",
    PlanState.CANCELLED: "Cancelled. Nothing was changed.",
    PlanState.SUPERSEDED: "A newer plan took its place.",
    PlanState.REFUSED: "The cluster's dry-run refused this plan. Nothing was changed.",
    PlanState.QUARANTINED: "Set aside: the stored bytes do not fit their digest. Nothing was changed; "
    "tell whoever runs Midwatch.",
}
_HINDERED = {
    PlanState.DRAFT: "Not shown for signing yet: {}.",
    PlanState.APPROVED: "Approved, but not begun: {}.",
    PlanState.UNKNOWN: "UNKNOWN: {}. Midwatch only reads; please look at the object.",
}
_BEGUN = LOCKING | {PlanState.SUCCEEDED, PlanState.PARTIAL, PlanState.FAILED}


def change(story: Story, view: PlanView, reasons: Reasons) -> list[Piece]:
    """The exact change with everything that a person weighs before signing; the diff is never cut."""
    pieces = [Piece(blocks=[paragraph("The exact change", clipped(words_of(view.plan), WORDS_ON_CARD))])]
    pieces.append(Piece(blocks=_shown(story, view)))
    # Of many steps the first ones: the file and the page tell them all.
    touched = touched_blocks(view.plan, STEPS_ON_CARD)
    pieces.append(Piece(blocks=touched, gives_way=3, name="what it touches"))
    if view.note:
        why = context(f"Why this one: {clipped(view.note, 400)}")
        pieces.append(Piece(blocks=[why], gives_way=4, name="why this one"))
    pieces.append(Piece(blocks=[fields(_facts(view, reasons))]))
    pieces.append(Piece(blocks=_edited(view)))
    pieces.append(Piece(blocks=_steps(view)))
    if _asking(view):
        pieces.append(Piece(blocks=_so_far(view)))
    else:
        pieces.append(Piece(blocks=[_said(view, over=story.outcome is not None)]))
    return pieces


def deciding(story: Story, seal: SealKey) -> list[Block]:
    """What may be clicked about the plan: both while it is asked; once approved, Reject alone (P7)."""
    view = story.plan
    if view is None:
        return []
    approved = view.state is PlanState.APPROVED
    again = approved and view.obstacle == Objection.APPROVER_LOST_RIGHT.value
    # Nobody signs what cannot be read to its end.
    signable = (_asking(view) or again) and readable(story, view)
    buttons = [_approve(view.plan, seal)] if signable else []
    if buttons or approved or _asking(view):
        buttons.append(button("reject", "Reject", seal.button(view.plan.id), "danger"))
    # Once it is approved, an edit would take a signature away behind its giver's back.
    if _asking(view) and is_editable(view.plan):
        buttons.append(button("edit", "Edit", seal.button(view.plan.id)))
    if not buttons:
        return []
    return [{"type": "actions", "block_id": f"decide-{view.plan.id}", "elements": buttons}]


def _approve(plan: Plan, seal: SealKey) -> Block:
    made = button("approve", "Approve", seal.button(plan.id), "primary")
    if not confirmed(plan, ""):
        # Its form asks for more than a dialog could.
        return made
    words = f"{clipped(words_of(plan), 240)}. Once, within {plan.claim_within_s} s."
    return made | {"confirm": confirm("Approve this change?", words, "Approve")}


def _shown(story: Story, view: PlanView) -> list[Block]:
    """The diff itself, or the file that it is in."""
    if not is_long(view.plan, view.preview):
        return [code(diff_of(view.preview))] if view.preview is not None else []
    if view.preview is None:
        return []
    text = whole_text(view.plan, view.preview)
    says = (
        f"The whole change has {len(text)} characters and is a file in the thread; SHA-256 {digest_of(text)}"
    )
    there = file_of(story, view)
    if there is None:
        return [context(f"{says}. It is being uploaded: until then it cannot be signed.")]
    return [line(f"{says}  ", (there.link, "open it"))] if there.link else [context(says)]


def _asking(view: PlanView) -> bool:
    # A previewed draft is rendered with its buttons, because posting them is what makes it PENDING.
    ready = view.state is PlanState.DRAFT and view.preview is not None
    return (ready and not view.obstacle) or view.state is PlanState.PENDING


def _so_far(view: PlanView) -> list[Block]:
    given = [decision for decision in view.decisions if decision.verdict is Verdict.APPROVE]
    if not given:
        return []
    signed = sum(map(is_signed, given))
    key = f" ({signed} by midwatch decide)" if signed else ""
    words = f"{approvals(given)} of {view.plan.needed}{key}, by "
    return [named("Approved so far", words, [("user", one.approver.user_id) for one in given[:MOST_TOLD]])]


def _edited(view: PlanView) -> list[Block]:
    if view.plan.requester == "midwatch":
        return []
    return [spoken_of("Edited by", "", [(("user", view.plan.requester), ", who cannot approve it")])]


def _steps(view: PlanView) -> list[Block]:
    """What was done of a plan of several steps, and what was not, once something was begun."""
    receipts = {receipt.step: receipt for receipt in view.receipts}
    if len(view.plan.steps) == 1 or view.state not in _BEGUN:
        return []
    lines = [
        f"{n}. {clipped(sentence(step), 120)}: {_became(receipts.get(n))}"
        for n, step in enumerate(view.plan.steps, start=1)
    ]
    more = len(lines) - MOST_TOLD
    lines = lines[:MOST_TOLD] + ([f"and {more} more on the page"] if more > 0 else [])
    return [paragraph("Step by step", ""), listed(lines)]


def _became(receipt: Receipt | None) -> str:
    if receipt is None:
        return "not begun"
    if receipt.result_at is None:
        return "sent, no answer seen"
    return "done" if receipt.http_status == 200 else f"not done ({clipped(receipt.outcome, 40)})"


def _facts(view: PlanView, reasons: Reasons) -> list[tuple[str, str]]:
    plan = view.plan
    verbs = [step.verb for step in plan.steps if step.verb in CATALOGUE]
    # Nothing raised it above what the first tier stands for.
    least = ("reversible, one workload",) if plan.tier == 1 and verbs else ()
    why = "; ".join(reasons.tier or least)
    tier = f"T{plan.tier}{f': {why}' if why else ''}"
    version = plan.policy_version[:12]
    rule = f"{', '.join(reasons.entries)} (policy {version})" if reasons.entries else f"policy {version}"
    said = [
        ("Risk", tier),
        *in_short(plan),
        ("Approvals", f"{approvals(view.decisions)} of {plan.needed}"),
        ("Expires", f"{plan.pending_until:%H:%M:%S} UTC"),
        ("Rule", rule),
    ]
    return [(name, clipped(value, _UNDO if name == "Undo" else _FIELD)) for name, value in said]


def _said(view: PlanView, *, over: bool) -> Block:
    words = _WORDS.get(view.state, "Being rehearsed against the cluster.")
    if view.obstacle:
        words = _HINDERED.get(view.state, words).format(clipped(view.obstacle, 300))
        if view.obstacle == Objection.APPROVER_LOST_RIGHT.value:
            words += " Somebody else who may sign can approve it now."
    if over and view.state is PlanState.SUCCEEDED:
        words = "Done."
    who = view.decisions[:MOST_TOLD]
    detail = view.reason if view.state in TERMINAL and view.state is not PlanState.SUCCEEDED else ""
    for one in who:
        # The ledger's reason begins with an id; here the person is named beside what they decided.
        if detail.startswith(before := f"{one.approver.user_id}: "):
            detail = f"Reason: “{detail.removeprefix(before)}”."
    said = " ".join(part for part in (words, clipped(detail, 400)) if part)
    return spoken_of(
        "Decision",
        f"{said} Decided by " if who else said,
        ((("user", one.approver.user_id), f" ({one.verdict.value}{how(one)})") for one in who),
    )
