"""The objects that a diagnosis touches and how they hang together, read from its stored evidence. Pure.

Only what a look at the cluster returned counts: who owns a pod, where it runs, which Service sends to it and
who is told to call that.
What is not in the evidence is not drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from agents.incident import Severity
from agents.ledger.story import Story
from tools.kubernetes.objects import ObjectRef

MOST = 24
"""More objects than that are no picture; the rest is counted."""
Key = tuple[str, str, str]
_LINE = re.compile(r"(?P<kind>[A-Z]\w+) (?:(?P<space>[^\s/]+)/)?(?P<name>\S+) /(?P<path>.+?) = (?P<value>.+)")
_OF = ("/ownerReferences/", "/targetRef/", "service-name = ", "/spec/nodeName = ", " /addresses/")
_OWNER = re.compile(r"metadata/ownerReferences/(\d+)/(kind|name|controller)")
_TARGET = re.compile(r"endpoints/(\d+)/targetRef/(kind|name)")
_CALLED = re.compile(r"addresses/(\d+)/(service|namespace)")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One object: whether it is the cause, what was found of it, and whether a plan would change it."""

    key: Key
    cause: bool = False
    changed: bool = False
    found: str = ""

    @property
    def name(self) -> str:
        """As people write it."""
        return str(ObjectRef(kind=self.key[0], namespace=self.key[1], name=self.key[2]))


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One relation in words: ``start`` ``word`` ``end``."""

    start: Key
    word: str
    end: Key


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What is drawn, and how many more there are."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    more: int = 0


@dataclass(kw_only=True)
class _Seen:
    """Relations as the evidence states them."""

    owner: dict[Key, Key] = field(default_factory=dict)
    runs_on: dict[Key, Key] = field(default_factory=dict)
    sends: set[tuple[Key, Key]] = field(default_factory=set)
    calls: set[tuple[Key, Key]] = field(default_factory=set)
    """Who is told by its settings to call which Service; of a short name only this process knows which."""

    def owners(self, key: Key) -> list[Key]:
        """Who owns it, upwards; four links at most, for a liar's evidence could make it its own owner."""
        found: list[Key] = []
        while len(found) < 4 and (key in self.owner):
            key = self.owner[key]
            found.append(key)
        return found


def related(story: Story) -> Graph:
    """The cause, what was found, what a plan changes; their owners, their Services and where they run."""
    marked = dict(_marked(story))
    seen = _seen(item.excerpt for item in story.evidence if item.ok and item.tool.startswith("kubernetes."))
    edges = [*_said(story)]
    keys = dict.fromkeys([*marked, *(key for edge in edges for key in (edge.start, edge.end))])
    for key in list(keys):
        for owned, owner in pairwise([key, *seen.owners(key)]):
            edges.append(Edge(start=owner, word="owns", end=owned))
            keys.setdefault(owner)
    told = {(edge.start, edge.end) for edge in edges if edge.word == "sends to"}
    for service, pod in sorted(seen.sends):
        # Once to the workload says it for all of its pods.
        if pod in keys and not any((service, owner) in told for owner in seen.owners(pod)):
            edges.append(Edge(start=service, word="sends to", end=pod))
            keys.setdefault(service)
    for caller, service in sorted(seen.calls):
        # Of what is drawn anyway: who calls some other Service of the namespace is no part of this story.
        if service in keys:
            edges.append(Edge(start=caller, word="calls", end=service))
            keys.setdefault(caller)
    for pod in [key for key in keys if key in seen.runs_on and marked.get(key)]:
        edges.append(Edge(start=pod, word="runs on", end=seen.runs_on[pod]))
        keys.setdefault(seen.runs_on[pod])
    # The cause and what was found came first, so what is left out is what hangs on to them.
    kept = list(keys)[:MOST]
    nodes = tuple(marked.get(key) or Node(key=key) for key in kept)
    drawn = [edge for edge in dict.fromkeys(edges) if edge.start in kept and edge.end in kept]
    return Graph(nodes=nodes, edges=tuple(drawn), more=len(keys) - len(kept))


