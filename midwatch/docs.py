"""The pages of ``docs/`` that say what the code says: settings, actions, commands, insights and the rest.

Each is rendered from the very attributes and docstrings that the program runs on, and a test compares
the files with what is rendered here. ``make docs`` writes them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from agents.auditor import keys, notes, watch
from agents.auditor import verify as verification
from agents.investigator.analyzers.registry import CODES
from agents.ledger import chain, insights, payloads
from agents.ledger.tags import Tag
from midwatch.docs_api import api
from midwatch.docs_commands import commands
from midwatch.settings_load import render_docs
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.verb import CHECKS, Verb


def prose(of: object) -> str:
    """A docstring as Markdown: one line a paragraph, names in backticks."""
    text = (inspect.getdoc(of) or "").replace("``", "`")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def actions() -> str:
    """The text of ``docs/actions.md``: every verb of the catalogue."""
    return "\n".join([_ACTIONS, *map(_verb, CATALOGUE.values())])


def _verb(verb: Verb) -> str:
    rules = (f"`{', '.join(rule.verbs)}` on `{_resource(rule.group, rule.resource)}`" for rule in verb.rules)
    raised = "" if type(verb).tier_of is Verb.tier_of else f"; {prose(type(verb).tier_of)}"
    facts = {
        "Changes": ", ".join(verb.kinds),
        "Tier": f"{verb.tier}{raised}",
        "Takes": prose(type(verb)).removeprefix("Parameters: "),
        "May set": f"pointers that match `{verb.sets.pattern}`, nothing else"
        if verb.sets.pattern
        else "the whole object, from nothing or to nothing",
        "Needs (RBAC)": ("; ".join(rules) or "nothing of the cluster") + (_OPTIONAL if verb.optional else ""),
        "What can go wrong": verb.risks,
        "When not": verb.when_not,
        "Drafting it": prose(type(verb).draft),
        "Checked before every send": prose(type(verb).bounds),
        "Signs that it worked": "; ".join(CHECKS[name] for name in verb.verify) + ".",
        "Undo": verb.undo,
    }
    lines = [f"- **{name}**: {text}" for name, text in facts.items()]
    return "\n".join([f"## {verb.name}", "", prose(sys.modules[type(verb).__module__]), "", *lines, ""])


def _resource(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def analyzers() -> str:
    """The text of ``docs/analyzers.md``: every condition that can be found."""
    return "\n".join(
        [_ANALYZERS, *(f"## {code.value}\n\n{code.says}\n\nRead from: {code.reads}.\n" for code in CODES)]
    )


def audit() -> str:
    """The text of ``docs/audit.md``: every kind of event, the chain, and how it is verified."""
    parts = [_AUDIT]
    for writer in dict.fromkeys(tag.writer for tag in Tag):
        rows = [f"| `{tag.value}` | {tag.says} |" for tag in Tag if tag.writer == writer]
        parts.append("\n".join([f"### {writer}", "", "| tag | what happened |", "|---|---|", *rows, ""]))
    parts += [f"## The chain\n\n{prose(chain)}\n", f"## Checkpoints\n\n{prose(notes)}\n"]
    parts += [f"{prose(keys)}\n", f"{prose(watch)}\n", f"## What a person wrote\n\n{prose(payloads)}\n"]
    parts += [f"## Verifying it\n\n{prose(verification)}\n", _VERIFY]
    return "\n".join(parts)


_OPTIONAL = " (a role of its own, which an installation may leave out)"
_ACTIONS = """# Actions

Generated from `tools/kubernetes/actions/` by `make docs`. This is the whole catalogue: what is not here
cannot be drafted, shown, signed or sent, and everything else Midwatch has to say is advice.

Every step states the present value of each field that it sets and pins the object's uid and version; where a
version moves by itself (nodes, quotas), the fields around do that. The request is one JSON Patch whose `test`
operations check all of that in the API server, and it leaves the mark `midwatch.dev/applied-plan` on the
object. An eviction, a restored object and a silence are one POST each, with the preconditions their API has.
A drain is one plan of a cordon and an eviction for each pod that can go.
An undo is a new plan and needs a new signature. Whether a change
worked is judged by the alert's own signal and by the health of the workloads that the alert is about; the
signs named below tell a person where else to look.

The rights below are in [`deploy/rbac/`](../deploy/rbac/actor.yaml), written from the catalogue by
`make manifests`: `reader.yaml` and `actor.yaml` for a whole cluster, `actor-optional.yaml` for what may be
left out, and `namespaced/` for an installation bound to some namespaces, where nodes and webhooks stay out of
reach. `midwatch check` asks the API server for exactly these. Beside them an admission policy holds the actor
to the fields that the verbs change: [the second wall](second-wall.md).
"""
_ANALYZERS = """# Analyzers

Generated from `agents/investigator/analyzers/` by `make docs`. An analyzer is a pure function from
what was read to what is wrong; healthy things are silent. Which finding is the cause is decided elsewhere.
"""
_AUDIT = """# The audit log

Generated from `agents/ledger/` by `make docs`. Every step of an incident and every change of a plan's state
is written in one transaction with its audit row: neither is there without the other. Rows are only ever
appended; the database itself refuses to update or delete one.

## Events, by who writes them

A tag reads `actor:subject:verb`. Tags are added, never renamed and never reused. Time, incident and
plan stand beside each, and the facts of the event in its body.
"""
_VERIFY = """`midwatch verify` does this for the whole ledger and changes nothing. It prints how many events,
plans and checkpoints there are and up to where an anchor reaches, and exits with 0 when all is whole, or
names each thing that was bent and the first bad row, and exits with 1. `midwatch check` does the same.

What to do with the record is in [audit-operations.md](audit-operations.md).
"""


def figures() -> str:
    """The text of ``docs/insights.md``: every figure with its definition."""
    return f"{_INSIGHTS}\n{insights.markdown()}\n\n{prose(insights)}\n"


_INSIGHTS = """# Insights

Generated from `agents/ledger/insights.py` by `make docs`. The page `/insights` tells these figures of the
last 7, 30 or 90 days, each beside the same number of days before as a baseline. They are counted from the
ledger and from nothing else, anew once a minute.
"""

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": render_docs,
    "actions.md": actions,
    "analyzers.md": analyzers,
    "audit.md": audit,
    "commands.md": commands,
    "api.md": api,
    "insights.md": figures,
}
"""Every generated page of ``docs/`` and what renders it."""


def main(folder: Path) -> None:
    """Write every generated page into ``folder``."""
    for name, render in PAGES.items():
        (folder / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
