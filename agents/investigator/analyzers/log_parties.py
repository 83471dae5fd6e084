"""The other party of a complaint: which host and port a line names, and which object that is."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from agents.investigator.analyzers.fields import dig, items, name_of
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.addresses import service_of
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

_HOST = r"(?P<host>[A-Za-z0-9_](?:[\w.-]{0,252}\w)?)"
_IP = r"(?P<host>(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-fA-F:]{2,45}\])"
_PORT = r"(?P<port>\d{2,5})(?!\d)"
# The plainest way of saying it comes first; what merely looks like host and port comes last.
_ADDRESSES = tuple(
    re.compile(form)
    for form in (
        rf"upstream: \"\w+://{_HOST}(?::{_PORT})?",
        rf"host=['\"]?{_HOST}['\"]?,? port=['\"]?{_PORT}",
        rf"server at \"{_HOST}\"(?: \([^)]*\))?, port {_PORT}",
        rf"for \"{_HOST}\" port {_PORT}",
        rf"Connect call failed \('{_HOST}', {_PORT}",
        rf"->{_IP}:{_PORT}",
        rf"\b[a-zA-Z][a-zA-Z0-9+.]{{1,20}}://(?:[^/@\s\"']*@)?{_HOST}(?::{_PORT})?",
        rf"\b{_HOST}/(?:\d{{1,3}}\.){{3}}\d{{1,3}}:{_PORT}",
        rf"{_IP}:{_PORT}",
        rf"server on ['\"]{_HOST}['\"]",
        rf"(?<![\w/.:-]){_HOST}:{_PORT}(?![\w:])",
        r"(?:connect(?:ing)? to|reach|call(?:ing)?|from|host) (?:host |server |service )?['\"]?"
        r"(?P<host>[a-z0-9-]+\.[a-z0-9.-]*[a-z0-9])(?![\w/:(])",
    )
)
_NAMED = tuple(
    re.compile(form)
    for form in (
        rf"lookup {_HOST}(?: on |:)",
        rf"(?:ENOTFOUND|EAI_AGAIN) {_HOST}",
        rf"UnknownHost(?:Exception)?: {_HOST}",
        rf"(?:resolve|translate) (?:host(?: ?name)?|address)?:? ?['\"]?{_HOST}",
        rf"[Hh]ost(?:name)? ['\"]?{_HOST}['\"]? (?:not found|does not resolve|could not be resolved)",
        rf"host not found in upstream \"{_HOST}",
    )
)
_SOURCE = re.compile(
    r"\.(?:go|py|java|kt|scala|js|mjs|cjs|ts|tsx|jsx|rb|rs|cs|php|c|cc|cpp|h|ex|exs|erl|lua|pl|sh)$",
    re.IGNORECASE,
)
_NO_HOST = frozenset(
    (
        "line",
        "port",
        "code",
        "error",
        "errno",
        "status",
        "level",
        "pid",
        "os",
        "id",
        "at",
        "time",
        "count",
        "ssl",
    )
)
_OF_POD = re.compile(
    r"(?P<pod>[a-z0-9.-]+)\.(?P<name>[a-z0-9-]+)\.(?P<place>[a-z0-9-]+)\.svc(?:\.[a-z0-9.-]+)?"
)
_SCHEMES = {"https://": 443, "http://": 80}


def _of_pod(host: str) -> ObjectRef | None:
    """The Service that gives a pod its DNS name."""
    known = _OF_POD.fullmatch(host)
    return ObjectRef(kind="Service", namespace=known["place"], name=known["name"]) if known else None


@dataclass(frozen=True, kw_only=True)
class Party:
    """Whom a line names: host and port as they stand there, and the object that is, if it is one.

    ``absent``: it names a Service, and there is certainly none. ``itself``: the pod's own loopback.
    """

    host: str
    port: int | None = None
    ref: ObjectRef | None = None
    absent: bool = False
    itself: bool = False

    @property
    def address(self) -> str:
        """``host:port``, or the host alone."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def to(self) -> str:
        """``Kind/namespace/name`` where it is an object of the cluster, else the address."""
        if self.ref is None:
            return self.address
        return "/".join(part for part in (self.ref.kind, self.ref.namespace, self.ref.name) if part)

    @property
    def words(self) -> str:
        """Who it is, for people."""
        if self.itself:
            return f"{self.address} (the pod itself)"
        if self.ref is None:
            return self.address
        told = f"{self.ref} ({self.address})"
        return f"{told}, which does not exist" if self.absent else told


