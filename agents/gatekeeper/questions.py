"""Questions in a card's thread, answered from what is stored: by rules, with citations. Pure.

An answer never does anything. Whatever is asked for, the words for it are the same: the buttons of the
card are the only way, and a person has to click them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from agents.gatekeeper.blocks import cited, clipped, code, line, listed, paragraph
from agents.gatekeeper.remembered import told
from agents.gatekeeper.touched import reach
from agents.incident import Evidence
from agents.ledger.investigations import LOG
from agents.ledger.protocol import ACTIVE, PlanState
from agents.ledger.roster import Roster
from agents.ledger.story import Story
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.policy.words import warnings
from tools.redaction import redact
from tools.slack import Blocks

EXCERPT = 1_500
MOST = 8
LONGEST = 500
"""Characters of a message that are looked at: what comes after is no question of a person at night."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an answer is made from: the incident, who may sign, and where the page is."""

    story: Story
    roster: Roster
    public_url: str
    words: str = ""
    """What was asked, in small letters."""

    @property
    def page(self) -> str:
        """The incident's page."""
        return f"{self.public_url}/incidents/{self.story.incident.number}"

    def cited(self, claims: Iterable[tuple[str, tuple[str, ...]]]) -> Blocks:
        """Claims with links to their evidence."""
        listed_ = list(claims)[:MOST]
        return [cited(listed_, lambda number: f"{self.page}#{number}")] if listed_ else []


_WISH = re.compile(
    r"\s*((please|just|now|ok|yes|and|then)[, ]+)*"
    r"(approve|reject|deny|scale|restart|delete|kubectl|roll ?back|apply|execute|run|do it|go ahead|fix it)\b"
)
"""A message that begins as an order does: without a name it may be meant for us, so it is answered."""
_EVIDENCE = re.compile(r"\be[1-9]\d{0,3}\b")
Topic = Callable[[Asked], Blocks]


def answer(said: str, asked: Asked, *, named: bool) -> Blocks | None:
    """The answer, or None where nobody asked us: people talk to each other in a thread as well."""
    words = plain(said).lower()
    for pattern, topic in _TOPICS:
        if pattern.search(words) and (named or "?" in words or topic is not _cannot or _WISH.match(words)):
            return topic(replace(asked, words=words))
    return _help(asked) if named else None


def plain(said: str) -> str:
    """The words of a message, without the names that it calls."""
    return re.sub(r"<@[A-Z0-9]+>", " ", said[:LONGEST]).strip()


def is_open(said: str, *, named: bool) -> bool:
    """Whether we are asked something that no rule answers."""
    words = plain(said).lower()
    return named and "?" in words and not any(pattern.search(words) for pattern, _ in _TOPICS)


def _cannot(asked: Asked) -> Blocks:
    view = asked.story.plan
    waits = view is not None and view.state in {PlanState.PENDING, PlanState.APPROVED}
    where = "The buttons of the card above are the only way, and a person has to click them."
    if not waits:
        where = "There is nothing that waits for a signature here."
    return [paragraph("I change nothing from a message.", where)]


def _why(asked: Asked) -> Blocks:
    found = asked.story.diagnosis
    if found is None:
        return [paragraph("Nothing is believed yet:", "it is being looked into.")]
    cause = found.cause
    head = cause.sentence if cause else "The cause was not established."
    blocks = [paragraph("Because:", f"{clipped(head, 600)} (confidence: {found.confidence})")]
    blocks += asked.cited((claim.text, claim.evidence) for claim in found.claims)
    if cause is not None and cause.unexplained:
        open_ = clipped(", ".join(cause.unexplained[:MOST]), 500)
        blocks.append(paragraph("It does not explain:", open_))
    return blocks


def _logs(asked: Asked) -> Blocks:
    # Only what was stored: a question never makes us look at the cluster again.
    looks = [one for one in asked.story.evidence if one.tool == LOG]
    if not looks:
        return [paragraph("No logs were read", "for this incident.")]
    found = asked.story.diagnosis
    used = {number for claim in (found.claims if found else ()) for number in claim.evidence}
    # What the diagnosis stands on first.
    looks.sort(key=lambda one: one.id not in used)
    return [block for one in looks[:2] for block in _look(asked, one)]


def _numbered(asked: Asked) -> Blocks:
    # Cards and answers name evidence by its number: whoever reads one asks for it by that.
    named = list(dict.fromkeys(_EVIDENCE.findall(asked.words)))[:2]
    stored = {one.id.lower(): one for one in asked.story.evidence}
    blocks = [block for number in named if number in stored for block in _look(asked, stored[number])]
    absent = [number.upper() for number in named if number not in stored]
    return blocks + [paragraph(f"There is no {number}", "among what was stored here.") for number in absent]


def _look(asked: Asked, item: Evidence) -> Blocks:
    refused = "" if item.ok else "not checked: "
    head = f"{refused}{item.tool} {clipped(item.query, 300)}, {item.fetched_at:%H:%M:%S} UTC  "
    link = (f"{asked.page}#{item.id}", item.id)
    # The end of a log is where it went wrong.
    text = item.excerpt if len(item.excerpt) <= EXCERPT else f"…{item.excerpt[-EXCERPT:]}"
    return [line(head, link), code(redact(text or "(nothing)"))]


