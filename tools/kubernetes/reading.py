"""Reading a cluster: one bounded pass over the kinds a diagnosis needs.

``limit`` and ``continue`` on every list, ``resourceVersion=0`` so that the API server's cache answers, a cap
on what is kept, a few requests at once and all of them at the connection's pace. What every namespace shares
is read once for all looks of a moment. Source: threats T30; diagnosis, "What is looked at".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tools.kubernetes import discovery
from tools.kubernetes.client import Connection
from tools.kubernetes.discovery import Served, UnknownVersion
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.inventory import Inventory, Query
from tools.kubernetes.kinds import READABLE, Depth, Readable
from tools.kubernetes.listing import PAGE, Found, listed
from tools.kubernetes.logs import LogText, read_log
from tools.kubernetes.objects import JsonObject, is_namespace

__all__ = ["PAGE", "Depth", "LogText", "read_everything", "read_inventory", "read_log"]

AT_ONCE = 4
"""Requests on their way at once: the time of a look is theirs, and a server has many clients."""
SILENCES = 2
"""After so many reads without an answer the rest is not asked for: each would cost its timeout."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """One kind in one namespace, or in all of them; where it may be listed is told for add-ons alone."""

    kind: Readable
    namespace: str = ""
    versions: tuple[str, ...] = ()

    def paths(self) -> tuple[str, ...]:
        # A name that could break out of the path stays out of it, also in what is recorded.
        place = self.namespace if not self.namespace or is_namespace(self.namespace) else "-"
        return tuple(self.kind.path(place, version) for version in self.versions or ("",))

    def query(self, at: datetime, path: str = "") -> Query:
        """That it was asked for, and nothing came."""
        where = path or self.paths()[0]
        return Query(kind=self.kind.kind, namespace=self.namespace, path=where, count=0, ok=True, at=at)

    def failed(self, at: datetime, problem: str, *, silent: bool = False) -> _Answer:
        return _Answer(query=replace(self.query(at), ok=False, problem=problem, silent=silent))


@dataclass(frozen=True, kw_only=True)
class _Answer:
    query: Query
    objects: tuple[JsonObject, ...] = ()


def read_inventory(
    cluster: Connection,
    namespace: str,
    depth: Depth = Depth.INCIDENT,
    *,
    clock: Callable[[], datetime] = _utc_now,
) -> Inventory:
    """One pass over a namespace and what every namespace shares; only the latter when it is empty.

    Failed reads are recorded, not raised, and never look like "nothing there". ``clock`` gives the aware
    time that each read is stamped with.
    """
    wanted = (
        _Wanted(kind=kind, namespace=kind.place or (namespace if kind.namespaced else ""))
        for kind in READABLE
        if kind.depth <= depth and (namespace or kind.place or not kind.namespaced)
    )
    return _Pass(cluster=cluster, clock=clock).over(wanted)


def read_everything(cluster: Connection, *, clock: Callable[[], datetime] = _utc_now) -> Inventory:
    """One pass over all namespaces at once, as deep as it goes."""
    once = {kind.path(""): _Wanted(kind=kind) for kind in READABLE}
    return _Pass(cluster=cluster, clock=clock).over(once.values())


@dataclass(kw_only=True)
class _Pass:
    cluster: Connection
    clock: Callable[[], datetime]
    silent: list[str] = field(default_factory=list)

    def over(self, wanted: Iterable[_Wanted]) -> Inventory:
        every = list(wanted)
        own, addons = ([one for one in every if one.kind.addon is there] for there in (False, True))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked: list[Future[_Answer]] = [pool.submit(self._answer, one) for one in own]
            told, there = self._addons(addons)
            asked += [pool.submit(self._answer, one) for one in there]
            answers = [*(each.result() for each in asked), *told]
        by_kind: dict[str, list[JsonObject]] = defaultdict(list)
        for answer in answers:
            by_kind[answer.query.kind] += answer.objects
        return Inventory(
            by_kind={kind: tuple(objects) for kind, objects in by_kind.items()},
            queries=tuple(answer.query for answer in answers),
        )

    def _addons(self, wanted: list[_Wanted]) -> tuple[list[_Answer], list[_Wanted]]:
        """What is known of add-ons without a list of theirs, and where there may be one."""
        if not wanted:
            return [], []
        at = self.clock()
        found = self.cluster.recent.get(discovery.PATH, self._served)
        if isinstance(found, KubernetesError):
            # One sentence for all of them: that none was looked at follows from it.
            group = Readable(kind="APIGroup", resource="apis", namespaced=False)
            failed = _Wanted(kind=group).query(at, discovery.PATH)
            return [_Answer(query=replace(failed, ok=False, problem=str(found)))], []
        told: list[_Answer] = []
        there: list[_Wanted] = []
        for one in wanted:
            try:
                versions = found.versions(one.kind)
            except UnknownVersion as problem:
                told.append(one.failed(at, str(problem)))
                continue
            if versions:
                there.append(replace(one, versions=versions))
            else:
                # Not installed is an answer: there are none, and discovery is the evidence.
                told.append(_Answer(query=one.query(at, discovery.PATH)))
        return told, there

    def _served(self) -> Served | KubernetesError:
        try:
            return discovery.served(self.cluster)
        except KubernetesError as problem:
            return problem

    def _answer(self, wanted: _Wanted) -> _Answer:
        at = self.clock()
        if wanted.namespace and not is_namespace(wanted.namespace):
            return wanted.failed(at, "no namespace can have this name; it was not asked for")
        if len(self.silent) >= SILENCES:
            return wanted.failed(at, "not asked for: the API server did not answer before", silent=True)
        if wanted.kind.shared:
            return self.cluster.recent.get(
                wanted.paths()[0], lambda: self._asked(wanted), lambda answer: not answer.query.silent
            )
        return self._asked(wanted)

    def _asked(self, wanted: _Wanted) -> _Answer:
        at, found, path = self.clock(), Found(), ""
        for path in wanted.paths():
            found = listed(self.cluster, wanted.kind.kind, path)
            if not found.absent:
                break
        if found.silent:
            self.silent.append(path)
        query = replace(
            wanted.query(at, path),
            count=len(found.objects),
            truncated=bool(found.token),
            silent=found.silent,
        )
        # Of an add-on's kind discovery knew no more than the group: the 404 is the rest of its answer.
        if found.problem is None or found.objects or (found.absent and wanted.kind.addon):
            return _Answer(query=query, objects=tuple(found.objects))
        return _Answer(query=replace(query, ok=False, problem=str(found.problem), refused=found.refused))
