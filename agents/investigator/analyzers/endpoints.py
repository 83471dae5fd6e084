"""Who stands behind a Service, as EndpointSlices and the older Endpoints objects say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items, labels_of, name_of, namespace_of
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""Set on EndpointSlices by their controller (discovery.k8s.io/v1)."""

_LEADER = "control-plane.alpha.kubernetes.io/leader"
_SHOWN = 20


class EndpointsCode(Coded):
    """Conditions of the addresses behind a Service."""

    SOME_NOT_READY = (
        "service.endpoints.some_not_ready",
        "Some of the addresses behind a Service are not ready, so that fewer carry its load.",
        "EndpointSlices and Endpoints of the Service",
    )


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The addresses of one Service. ``told``: whether anything says so, an empty list included."""

    ready: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()
    told: bool = False
    elects: bool = False
    """Whether the object only holds a leader's lease, as old controllers keep it: nobody is served there."""


class Directory:
    """All addresses of a snapshot by namespace and Service, indexed once."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Index the slices and the Endpoints that were read."""
        self._slices: dict[tuple[str, str], list[JsonObject]] = defaultdict(list)
        for slice_ in snapshot.objects("EndpointSlice"):
            owner = labels_of(slice_).get(SERVICE_NAME_LABEL, "")
            self._slices[namespace_of(slice_), owner].append(slice_)
        self._known: dict[tuple[str, str], Addresses] = {}
        self._old = {(namespace_of(obj), name_of(obj)): obj for obj in snapshot.objects("Endpoints")}
        self._places = {namespace for namespace, _ in self._old}

    def of(self, service: JsonObject) -> Addresses:
        """What is known of this Service's addresses; a slice knows better than an Endpoints object."""
        key = (namespace_of(service), name_of(service))
        if key in self._slices:
            if key not in self._known:
                self._known[key] = _of_slices(self._slices[key])
            return self._known[key]
        return of_endpoints(self._old[key]) if key in self._old else Addresses()

    def overlooked(self, service: JsonObject) -> bool:
        """Whether Endpoints of its namespace were read and none is its own: not looked at yet."""
        key = (namespace_of(service), name_of(service))
        return key[0] in self._places and key not in self._old


def directory_of(snapshot: Snapshot) -> Directory:
    """The directory of this look: those who ask for a Service's addresses share one."""
    return snapshot.shared("addresses", Directory)


def _of_slices(slices: list[JsonObject]) -> Addresses:
    found: dict[bool, list[str]] = {True: [], False: []}
    for endpoint in (each for slice_ in slices for each in items(slice_, "endpoints")):
        # The API reads a missing ``ready`` as ready.
        ready = (endpoint.get("conditions") or {}).get("ready") is not False
        found[ready].append(_named(endpoint.get("targetRef"), endpoint.get("addresses") or ()))
    return Addresses(ready=tuple(found[True]), unready=tuple(found[False]), told=True)


def of_endpoints(obj: JsonObject) -> Addresses:
    """The addresses of one Endpoints object."""
    found = {
        key: tuple(
            _named(one.get("targetRef"), (one.get("ip") or "",))
            for subset in items(obj, "subsets")
            for one in items(subset, key)
        )
        for key in ("addresses", "notReadyAddresses")
    }
    elects = _LEADER in (dig(obj, "metadata", "annotations") or {})
    return Addresses(ready=found["addresses"], unready=found["notReadyAddresses"], told=True, elects=elects)


def _named(target: JsonObject | None, ips: Iterable[str]) -> str:
    if target and target.get("name"):
        return f"{target.get('kind', '')} {target['name']}".strip()
    return next(iter(ips), "") or "an address without a name"


def partly_ready(snapshot: Snapshot) -> Iterator[Finding]:
    """Services with some unready addresses, and Endpoints without a Service that have unready ones."""
    directory = directory_of(snapshot)
    for service in snapshot.objects("Service"):
        known = directory.of(service)
        if known.ready and known.unready and not dig(service, "spec", "publishNotReadyAddresses"):
            yield _some(Subject(snapshot=snapshot, obj=service, also=("EndpointSlice", "Endpoints")), known)
    for obj in snapshot.objects("Endpoints"):
        known = of_endpoints(obj)
        if known.unready and not known.elects and snapshot.lacks("Service", namespace_of(obj), name_of(obj)):
            yield _some(Subject(snapshot=snapshot, obj=obj), known)


def _some(on: Subject, known: Addresses) -> Finding:
    total, waiting = len(known.ready) + len(known.unready), sorted(known.unready)
    are = "is" if len(waiting) == 1 else "are"
    return on.info(
        EndpointsCode.SOME_NOT_READY,
        f"{len(waiting)} of the {total} addresses of {on.ref} {are} not ready.",
        not_ready=waiting[:_SHOWN],
        count=len(waiting),
        of=total,
    )
