"""Ingresses that no controller takes, that lead to nothing, or that another one overrules.

Source: IngressSpec (networking/v1); the class annotation from before there were classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.backends import Backend
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items, moment, name_of, namespace_of
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.certificates import covers
from tools.kubernetes.objects import JsonObject

# Google's controller takes these by name; no IngressClass of that name needs to be there.
_BUILT_IN = frozenset(("gce", "gce-internal"))
_OLD_CLASS = "kubernetes.io/ingress.class"
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_TLS_KEYS = ("tls.crt", "tls.key")


class IngressCode(Coded):
    """Conditions of Ingresses."""

    CLASS_MISSING = (
        "ingress.class.missing",
        "An Ingress asks for a class that does not exist, so that no controller takes it.",
        "spec.ingressClassName, the IngressClasses",
    )
    CLASS_UNSET = (
        "ingress.class.unset",
        "An Ingress names no class, and no class is the default.",
        "spec.ingressClassName, the annotation kubernetes.io/ingress.class, the IngressClasses",
    )
    BACKEND_MISSING = (
        "ingress.backend.service_missing",
        "An Ingress leads to a Service that does not exist.",
        "spec.rules, spec.defaultBackend, the Services of the namespace",
    )
    BACKEND_PORT = (
        "ingress.backend.port_missing",
        "An Ingress leads to a port that its Service does not have.",
        "spec.rules, spec.defaultBackend, the ports of the Service",
    )
    TLS_MISSING = (
        "ingress.tls.secret_missing",
        "An Ingress takes its certificate from a Secret that does not exist.",
        "spec.tls, the names (never the values) of Secrets",
    )
    TLS_EMPTY = (
        "ingress.tls.secret_incomplete",
        "The Secret of an Ingress's certificate has no certificate or no key in it.",
        "spec.tls, the key names (never the values) of Secrets",
    )
    TLS_EXPIRED = (
        "ingress.tls.certificate_expired",
        "The certificate of an Ingress is past its end.",
        "spec.tls, the end date of the certificate in the Secret",
    )
    TLS_HOST = (
        "ingress.tls.host_not_covered",
        "The certificate of an Ingress does not hold for a host that it serves.",
        "spec.tls, the names in the certificate",
    )
    SHADOWED = (
        "ingress.path.shadowed",
        "Two Ingresses of one class claim the same host and path for different backends.",
        "spec.rules of all Ingresses of the class, their times of creation",
    )


def ingresses(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for Ingresses, each by itself and then against one another."""
    for ingress in snapshot.objects("Ingress"):
        on = Subject(snapshot=snapshot, obj=ingress, also=("IngressClass", "Service", "Secret"))
        yield from _class(on)
        for backend in _backends(ingress):
            yield from _backend(on, backend)
        for entry in items(ingress, "spec", "tls"):
            yield from _tls(on, entry)
    yield from _shadowed(snapshot)


def _class_of(ingress: JsonObject) -> str:
    old = (dig(ingress, "metadata", "annotations") or {}).get(_OLD_CLASS)
    return dig(ingress, "spec", "ingressClassName") or old or ""


def _class(on: Subject) -> Iterator[Finding]:
    named, wanted = dig(on.obj, "spec", "ingressClassName") or "", _class_of(on.obj)
    # A class by annotation is only a word that a controller listens for.
    if named and named not in _BUILT_IN and on.snapshot.lacks("IngressClass", "", named):
        text = f"{on.ref} asks for class {named}, which does not exist."
        yield on.critical(IngressCode.CLASS_MISSING, text, ingress_class=named)
    if not wanted and on.snapshot.looked_at("", "IngressClass"):
        classes = on.snapshot.objects("IngressClass")
        marks = ((dig(one, "metadata", "annotations") or {}).get(_DEFAULT_CLASS) for one in classes)
        if "true" not in marks:
            text = f"{on.ref} names no class, and no class is the default."
            yield on.warning(IngressCode.CLASS_UNSET, text, classes=sorted(map(name_of, classes)))


def _backends(ingress: JsonObject) -> tuple[Backend, ...]:
    """Every Service and port the Ingress leads to, each once with the paths that lead there."""
    found: dict[Backend, list[str]] = defaultdict(list)
    for where, backend in _routes(ingress):
        if named := _service(ingress, backend):
            found[named].append(where)
    return tuple(
        Backend(namespace=one.namespace, name=one.name, port=one.port, paths=tuple(paths))
        for one, paths in found.items()
    )