class Directory:
    """Whose address is whose, in one snapshot; built when the first address is asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def party(self, line: str, namespace: str, *, by_name: bool = False) -> Party | None:
        """Whom this line of a pod of ``namespace`` names; ``by_name``: a name did not resolve."""
        named = tuple(_parties(_NAMED, line)) if by_name else ()
        # Beside a name that does not resolve stands the address of who was asked for it.
        said = named or tuple(_parties(_ADDRESSES, line))
        found = [self._known(one, namespace) for one in said]
        return next((one for one in found if one.ref or one.itself), found[0] if found else None)

    def _known(self, party: Party, namespace: str) -> Party:
        host = party.host.strip("[]").rstrip(".").lower()
        if host in {"localhost", "::1", "0.0.0.0"} or host.startswith("127."):  # noqa: S104  (read, not bound)
            return Party(host=party.host, port=party.port, itself=True)
        ref, absent = (self._addresses.get(host), False) if _is_ip(host) else self._service(host, namespace)
        return Party(host=party.host, port=party.port, ref=ref, absent=absent)

    def _service(self, host: str, namespace: str) -> tuple[ObjectRef | None, bool]:
        if whole := service_of(host) or _of_pod(host):
            found = self._find(whole.name, whole.namespace)
            absent = found is None and self._snapshot.lacks("Service", whole.namespace, whole.name)
            return found or whole, absent
        parts = host.split(".")
        if len(parts) == 1:
            return self._find(host, namespace), False
        # web-0.web and db.shop look alike: the one that there is is meant.
        return self._find(parts[0], parts[1]) or self._find(
            parts[1], namespace if len(parts) == 2 else parts[2]
        ), False

    def _find(self, name: str, namespace: str) -> ObjectRef | None:
        found = self._snapshot.find("Service", namespace, name)
        return ref_of(found) if found else None

    @cached_property
    def _addresses(self) -> dict[str, ObjectRef]:
        # Later ones win: a Service's address is nobody else's, a pod's may be its node's.
        found = {at: ref_of(node) for node in self._snapshot.objects("Node") for at in _of_node(node)}
        for pod in self._snapshot.objects("Pod"):
            if (at := dig(pod, "status", "podIP")) and not dig(pod, "spec", "hostNetwork"):
                found[at] = ref_of(pod)
        for service in self._snapshot.objects("Service"):
            found |= {at: ref_of(service) for at in _of_service(service) if name_of(service)}
        return found


def _parties(forms: tuple[re.Pattern[str], ...], line: str) -> Iterator[Party]:
    for form in forms:
        for found in form.finditer(line):
            groups = found.groupdict()
            host, said = groups["host"], groups.get("port")
            port = int(said) if said else _default(found[0])
            if _can_be(host, port):
                yield Party(host=host, port=port)


def _default(text: str) -> int | None:
    return next((port for scheme, port in _SCHEMES.items() if text.startswith(scheme)), None)


def _can_be(host: str, port: int | None) -> bool:
    if host.lower() in _NO_HOST or _SOURCE.search(host) or (port is not None and not 0 < port < 65_536):
        return False
    # 02:09 is a time and 12345:99 a pair of numbers.
    return any(char.isalpha() for char in host) or _is_ip(host.strip("[]"))


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _of_node(node: JsonObject) -> Iterator[str]:
    yield from (one["address"] for one in items(node, "status", "addresses") if one.get("address"))


def _of_service(service: JsonObject) -> Iterator[str]:
    spec = service.get("spec") or {}
    yield from (at for at in (spec.get("clusterIP"), *(spec.get("clusterIPs") or ())) if at and at != "None")
