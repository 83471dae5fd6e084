"""What extends the API server from outside: APIServices, and the conversion of custom resources.

Source: APIServiceStatus (apiregistration/v1), CustomResourceDefinitionSpec and Status (apiextensions/v1).
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.callee import unreachable
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.endpoints import Directory, directory_of
from agents.investigator.analyzers.fields import dig
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject, conditions


class ExtensionCode(Coded):
    """Conditions of APIServices and CustomResourceDefinitions."""

    UNAVAILABLE = (
        "apiservice.unavailable",
        "An API that another server provides does not answer; with what stands behind it.",
        "the condition Available, spec.service, pods and EndpointSlices of that Service",
    )
    NOT_ESTABLISHED = (
        "crd.not_established",
        "A kind was defined and is not served: its names clash, or it is being deleted.",
        "the conditions Established, NamesAccepted and Terminating",
    )
    CONVERSION = (
        "crd.conversion_backend_down",
        "Objects of a kind cannot be read in another version, because the converter cannot be called.",
        "spec.conversion.webhook.clientConfig.service, the Service, its pods and EndpointSlices",
    )


def api_extensions(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for APIServices and CustomResourceDefinitions."""
    directory, also = directory_of(snapshot), ("Service", "Pod", "EndpointSlice")
    for one in snapshot.objects("APIService"):
        yield from _api_service(Subject(snapshot=snapshot, obj=one, also=also), directory)
    for one in snapshot.objects("CustomResourceDefinition"):
        yield from _definition(Subject(snapshot=snapshot, obj=one, also=also), directory)


def _api_service(on: Subject, directory: Directory) -> Iterator[Finding]:
    fault = unreachable(on.snapshot, directory, dig(on.obj, "spec", "service") or {})
    behind = fault.words if fault else None
    for said in conditions(on.obj):
        if said.type == "Available" and said.status == "False":
            text = f"{on.ref} does not answer: {behind or said.words}."
            yield on.warning(ExtensionCode.UNAVAILABLE, text, said.since, behind=behind, **said.fields)


def _definition(on: Subject, directory: Directory) -> Iterator[Finding]:
    for said in conditions(on.obj):
        refused = said.type in ("Established", "NamesAccepted") and said.status == "False"
        if refused or (said.type == "Terminating" and said.status == "True"):
            text = f"{on.ref}: {said.words}."
            yield on.warning(ExtensionCode.NOT_ESTABLISHED, text, said.since, **said.fields)
            # The others say the same in other words.
            break
    reference = dig(on.obj, "spec", "conversion", "webhook", "clientConfig", "service") or {}
    fault = unreachable(on.snapshot, directory, reference)
    if fault:
        text = f"{on.ref} cannot be converted: {fault.words}."
        yield on.critical(ExtensionCode.CONVERSION, text, service=fault.service, **fault.fields)
