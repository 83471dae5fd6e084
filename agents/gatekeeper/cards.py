"""The card: one message an incident, rendered by plain code from the plan's own bytes. Pure.

Facts come from the ledger; a model's prose, if there is any, stands apart under its own title.
What is being approved is never truncated: a change too long for a message is a file in the thread,
and the card names its digest (``whole``).
"""

from __future__ import annotations

import hashlib

import orjson

from agents.gatekeeper.blocks import button, cited, clipped, context, header, line, menu, paragraph
from agents.gatekeeper.blocks import people as named
from agents.gatekeeper.change import change, deciding
from agents.gatekeeper.fitting import Piece, fitted
from agents.gatekeeper.reasons import Reasons
from agents.gatekeeper.remembered import remembered_blocks
from agents.gatekeeper.symptom import in_words, symptom
from agents.incident import Diagnosis, Incident, IncidentState, Recovery, Value
from agents.ledger.feedback import Grade
from agents.ledger.protocol import ACTIVE
from agents.ledger.seals import SealKey
from agents.ledger.snooze import Rest
from agents.ledger.story import PlanView, Story
from tools.slack import Block, Message

MOST_CHANGES = 3
"""Changes before the start that a card tells, the nearest first; the incident's page has more."""
_OWNER_LABELS = ("owner", "team")
_SERVICE_LABELS = ("service", "app", "deployment", "statefulset", "daemonset")


class Rendering(Value):
    """A rendered card and the digest of what it shows."""

    blocks: list[Block]
    text: str
    digest: str

    def message(self, key: str) -> Message:
        """The message to post, findable by ``key``."""
        return Message(blocks=self.blocks, text=self.text, key=key)


def render(story: Story, seal: SealKey, public_url: str, reasons: Reasons | None = None) -> Rendering:
    """The card of an incident as it stands."""
    incident = story.incident
    page = f"{public_url}/incidents/{incident.number}"
    pieces = [
        Piece(blocks=[header(headline(incident)), _place(story), line(_times(story), (page, incident.id))]),
        *_what_is_wrong(story, page),
        Piece(blocks=remembered_blocks(story, public_url), gives_way=7, name="what was seen before"),
    ]
    if story.halted and _under_way(story.plan):
        held = f"{clipped(story.halted, 300)}. Nothing is changed until then."
        pieces.append(Piece(blocks=[paragraph("Midwatch is halted", held)]))
    if story.plan is not None:
        pieces += change(story, story.plan, reasons or Reasons())
    pieces += [Piece(blocks=_ending(story)), Piece(blocks=[*deciding(story, seal), *_asides(story, seal)])]
    if story.plan is not None:
        pieces.append(Piece(blocks=[context(f"plan {story.plan.plan.digest[:12]}")]))
    return rendering(fitted(pieces), f"{incident.id} {incident.title}")


def rendering(blocks: list[Block], text: str) -> Rendering:
    """These blocks as something to be posted, with ``text`` for the notification."""
    digest = hashlib.sha256(orjson.dumps(blocks)).hexdigest()
    return Rendering(blocks=blocks, text=clipped(text, 300), digest=digest)


def headline(incident: Incident, *, where: bool = True) -> str:
    """Severity and alert in words, and the incident's title unless it is told elsewhere where it is."""
    names = list(dict.fromkeys(alert.name for alert in incident.alerts))
    words = in_words(names[0]) if names else ""
    more = f" and {len(names) - 1} other kinds of alerts" if len(names) > 1 else ""
    title = f" ({incident.title})" if where else ""
    return f"{incident.severity.capitalize()}: {words}{more}{title}"


def _place(story: Story) -> Block:
    incident = story.incident
    owner = _shared(incident, _OWNER_LABELS)
    many = len(incident.alerts)
    return context(
        place_of(incident, story.diagnosis),
        f"owner {clipped(owner, 100)}" if owner else "owner not known",
        f"{many} alert{'s' if many != 1 else ''}",
        "" if story.outcome or _under_way(story.plan) else incident.phase,
    )


def place_of(incident: Incident, diagnosis: Diagnosis | None) -> str:
    """Cluster, namespace and service: what all its alerts say, else where the cause is."""
    cause = diagnosis.cause if diagnosis else None
    namespace = _shared(incident, ("namespace",)) or (cause.object.namespace if cause else "")
    service = _shared(incident, _SERVICE_LABELS) or (cause.object.name if cause else "")
    return " / ".join(clipped(part, 100) for part in (incident.cluster, namespace, service) if part)


def _shared(incident: Incident, names: tuple[str, ...]) -> str:
    for name in names:
        said = {alert.labels.get(name, "") for alert in incident.alerts}
        if len(said) == 1 and (value := next(iter(said))):
            return value
    return ""


