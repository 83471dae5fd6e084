"""What the analyzers see: the inventory, the log tails, and which evidence each was read from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import zip_longest
from typing import TypeVar, cast

from agents.incident import EvidenceId, Finding
from agents.investigator.analyzers.fields import (
    TEMPLATED,
    WORKLOAD_KINDS,
    controller_of,
    is_finished,
    is_plainly_well,
    labels_of,
    matches,
    name_of,
    namespace_of,
    template_labels,
)
from agents.investigator.analyzers.measured import Measured, Signal
from agents.investigator.analyzers.objects import Objects
from tools.kubernetes.log_lines import LogLine, log_lines
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

ERROR_LINES = re.compile(
    r"\b(errors?|exception|fatal|panic|traceback|critical|fail(?:ed|ure|s)?)\b", re.IGNORECASE
)

T = TypeVar("T")
LogKey = tuple[str, str, str]
"""Namespace, pod, container."""


@dataclass(frozen=True, kw_only=True)
class LogTail:
    """The last lines of one container, of this run and of the one before, and where they are kept.

    ``times`` has the moment of each line of ``current``, ``previous_times`` those of ``previous``.
    """

    current: str = ""
    previous: str = ""
    evidence: tuple[EvidenceId, ...] = ()
    times: tuple[datetime | None, ...] = ()
    previous_times: tuple[datetime | None, ...] = ()

    @classmethod
    def stamped(cls, current: str, previous: str, evidence: tuple[EvidenceId, ...]) -> LogTail:
        """The tail of a container whose logs were read with time stamps."""
        now, before = log_lines(current), log_lines(previous)
        return cls(
            current="\n".join(line.text for line in now),
            previous="\n".join(line.text for line in before),
            evidence=evidence,
            times=tuple(line.at for line in now),
            previous_times=tuple(line.at for line in before),
        )

    def lines(self, *, previous: bool = False) -> tuple[LogLine, ...]:
        """The lines of one run, oldest first."""
        text, times = (self.previous, self.previous_times) if previous else (self.current, self.times)
        lines = text.removesuffix("\n").split("\n") if text else []
        return tuple(LogLine(text=line, at=at) for line, at in zip_longest(lines, times[: len(lines)]))


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One look at the cluster at ``taken_at``; nothing in it changes while it is analysed.

    ``evidence`` maps a kind (``Pod``), or a kind in a namespace (``Pod/shop``), to the ids of
    the reads it came from, so that a finding can say where it was seen. ``not_checked`` are the
    looks that did not come about, beside the reads that the inventory itself records. ``error_lines``
    recognises a log line that speaks of an error. ``began`` is when the first alert started, if there is one.
    """

    inventory: Objects
    taken_at: datetime
    logs: Mapping[LogKey, LogTail] = field(default_factory=dict)
    evidence: Mapping[str, tuple[EvidenceId, ...]] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    not_checked: tuple[str, ...] = ()
    error_lines: re.Pattern[str] = ERROR_LINES
    traffic: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Requests per second by namespace and Service, where metrics tell."""
    measured: tuple[Measured, ...] = ()
    """What metrics told over the hours around ``began``, the start of the oldest alert that fires."""
    began: datetime | None = None
    live: bool = False
    """Whether it was read just now, so that the age of what it tells can be told by our clock."""

    def objects(self, kind: str) -> tuple[JsonObject, ...]:
        """Every object of this kind that was read."""
        return self.inventory.objects(kind)

    def cites(self, namespace: str, *kinds: str) -> tuple[EvidenceId, ...]:
        """Evidence ids of the reads of these kinds in this namespace, each once, in order."""
        found: dict[EvidenceId, None] = {}
        for kind in kinds:
            ids = self.evidence.get(f"{kind}/{namespace}") or self.evidence.get(kind) or ()
            found.update(dict.fromkeys(ids))
        return tuple(found)

    def looked_at(self, namespace: str, kind: str) -> bool:
        """Whether a read of this kind succeeded, so that absence means something."""
        if (namespace, kind) not in self._looked:
            self._looked[namespace, kind] = self._looks(namespace, kind)
        return self._looked[namespace, kind]

    def _looks(self, namespace: str, kind: str) -> bool:
        if self.inventory.unread(kind, namespace):
            return False
        told = self.inventory.looked_at(kind, namespace) or bool(self.cites(namespace, kind))
        return told or bool(self.within(namespace, kind))

    def find(self, kind: str, namespace: str, name: str) -> JsonObject | None:
        """One object, or None when it was not read."""
        if kind not in self._by_name:
            self._by_name[kind] = {
                (namespace_of(obj), name_of(obj)): obj for obj in reversed(self.objects(kind))
            }
        return self._by_name[kind].get((namespace, name))

    def lacks(self, kind: str, namespace: str, name: str) -> bool:
        """Whether it is certain that there is no object of this name."""
        return self.looked_at(namespace, kind) and self.find(kind, namespace, name) is None

    def within(self, namespace: str, kind: str) -> tuple[JsonObject, ...]:
        """The objects of this kind in one namespace."""
        if kind not in self._by_place:
            index: dict[str, list[JsonObject]] = defaultdict(list)
            for obj in self.objects(kind):
                index[namespace_of(obj)].append(obj)
            self._by_place[kind] = {place: tuple(found) for place, found in index.items()}
        return self._by_place[kind].get(namespace, ())

    def shared(self, what: str, made: Callable[[Snapshot], T]) -> T:
        """What several analyzers work out of this look: made once, by who asks first."""
        if what not in self._shared:
            self._shared[what] = made(self)
        return cast("T", self._shared[what])

    @cached_property
    def _shared(self) -> dict[str, object]:
        return {}

    def log(self, key: LogKey) -> LogTail:
        """The log tail of one container; empty when it was not read."""
        return self.logs.get(key, LogTail())

    def events(self, ref: ObjectRef) -> tuple[JsonObject, ...]:
        """Events about one object, oldest first."""
        return self._events.get(ref.key, ())

    def events_of(self, obj: JsonObject) -> tuple[JsonObject, ...]:
        """Events about an object that was read, oldest first."""
        return self._events.get((obj["kind"], namespace_of(obj), name_of(obj)), ())

    def selected(self, namespace: str, selector: Mapping[str, str]) -> tuple[JsonObject, ...]:
        """Pods of the namespace that an equality selector selects."""
        key = (namespace, *selector.items())
        if key not in self._selected:
            first = next(iter(selector.items()), ("", ""))
            candidates = self._pods.get((namespace, *first), ())
            self._selected[key] = tuple(pod for pod in candidates if matches(selector, labels_of(pod)))
        return self._selected[key]

    def living(self, namespace: str, selector: Mapping[str, str]) -> tuple[JsonObject, ...]:
        """Of the pods that an equality selector selects those that did not end and are not about to."""
        key = (namespace, *selector.items())
        if key not in self._living:
            pods = self.selected(namespace, selector)
            self._living[key] = tuple(pod for pod in pods if not is_finished(pod))
        return self._living[key]

    def pods_in(self, namespace: str) -> tuple[JsonObject, ...]:
        """Every pod of one namespace, in the server's order."""
        return self.within(namespace, "Pod")

    def template_labels_in(self, namespace: str) -> tuple[dict[str, str], ...]:
        """The labels that the workloads of one namespace give their pods, each set once."""
        return tuple(self._template_labels.get(namespace, {}).values())

    def owned(self, owner: JsonObject, kind: str = "Pod") -> tuple[JsonObject, ...]:
        """The objects of ``kind`` that ``owner`` controls, in the server's order; see ``_owned``."""
        ref = ref_of(owner)
        return tuple(self._owned[kind].get(ref.key, ()))

    def label_values(self, namespace: str, key: str) -> tuple[str, ...]:
        """The values that this label has on pods of the namespace, sorted."""
        return self._values.get((namespace, key), ())

    @cached_property
    def unwell(self) -> tuple[JsonObject, ...]:
        """The pods that are not plainly well: the few that analyzers of pods have to look at closely."""
        return tuple(pod for pod in self.objects("Pod") if not is_plainly_well(pod))

    def is_unwell(self, pod: JsonObject) -> bool:
        """Whether a pod of this snapshot is among those that are not plainly well."""
        return id(pod) in self._unwell

    @cached_property
    def roots(self) -> tuple[JsonObject, ...]:
        """Everything that states a pod of its own, and was not made by a controller that was read too."""
        return tuple(obj for kind in (*TEMPLATED, "Pod") for obj in self.objects(kind) if self._is_root(obj))

    def _is_root(self, obj: JsonObject) -> bool:
        owner = controller_of(obj)
        kind = owner.get("kind") or ""
        return kind not in TEMPLATED or self.find(kind, namespace_of(obj), owner.get("name") or "") is None

    @cached_property
    def _looked(self) -> dict[tuple[str, str], bool]:
        # Asked for every name that some object mentions.
        return {}

    @cached_property
    def _unwell(self) -> frozenset[int]:
        return frozenset(map(id, self.unwell))

    @cached_property
    def _by_name(self) -> dict[str, dict[tuple[str, str], JsonObject]]:
        # Filled kind by kind; an ObjectRef for each question would cost more than the answer.
        return {}

    @cached_property
    def _selected(self) -> dict[tuple[object, ...], tuple[JsonObject, ...]]:
        # A Service, a policy, a budget and a webhook ask for the same pods.
        return {}

    @cached_property
    def _living(self) -> dict[tuple[object, ...], tuple[JsonObject, ...]]:
        return {}

    @cached_property
    def _values(self) -> dict[tuple[str, str], tuple[str, ...]]:
        index: dict[tuple[str, str], list[str]] = defaultdict(list)
        for namespace, key, value in sorted(place for place in self._pods if place[2]):
            index[namespace, key].append(value)
        return {place: tuple(found) for place, found in index.items()}

    @cached_property
    def _by_place(self) -> dict[str, dict[str, tuple[JsonObject, ...]]]:
        # Filled kind by kind: asked for every pull secret of ten thousand pods.
        return {}

    @cached_property
    def _owned(self) -> dict[str, dict[tuple[str, str, str], list[JsonObject]]]:
        index: dict[str, dict[tuple[str, str, str], list[JsonObject]]] = {}
        for kind in ("Pod", "ReplicaSet", "Job", "ControllerRevision"):
            found = index.setdefault(kind, defaultdict(list))
            for obj in self.objects(kind):
                owner = controller_of(obj)
                found[owner.get("kind", ""), namespace_of(obj), owner.get("name", "")].append(obj)
        return index

    @cached_property
    def _template_labels(self) -> dict[str, dict[frozenset[tuple[str, str]], dict[str, str]]]:
        index: dict[str, dict[frozenset[tuple[str, str]], dict[str, str]]] = defaultdict(dict)
        for kind in WORKLOAD_KINDS:
            for workload in self.objects(kind):
                labels = template_labels(workload)
                index[namespace_of(workload)][frozenset(labels.items())] = labels
        return index

    @cached_property
    def _pods(self) -> dict[tuple[str, str, str], list[JsonObject]]:
        # By namespace and one label: five hundred Services over five thousand pods must not take minutes.
        index: dict[tuple[str, str, str], list[JsonObject]] = defaultdict(list)
        for pod in self.objects("Pod"):
            for key, value in labels_of(pod).items():
                index[namespace_of(pod), key, value].append(pod)
        return index

    @cached_property
    def _events(self) -> dict[tuple[str, str, str], tuple[JsonObject, ...]]:
        # Indexed once: a namespace in trouble has thousands of events and hundreds of pods.
        index: dict[tuple[str, str, str], list[JsonObject]] = defaultdict(list)
        for event in self.objects("Event"):
            about = event.get("involvedObject") or event.get("regarding") or {}
            key = (about.get("kind", ""), about.get("namespace", ""), about.get("name", ""))
            index[key].append(event)
        return {key: tuple(sorted(found, key=event_time)) for key, found in index.items()}


def event_time(event: JsonObject) -> str:
    """When an event was last seen, as RFC 3339 text (UTC, so text order is time order)."""
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


Analyzer = Callable[[Snapshot], Iterable[Finding]]
"""One family of conditions: a pure function; no input, no output, no clock."""