def _marked(story: Story) -> Iterator[tuple[Key, Node]]:
    """The objects that the diagnosis and its plans speak of, the cause first."""
    diagnosis, found = story.diagnosis, {}
    cause = diagnosis.cause if diagnosis else None
    steps = [step for view in story.plans for step in view.plan.steps]
    changed = {(step.kind, step.namespace, step.name) for step in steps}
    if cause is not None:
        found[cause.object.key] = ""
    for finding in diagnosis.findings if diagnosis else ():
        explained = cause is not None and finding.key in cause.explains
        if explained or finding.severity is not Severity.INFO:
            found[finding.object.key] = found.get(finding.object.key) or finding.code
    for other in diagnosis.alternatives if diagnosis else ():
        found.setdefault(other.object.key, "")
    for key in dict.fromkeys([*found, *sorted(changed)]):
        is_cause = cause is not None and key == cause.object.key
        yield key, Node(key=key, cause=is_cause, changed=key in changed, found=found.get(key, ""))


def _said(story: Story) -> Iterator[Edge]:
    """Relations that the diagnosis itself states, and those that a plan's radius names."""
    cause = story.diagnosis.cause if story.diagnosis else None
    if cause is not None:
        place, facts = cause.object.namespace, cause.facts
        if facts.get("workload_kind") and facts.get("workload_name"):
            meant = (str(facts["workload_kind"]), place, str(facts["workload_name"]))
            yield Edge(start=cause.object.key, word="should send to", end=meant)
        kind, _, path = str(facts.get("caller") or "").partition(" ")
        space, _, name = path.partition("/")
        if kind and name:
            yield Edge(start=(kind, space, name), word="calls", end=cause.object.key)
    for view in story.plans[-1:]:
        for step, radius in zip(view.plan.steps, view.plan.radius, strict=False):
            target = (step.kind, step.namespace, step.name)
            for name in radius.services:
                if target != ("Service", step.namespace, name):
                    yield Edge(start=("Service", step.namespace, name), word="sends to", end=target)
            for name in radius.ingresses:
                yield Edge(start=("Ingress", step.namespace, name), word="leads to", end=target)
            for name in radius.autoscalers:
                scaler = ("HorizontalPodAutoscaler", step.namespace, name)
                yield Edge(start=scaler, word="scales", end=target)


def _seen(excerpts: Iterable[str]) -> _Seen:
    parts: dict[tuple[Key, str], dict[str, str]] = {}
    seen, services = _Seen(), {}
    for line in (line for text in excerpts for line in text.splitlines()):
        if not any(word in line for word in _OF) or (hit := _LINE.fullmatch(line)) is None:
            continue
        key = (hit["kind"], hit["space"] or "", hit["name"])
        if owner := _OWNER.fullmatch(hit["path"]):
            parts.setdefault((key, f"owner {owner[1]}"), {})[owner[2]] = hit["value"]
        elif target := _TARGET.fullmatch(hit["path"]):
            parts.setdefault((key, f"target {target[1]}"), {})[target[2]] = hit["value"]
        elif called := _CALLED.fullmatch(hit["path"]):
            parts.setdefault((key, f"call {called[1]}"), {})[called[2]] = hit["value"]
        elif hit["path"].endswith("labels/kubernetes.io/service-name"):
            services[key] = ("Service", key[1], hit["value"])
        elif key[0] == "Pod" and hit["path"] == "spec/nodeName":
            seen.runs_on[key] = ("Node", "", hit["value"])
    # Kind, name and controller stand on lines of their own and come together only here.
    for (key, what), said in parts.items():
        if what.startswith("call") and "service" in said and "namespace" in said:
            seen.calls.add((key, ("Service", said["namespace"], said["service"])))
        if "kind" not in said or "name" not in said:
            continue
        other = (said["kind"], "" if said["kind"] == "Node" else key[1], said["name"])
        if what.startswith("owner") and said.get("controller") == "True" and key[0] != "EndpointSlice":
            seen.owner[key] = other
        elif what.startswith("target") and key in services:
            seen.sends.add((services[key], other))
    return seen
