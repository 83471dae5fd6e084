"""Gateways and their classes: whether a controller takes them, and whether they listen.

Source: Gateway API v1, GatewayClassStatus, GatewayStatus and ListenerStatus.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import dig, items
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Condition, Subject, conditions
from tools.kubernetes.objects import JsonObject

# Of a listener: what its conditions say when all is well.
_WELL = {"Accepted": "True", "Programmed": "True", "ResolvedRefs": "True", "Conflicted": "False"}


class GatewayCode(Coded):
    """Conditions of GatewayClasses and Gateways."""

    CLASS_REFUSED = (
        "gatewayclass.not_accepted",
        "No controller has accepted a GatewayClass.",
        "the condition Accepted, spec.controllerName",
    )
    CLASS_MISSING = (
        "gateway.class_missing",
        "A Gateway asks for a GatewayClass that does not exist.",
        "spec.gatewayClassName, the GatewayClasses",
    )
    REFUSED = (
        "gateway.not_accepted",
        "Its controller has not accepted a Gateway.",
        "the condition Accepted",
    )
    NOT_PROGRAMMED = (
        "gateway.not_programmed",
        "A Gateway was accepted, but nothing carries out what it says: no address, say.",
        "the condition Programmed",
    )
    LISTENER = (
        "gateway.listener.unwell",
        "One listener of a Gateway does not work: a conflict, a certificate or a route kind is amiss.",
        "status.listeners",
    )
    CERTIFICATE_MISSING = (
        "gateway.listener.certificate_missing",
        "A listener takes its certificate from a Secret that does not exist.",
        "spec.listeners[].tls, the names (never the values) of Secrets",
    )


def gateways(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for GatewayClasses and Gateways; one without conditions has not been looked at yet."""
    for one in snapshot.objects("GatewayClass"):
        yield from _gateway_class(Subject(snapshot=snapshot, obj=one))
    for gateway in snapshot.objects("Gateway"):
        on = Subject(snapshot=snapshot, obj=gateway, also=("GatewayClass", "Secret"))
        yield from _class(on)
        for said in conditions(gateway):
            yield from _condition(on, said)
        for listener in items(gateway, "status", "listeners"):
            yield from _listener(on, listener)
        for listener in items(gateway, "spec", "listeners"):
            yield from _certificates(on, listener)


def _gateway_class(on: Subject) -> Iterator[Finding]:
    controller = dig(on.obj, "spec", "controllerName") or ""
    for said in conditions(on.obj):
        if said.type == "Accepted" and said.status != "True":
            text = f"{on.ref} is not accepted by {controller or 'a controller'}: {said.words}."
            told = said.fields | {"controller": controller}
            yield on.warning(GatewayCode.CLASS_REFUSED, text, said.since, **told)


def _class(on: Subject) -> Iterator[Finding]:
    wanted = dig(on.obj, "spec", "gatewayClassName") or ""
    if wanted and on.snapshot.lacks("GatewayClass", "", wanted):
        text = f"{on.ref} asks for class {wanted}, which does not exist."
        yield on.critical(GatewayCode.CLASS_MISSING, text, gateway_class=wanted)


def _condition(on: Subject, said: Condition) -> Iterator[Finding]:
    if said.status == "True":
        return
    if said.type == "Accepted":
        yield on.critical(GatewayCode.REFUSED, f"{on.ref}: {said.words}.", said.since, **said.fields)
    elif said.type == "Programmed":
        yield on.critical(GatewayCode.NOT_PROGRAMMED, f"{on.ref}: {said.words}.", said.since, **said.fields)


def _listener(on: Subject, listener: JsonObject) -> Iterator[Finding]:
    name = listener.get("name") or ""
    for said in conditions(listener, "conditions"):
        # What nobody defined says nothing of whether it works.
        if said.status != _WELL.get(said.type, said.status):
            text = f"Listener {name} of {on.ref}: {said.words}."
            yield on.critical(GatewayCode.LISTENER, text, said.since, listener=name, **said.fields)


def _certificates(on: Subject, listener: JsonObject) -> Iterator[Finding]:
    for wanted in items(listener, "tls", "certificateRefs"):
        namespace, name = wanted.get("namespace") or on.ref.namespace, wanted.get("name") or ""
        if (wanted.get("kind") or "Secret") == "Secret" and on.snapshot.lacks("Secret", namespace, name):
            secret = f"{namespace}/{name}"
            text = f"Listener {listener.get('name')} of {on.ref} wants Secret {secret}, which is missing."
            told: JsonObject = {"listener": listener.get("name"), "secret": secret}
            yield on.critical(GatewayCode.CERTIFICATE_MISSING, text, **told)