def _changed(asked: Asked) -> Blocks:
    found = asked.story.diagnosis
    if found is None or not found.changed:
        return [paragraph("No change was found", "near the alerts before they started.")]
    return [
        paragraph("Changed before the alerts, the nearest first:", ""),
        *asked.cited((claim.text, claim.evidence) for claim in found.changed),
    ]


def _unseen(asked: Asked) -> Blocks:
    found = asked.story.diagnosis
    if found is None or not found.not_checked:
        return [paragraph("Nothing was left out", "of what was to be looked at.")]
    return [paragraph("Could not be checked:", ""), listed(found.not_checked[: 2 * MOST])]


def _else(asked: Asked) -> Blocks:
    found = asked.story.diagnosis
    if found is None or not found.alternatives:
        return [paragraph("No other cause", "fits what was found.")]
    lines = [
        f"{clipped(one.sentence, 200)} Fits {one.score:.0%}"
        + (f", leaves open: {clipped(', '.join(one.unexplained[:3]), 80)}" if one.unexplained else "")
        for one in found.alternatives[:MOST]
    ]
    return [paragraph("Also weighed, and fits less:", ""), listed(lines)]


def _safe(asked: Asked) -> Blocks:
    view = asked.story.plan
    if view is None:
        return [paragraph("No change is proposed,", "so there is nothing to weigh.")]
    plan = view.plan
    verbs = [CATALOGUE[step.verb] for step in plan.steps if step.verb in CATALOGUE]
    lines = [f"Tier {plan.tier}; touches {reach(plan)}."]
    lines += dict.fromkeys(f"What can go wrong: {verb.risks}" for verb in verbs)
    lines += dict.fromkeys(f"Undo: {verb.undo}" for verb in verbs)
    lines += [warning for radius in plan.radius for warning in warnings(radius)]
    if view.preview is not None:
        lines.append("The API server's dry-run took it; what it would change is on the card.")
    return [
        paragraph("Whether it is safe is for you to judge:", ""),
        listed(lines[: 2 * MOST]),
    ]


def _who(asked: Asked) -> Blocks:
    view = asked.story.plan
    if view is None or view.state not in ACTIVE:
        return [paragraph("Nothing waits", "for a signature here.")]
    names = [one.words for one in asked.roster.signers(view.plan)]
    said = clipped(", ".join(names), 600) or "nobody: the roster names no one for this change"
    have = "has" if view.plan.needed == 1 else "have"
    return [paragraph(f"{view.plan.needed} of these {have} to approve it:", said)]


def _before(asked: Asked) -> Blocks:
    past = asked.story.past
    if not past:
        return [paragraph("Not seen before:", "no closed incident had this cause.")]
    return [
        paragraph("Seen before:", ""),
        listed(f"INC-{one.incident}, {told(one, asked.story)}" for one in past[:MOST]),
    ]


def _status(asked: Asked) -> Blocks:
    story, view = asked.story, asked.story.plan
    if story.outcome is not None:
        return [paragraph("It is over:", clipped(story.outcome.sentence, 500))]
    stands = f"the plan is {view.state.value}" if view else "no change is proposed"
    return [paragraph("Where it stands:", f"{story.incident.phase}; {stands}.")]


def _help(asked: Asked) -> Blocks:
    del asked
    return [
        paragraph("You can ask:", ""),
        listed(
            [
                "why do you think so?",
                "show the logs",
                "show E1",
                "what changed?",
                "what did you not check?",
                "what else could it be?",
                "is it safe?",
                "who may approve?",
                "was this seen before?",
                "where does it stand?",
            ]
        ),
    ]


_TOPICS: tuple[tuple[re.Pattern[str], Topic], ...] = tuple(
    (re.compile(pattern), topic)
    for pattern, topic in (
        (r"\bwho\b.*\b(approve|sign|decide)|\bwho (may|can|must)\b", _who),
        (
            r"\b(is|are|how) (it|this|that|they) (safe|risky|dangerous)|\bsafe\?"
            r"|\b(risks?|undo|blast radius)\b.*\?",
            _safe,
        ),
        (r"\bnot (been )?(check|look)|\bnot you check|\bwhat (is|was) missing\b|\bgaps?\b.*\?", _unseen),
        (r"\bwhat else\b|\bother causes?\b|\balternatives?\b|\bruled out\b", _else),
        (r"\bseen (this |it )?before\b|\bhappened before\b|\blast time\b", _before),
        (r"\bwhat (has |was |were )?chang|\bwhat changes?\b|\brecent(ly)? (change|deploy)", _changed),
        (r"\b(show|open|what('s| is))\b.*\be[1-9]\d{0,3}\b", _numbered),
        (r"\bshow\b.*\blogs?\b|\blogs?\b.*\?|\bwhat do(es)? the logs?\b", _logs),
        # Before "why": "why not approve it" is a wish as well.
        (
            r"\b(approve|reject|deny|scale|restart|delete|kubectl|rollback|roll back|apply|execute|run|do it|"
            r"go ahead|fix it|evict|drain|cordon|halt|resume)\b",
            _cannot,
        ),
        (r"\bwhy\b|\bhow do you know\b|\bare you sure\b|\bwhat makes you\b", _why),
        (r"\bstatus\b|\bwhere (does|do) (it|we) stand\b|\bwhat('s| is) (happening|going on)\b", _status),
    )
)
