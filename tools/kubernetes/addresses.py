"""Where an env value points to, read at the reader's door before the value is dropped.

Of a value only this gets past: a port number, and a host either as a tag that can be compared with names
known otherwise, or, when it names a Service by its DNS name in the cluster, as that Service. Users,
passwords, paths and hosts outside the cluster stay out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tools.kubernetes.objects import JsonObject, ObjectRef

MOST = 10
"""Addresses read from one value: lists of brokers and replicas are short."""

_HOST = r"(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)"
_URL = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^@/\s]*@)?{_HOST}(?::(?P<port>\d{{1,5}}))?(?=[/?#,]|$)"
)
_PAIR = re.compile(rf"{_HOST}:(?P<port>\d{{1,5}})")
_IN_CLUSTER = re.compile(r"(?:[a-z0-9.-]+\.)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.[a-z0-9.-]+)?")
_OF_SERVICE = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc(?:\.[a-z0-9.-]+)?")
_ADDRESS_NAMES = re.compile(
    r".*(?:_|^)(?:ADDR|ADDRESS|BACKEND|BROKERS?|ENDPOINTS?|HOST|HOSTNAME|HOSTS|PEERS?|SERVERS?|TARGETS?|UPSTREAM|URI|URL)",
    re.IGNORECASE,
)
"""Variables that name an address; under another name ``word:12345`` may as well be a password."""

_SCHEME_PORTS = {"http": 80, "https": 443, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379,
                 "amqp": 5672, "mongodb": 27017, "nats": 4222}  # fmt: skip


class Address(NamedTuple):
    """A host as it stands in a value, and the port it is asked at; None when the value does not say."""

    host: str
    port: int | None


def addresses(container: JsonObject, tag: Callable[[str], str]) -> Iterator[JsonObject]:
    """What the env values of one container point to, each with the variable it stands in."""
    values = {
        str(entry.get("name") or ""): str(entry["value"])
        for entry in container.get("env") or []
        if isinstance(entry, dict) and entry.get("value")
    }
    for name, value in values.items():
        named = bool(_ADDRESS_NAMES.fullmatch(name))
        found = parsed(value, named=named)
        if not found and named and re.fullmatch(_HOST, value):
            found = (Address(value, _port(values.get(f"{name.rpartition('_')[0]}_PORT", ""))),)
        for address in found:
            yield {"container": container.get("name"), "env": name, **_kept(address, tag)}


def service_of(host: str) -> ObjectRef | None:
    """The Service of a DNS name within the cluster; None when it is no such name, or that of a pod."""
    known = _OF_SERVICE.fullmatch(host)
    return ObjectRef(kind="Service", namespace=known["namespace"], name=known["name"]) if known else None


def parsed(value: str, *, named: bool) -> tuple[Address, ...]:
    """The addresses in a value, with commas between: URLs and, when ``named`` as such, ``host:port``."""
    found = []
    for part in value.split(",")[:MOST]:
        match = _URL.match(part) or (_PAIR.fullmatch(part) if named else None)
        if match:
            scheme = match.groupdict().get("scheme") or ""
            found.append(Address(match["host"], _port(match["port"] or "") or _SCHEME_PORTS.get(scheme)))
    return tuple(found)


def _port(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{0,4}", text) and int(text) <= 65535 else None


def _kept(address: Address, tag: Callable[[str], str]) -> JsonObject:
    known = _IN_CLUSTER.fullmatch(address.host)
    place = {"service": known[1], "namespace": known[2]} if known else {"host": tag(address.host)}
    return {**place, "port": address.port}