def _times(story: Story) -> str:
    incident = story.incident
    fired = min((alert.starts_at for alert in incident.alerts), default=incident.opened_at)
    return f"fired {fired:%H:%M:%S} UTC, opened {incident.opened_at:%H:%M:%S} UTC   "


def _under_way(view: PlanView | None) -> bool:
    # While somebody is asked or something is done, the plan's own words say where it stands.
    return view is not None and view.state in ACTIVE


def _what_is_wrong(story: Story, page: str) -> list[Piece]:
    diagnosis = story.diagnosis
    if diagnosis is None:
        return [Piece(blocks=[paragraph("What is wrong", "Looking.")])]
    cause = diagnosis.cause.sentence if diagnosis.cause else "The cause was not established."
    said = f"{clipped(cause, 700)} (confidence: {diagnosis.confidence})"
    # Three are read at night; the page has them all, and says which were dropped.
    proof = [(claim.text, claim.evidence) for claim in diagnosis.claims[:3]]
    noticed = symptom(story.incident, diagnosis, place_of(story.incident, diagnosis))
    blocks = [paragraph("What is wrong", clipped(noticed, 300)), paragraph("Cause", said)]
    pieces = [Piece(blocks=blocks)]
    if proof:
        shown = cited(proof, lambda number: f"{page}#{number}")
        pieces.append(Piece(blocks=[shown], gives_way=1, name="the evidence"))
    return pieces + _beside(diagnosis, page)


def _beside(diagnosis: Diagnosis, page: str) -> list[Piece]:
    pieces = []
    if diagnosis.not_checked:
        said = clipped("; ".join(diagnosis.not_checked[:5]), 500)
        # A list that silently ends would look complete.
        more = len(diagnosis.not_checked) - 5
        said += f"; and {more} more" if more > 0 else ""
        pieces.append(Piece(blocks=[context(f"Could not be checked: {said}")], gives_way=2, name="the gaps"))
    if diagnosis.no_plan_because:
        why = paragraph("No change proposed:", diagnosis.no_plan_because)
        pieces.append(Piece(blocks=[why], gives_way=1, name="why nothing is proposed"))
    if diagnosis.changed:
        nearest = [(claim.text, claim.evidence) for claim in diagnosis.changed[:MOST_CHANGES]]
        blocks = [paragraph("Changed before:", ""), cited(nearest, lambda number: f"{page}#{number}")]
        pieces.append(Piece(blocks=blocks, gives_way=5, name="what was changed before"))
    if diagnosis.unheard:
        heard = context(f"No model was heard: {clipped(diagnosis.unheard, 300)}")
        pieces.append(Piece(blocks=[heard], gives_way=8, name="why no model was heard"))
    if diagnosis.prose and diagnosis.source == "model":
        words = paragraph("A model's words, unchecked:", diagnosis.prose)
        pieces.append(Piece(blocks=[words], gives_way=6, name="a model's words"))
    return pieces


def _ending(story: Story) -> list[Block]:
    if story.outcome is None:
        return []
    mark = {Recovery.RECOVERED: "Recovered", Recovery.NOT_RECOVERED: "Not recovered"}
    said = clipped(story.outcome.sentence, 700)
    return [paragraph(mark.get(story.outcome.recovery, "Closed"), said)]


def _asides(story: Story, seal: SealKey) -> list[Block]:
    """What may be clicked that decides nothing: about the incident, not about a plan."""
    value = seal.button(story.incident.id)
    blocks: list[Block] = []
    if story.snoozed is not None and story.outcome is None:
        until = f"until {story.snoozed.until:%H:%M} UTC" if story.snoozed.until else "until it is over"
        blocks.append(
            named("Calls rest", f"{until}; nothing expires later. By ", [("user", story.snoozed.by.user_id)])
        )
    elements = [button("details", "Details", value)]
    if story.outcome is None and story.incident.state is IncidentState.OPEN:
        # An option's value has room for it: Slack allows 150 characters there.
        elements.append(menu("snooze", "Snooze", [(rest.says, f"{rest.value}:{value}") for rest in Rest]))
    blocks.append({"type": "actions", "block_id": f"asides-{story.incident.number}", "elements": elements})
    if story.diagnosis is not None and (story.outcome is not None or story.judged):
        blocks += _judging(story, value)
    return blocks


def _judging(story: Story, value: str) -> list[Block]:
    given = [one.grade for one in story.judged]
    said = ", ".join(f"{grade.says} ({given.count(grade)})" for grade in Grade if grade in given)
    buttons = [button(f"judge-{grade.value}", grade.says, value) for grade in Grade]
    return [
        paragraph("Was the diagnosis right?", said or "Nobody has said so yet."),
        {"type": "actions", "block_id": f"judge-{story.incident.number}", "elements": buttons},
    ]
