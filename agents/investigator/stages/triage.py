"""Receive and triage: is there something to look into, and where."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from langgraph.runtime import Runtime

from agents.incident import Alert, Incident
from agents.investigator.places_of_hosts import addresses, places_of
from agents.investigator.purse import Purse
from agents.investigator.stages.rounds import purse_of
from agents.investigator.state import State
from agents.investigator.targets_labels import address_of, namespace_label
from agents.investigator.toolbox import Toolbox
from agents.ledger import incidents, investigations, turns
from tools.queue.port import Later

MOST_NAMESPACES = 3


async def receive(state: State, runtime: Runtime[Toolbox]) -> State:
    """Take the incident in, if this hour still has room for it. Raises Later."""
    box = runtime.context
    wait = await box.write(turns.begin, box.policy.per_hour)
    if wait:
        raise Later(wait, f"INC-{state['incident']} waits for its turn")
    return {"round": 1}


async def triage(state: State, runtime: Runtime[Toolbox]) -> State:
    """Nothing to do when it resolved by itself; else the namespaces its alerts speak of."""
    box = runtime.context
    found = await asyncio.to_thread(incidents.incident, box.ledger, state["incident"])
    if found is None or await asyncio.to_thread(resolved, box, state["incident"]):
        return {"next": "close"}
    purse = purse_of(state, box)
    return {
        "next": "gather",
        "namespaces": await _places(box, found, purse),
        "seen": sorted(alert.fingerprint for alert in found.firing),
        "spent": purse.spent,
    }


async def _places(box: Toolbox, found: Incident, purse: Purse) -> list[str]:
    """The namespaces to look at: those that answer for a probed address before those that only probe it."""
    named, wanted = namespaces_of(found), addresses(found.firing or found.alerts)
    if not wanted or purse.take("tool_calls"):
        return named
    answering = await asyncio.to_thread(places_of, box.cluster, wanted)
    return list(dict.fromkeys((*answering, *named)))[:MOST_NAMESPACES]


def resolved(box: Toolbox, incident: int) -> bool:
    """Whether Alertmanager said that nothing of the incident fires any more."""
    with box.ledger.read() as session:
        return investigations.is_resolved(session, incident)


def namespaces_of(incident: Incident) -> list[str]:
    """The namespaces that the alerts name, most frequent first, at most three."""
    return _named(incident.firing or incident.alerts)[:MOST_NAMESPACES]


def places_left_out(incident: Incident, looked: Iterable[str] = ()) -> list[str]:
    """In words, where the alerts point and nobody looks; ``looked`` are the namespaces that were."""
    alerts, seen = incident.firing or incident.alerts, set(looked)
    rest = (
        _named(alerts)[MOST_NAMESPACES:] if not seen else [one for one in _named(alerts) if one not in seen]
    )
    left_out = [f"namespace {name}: not looked at" for name in rest]
    # Where an address led somewhere, that is what the alert is about.
    found = seen - set(_named(alerts))
    nowhere = (alert for alert in alerts if not namespace_label(alert.labels))
    lost = sorted({alert.name for alert in nowhere if not (found and address_of(alert.labels))})
    return left_out + [f"{name} names no namespace: only nodes were looked at for it" for name in lost[:3]]


def _named(alerts: Iterable[Alert]) -> list[str]:
    named = [namespace_label(alert.labels) for alert in alerts]
    counted = {name: named.count(name) for name in named if name}
    return sorted(counted, key=lambda name: (-counted[name], name))
