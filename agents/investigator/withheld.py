"""When a Secret that nobody could look for matters to what is told (decision 16).

The reader's account may not list Secrets, and it is well so. Said on every card it would be read on none: a
card says it where something the incident is about takes a Secret, and names it.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.investigator.analyzers.fields import dig, items, namespace_of
from agents.investigator.analyzers.references import pod_spec, references
from agents.investigator.reasoning_case import Case
from tools.kubernetes.objects import JsonObject

MOST_NAMED = 3


def withheld(case: Case) -> Iterator[str]:
    """One sentence for each namespace where what is unwell, or alerted of, takes Secrets."""
    asked = (case.find(ref) for ref in case.targets.refs)
    wanted: dict[str, dict[str, None]] = {}
    for obj in (*case.snapshot.unwell, *(each for each in asked if each)):
        place = namespace_of(obj)
        if case.snapshot.inventory.withheld("Secret", place):
            wanted.setdefault(place, {}).update(dict.fromkeys(filter(None, _secrets(obj))))
    for place, names in wanted.items():
        if names:
            shown, more = list(names)[:MOST_NAMED], len(names) - MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            yield f"whether {place} has the Secrets {', '.join(shown)}{rest}: the reader may not list them"


def _secrets(obj: JsonObject) -> Iterator[str]:
    for one in references(pod_spec(obj)):
        # The kubelet takes the account's own token by other ways, and an optional one may be missing.
        if one.kind == "Secret" and not one.optional:
            yield one.name
    for tls in items(obj, "spec", "tls") if obj["kind"] == "Ingress" else ():
        yield tls.get("secretName") or ""
    for listener in items(obj, "spec", "listeners") if obj["kind"] == "Gateway" else ():
        yield from (one.get("name") or "" for one in dig(listener, "tls", "certificateRefs") or ())