def _routes(ingress: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    default = dig(ingress, "spec", "defaultBackend")
    if default:
        yield "the default backend", default
    for rule in items(ingress, "spec", "rules"):
        for path in items(rule, "http", "paths"):
            yield f"{rule.get('host') or '*'}{path.get('path') or '/'}", path.get("backend") or {}


def _service(ingress: JsonObject, backend: JsonObject) -> Backend | None:
    # Another kind may stand here (resource:), which is its controller's business.
    name, port = dig(backend, "service", "name"), dig(backend, "service", "port") or {}
    if not name:
        return None
    wanted = port.get("number") or port.get("name") or 0
    return Backend(namespace=namespace_of(ingress), name=name, port=wanted)


def _backend(on: Subject, backend: Backend) -> Iterator[Finding]:
    routes, first = list(backend.paths), backend.paths[0]
    if backend.missing(on.snapshot):
        text = f"{on.ref} leads {first} to Service {backend.name}, which does not exist."
        yield on.critical(IngressCode.BACKEND_MISSING, text, service=backend.name, routes=routes)
    offered = backend.other_ports(on.snapshot)
    if offered is not None:
        has = ", ".join(offered) or "none"
        text = f"{on.ref} leads {first} to port {backend.port} of Service {backend.name}, which has {has}."
        told: JsonObject = {"service": backend.name, "port": backend.port, "offered": offered}
        yield on.critical(IngressCode.BACKEND_PORT, text, routes=routes, **told)


def _tls(on: Subject, entry: JsonObject) -> Iterator[Finding]:
    name, hosts = entry.get("secretName") or "", list(entry.get("hosts") or ())
    secret = on.snapshot.find("Secret", on.ref.namespace, name)
    told: JsonObject = {"secret": name, "hosts": hosts}
    # Without a name the controller's own certificate is meant.
    if name and on.snapshot.lacks("Secret", on.ref.namespace, name):
        text = f"{on.ref} takes its certificate from Secret {name}, which does not exist."
        yield on.warning(IngressCode.TLS_MISSING, text, **told)
    if secret is None:
        return
    # A Secret that was read by its metadata has no keys to look at.
    absent = [key for key in _TLS_KEYS if "keys" in secret and key not in secret["keys"]]
    if absent:
        text = f"Secret {name}, from which {on.ref} takes its certificate, has no {' and no '.join(absent)}."
        yield on.warning(IngressCode.TLS_EMPTY, text, absent=absent, **told)
    yield from _certificate(on, secret, told)


def _certificate(on: Subject, secret: JsonObject, told: JsonObject) -> Iterator[Finding]:
    until = moment(dig(secret, "certificate", "notAfter"))
    if until is None:
        return
    if until <= on.snapshot.taken_at:
        text = (
            f"The certificate that {on.ref} serves from Secret {told['secret']} ended {until:%Y-%m-%d %H:%M}."
        )
        yield on.critical(IngressCode.TLS_EXPIRED, text, until, not_after=until.isoformat(), **told)
    names = secret["certificate"].get("names") or []
    bare = [host for host in told["hosts"] if not covers(names, host)]
    if bare:
        text = (
            f"The certificate in Secret {told['secret']} is not for {', '.join(bare)}, which {on.ref} serves."
        )
        yield on.critical(IngressCode.TLS_HOST, text, uncovered=bare, names=names, **told)


def _shadowed(snapshot: Snapshot) -> Iterator[Finding]:
    """The younger of two Ingresses that claim one path: controllers give it to the older one."""
    claims: dict[tuple[str, ...], list[tuple[str, JsonObject, Backend]]] = defaultdict(list)
    for ingress in snapshot.objects("Ingress"):
        if _splits_traffic(ingress):
            continue
        born = dig(ingress, "metadata", "creationTimestamp") or ""
        for rule in items(ingress, "spec", "rules"):
            for path in items(rule, "http", "paths"):
                key = (_class_of(ingress), rule.get("host") or "*", path.get("path") or "/")
                if backend := _service(ingress, path.get("backend") or {}):
                    claims[*key, path.get("pathType") or ""].append((born, ingress, backend))
    for (_, host, route, _), found in claims.items():
        found.sort(key=lambda claim: (claim[0], namespace_of(claim[1]), name_of(claim[1])))
        for _, ingress, backend in found[1:]:
            if backend != found[0][2]:
                yield _overruled(
                    Subject(snapshot=snapshot, obj=ingress), f"{host}{route}", (found[0], backend)
                )


def _overruled(on: Subject, route: str, both: tuple[tuple[str, JsonObject, Backend], Backend]) -> Finding:
    (_, first, other), own = both
    winner = f"{namespace_of(first)}/{name_of(first)}"
    text = f"{on.ref} claims {route} for {own.name}, and the older Ingress {winner} sends it to {other.name}."
    told: JsonObject = {"service": own.name, "other_service": other.name}
    return on.warning(IngressCode.SHADOWED, text, route=route, other=winner, **told)


def _splits_traffic(ingress: JsonObject) -> bool:
    """Whether it is a canary: meant to share host and path with another."""
    marks = dig(ingress, "metadata", "annotations") or {}
    return any(key.endswith("/canary") and value == "true" for key, value in marks.items())
