"""The Details of an incident, for one person: everything that the card has no room for. Pure."""

from __future__ import annotations

from agents.gatekeeper.blocks import cited, clipped, line, listed, paragraph, plain
from agents.gatekeeper.whole import digest_of, whole_text
from agents.incident import Diagnosis, Hypothesis
from agents.ledger.story import PlanView, Story
from tools.slack import Blocks

View = dict[str, object]
MOST = 40
"""Lines of one list: a modal is read on a phone, and the page has the rest."""


def details_view(story: Story, public_url: str) -> View:
    """The modal."""
    incident = story.incident
    page = f"{public_url}/incidents/{incident.number}"
    blocks = [line(f"{incident.title}   ", (page, "all of it on the page"))]
    if story.diagnosis is not None:
        blocks += _believed(story.diagnosis, page)
    if story.evidence:
        looks = [
            (f"{'' if item.ok else 'not checked: '}{item.tool} {item.query}", (item.id,))
            for item in story.evidence[:MOST]
        ]
        blocks += [paragraph("Evidence", _more(len(story.evidence))), cited(looks, lambda n: f"{page}#{n}")]
    # Also those that were superseded: their digests are what an auditor asks for.
    for view in story.plans:
        blocks += _plan(view)
    title = plain(incident.id, 24)
    return {
        "type": "modal",
        "callback_id": "details",
        "title": title,
        "close": plain("Close", 24),
        "blocks": blocks,
    }


def _believed(found: Diagnosis, page: str) -> Blocks:
    blocks: Blocks = []
    if found.findings:
        seen = [
            (f"{one.severity.value}: {one.object}: {one.message}", one.evidence) for one in found.findings
        ]
        blocks.append(paragraph("What was found", _more(len(seen))))
        blocks.append(cited(seen[:MOST], lambda number: f"{page}#{number}"))
    if found.cause is not None:
        blocks += [paragraph("The cause", ""), listed([_told(found.cause)])]
    if found.alternatives:
        lines = [_told(other) for other in found.alternatives[:MOST]]
        blocks += [paragraph("Other causes that were weighed, and fit less", ""), listed(lines)]
    if found.not_checked:
        blocks += [paragraph("Could not be checked", _more(len(found.not_checked)))]
        blocks.append(listed(found.not_checked[:MOST]))
    return blocks


def _told(cause: Hypothesis) -> str:
    open_ = f", leaves {len(cause.unexplained)} open" if cause.unexplained else ""
    fit = f"fits {cause.score:.0%}, explains {len(cause.explains)} findings{open_}"
    return f"{clipped(cause.sentence, 200)} ({cause.code}; {fit})"


def _plan(view: PlanView) -> Blocks:
    plan, preview = view.plan, view.preview
    lines = [
        f"plan: {plan.digest}",
        f"the whole change as text: {digest_of(whole_text(plan, preview))}",
        f"dry-run: {preview.dry_run_digest if preview else 'none yet'}",
        f"policy: {plan.policy_version}",
        f"cluster: {plan.cluster_uid}",
        f"asked for by: {plan.requester}",
        *(f"evidence {number}: {digest}" for number, digest in sorted(plan.evidence.items())),
    ]
    return [paragraph(f"Digests of the plan, {view.state.value}", ""), listed(lines[:MOST])]


def _more(count: int) -> str:
    return f"the first {MOST} of {count}" if count > MOST else ""
