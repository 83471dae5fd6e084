"""Images that cannot be pulled, told apart by what the registry or the kubelet said.

Source: kubelet waiting reasons (``pkg/kubelet/images``) and containerd's pull errors. While a pull
is retried the waiting message alternates between the full error and a short back-off text, so
the last full text is looked for in the pod's ``Failed`` events too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import Code
from agents.investigator.analyzers.fields import (
    container_statuses,
    dig,
    is_finished,
    items,
    moment,
    quotable,
)
from agents.investigator.analyzers.snapshot import Snapshot
from tools.kubernetes.objects import JsonObject, ObjectRef, ref_of

WAITING_REASONS = frozenset(
    ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
     "RegistryUnavailable", "SignatureValidationFailed")
)  # fmt: skip

# The first row that fits wins. Refusals come before "not found", because Docker Hub answers a refusal
# with "repository does not exist or may require authorization".
_SPOKEN: tuple[tuple[Code, re.Pattern[str]], ...] = tuple(
    (code, re.compile(pattern, re.IGNORECASE))
    for code, pattern in (
        (
            Code.IMAGE_SIGNATURE_REFUSED,
            r"source image rejected|signature (validation|verification)|no valid signatures?|"
            r"signature was required|image policy",
        ),
        (Code.IMAGE_RATE_LIMITED, r"toomanyrequests|429 too many requests|pull rate limit"),
        (Code.IMAGE_PLATFORM_MISMATCH, r"no match for platform|no matching manifest for"),
        (
            Code.IMAGE_UNAUTHORIZED,
            r"\b40[13] (unauthorized|forbidden)|unauthorized|pull access denied|insufficient_scope|"
            r"authentication required|no basic auth credentials|requested access to the resource is denied",
        ),
        (
            Code.IMAGE_REGISTRY_UNREACHABLE,
            r"no such host|connection refused|i/o timeout|handshake timeout|network is unreachable|"
            r"no route to host|server misbehaving|x509:|connection reset|deadline exceeded|"
            r"\b50[0234]\b|: EOF",
        ),
        (
            Code.IMAGE_NOT_FOUND,
            r"code = NotFound|not found|manifest unknown|name unknown|repository name not known",
        ),
    )
)

# The kubelet's own verdicts, before or without any registry.
_REASONED: dict[str, Code] = {
    "InvalidImageName": Code.IMAGE_NAME_INVALID,
    "ErrImageNeverPull": Code.IMAGE_NEVER_PULLED,
    "ImageInspectError": Code.IMAGE_NOT_INSPECTED,
    "SignatureValidationFailed": Code.IMAGE_SIGNATURE_REFUSED,
    "RegistryUnavailable": Code.IMAGE_REGISTRY_UNREACHABLE,
}

_MEANING: dict[Code, str] = {
    Code.IMAGE_SIGNATURE_REFUSED: "its signature or a policy does not let it in",
    Code.IMAGE_NEVER_PULLED: "it is not on the node and may not be fetched (pull policy Never)",
    Code.IMAGE_NOT_INSPECTED: "the node cannot read it",
    Code.IMAGE_NOT_FOUND: "the registry has no such image",
    Code.IMAGE_REGISTRY_UNREACHABLE: "the registry cannot be reached",
    Code.IMAGE_PULL_SECRET_MISSING: "the pull secret the pod names does not exist",
    Code.IMAGE_UNAUTHORIZED: "the registry refuses the pull",
    Code.IMAGE_RATE_LIMITED: "the registry's pull rate limit is used up",
    Code.IMAGE_NAME_INVALID: "the image name is not valid",
    Code.IMAGE_PLATFORM_MISMATCH: "the image has no build for this node's platform",
    Code.IMAGE_NOT_PULLED: "it cannot be pulled; the reason was not recognised",
}


@dataclass(frozen=True, kw_only=True)
class _Pull:
    """One container whose image does not arrive, and all that was said about it."""

    pod: JsonObject
    ref: ObjectRef
    container: str
    image: str
    reason: str
    text: str
    since: datetime | None


def images(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding for every container that waits for an image it cannot get."""
    for pod in snapshot.unwell:
        if is_finished(pod):
            continue
        for spec, status in container_statuses(pod):
            waiting = dig(status, "state", "waiting") or {}
            if waiting.get("reason") in WAITING_REASONS:
                yield _finding(_pull(snapshot, pod, spec, status), snapshot)


def registry_of(image: str) -> str:
    """The registry host of an image reference; ``docker.io`` when it names none (distribution/reference)."""
    host, slash, _ = image.partition("/")
    return host if slash and ("." in host or ":" in host or host == "localhost") else "docker.io"


def _pull(snapshot: Snapshot, pod: JsonObject, spec: JsonObject, status: JsonObject) -> _Pull:
    ref, waiting = ref_of(pod), status["state"]["waiting"]
    # The spec's text is what was asked for; the status may show a resolved or an empty name.
    image = spec.get("image") or status.get("image") or ""
    told = [
        event
        for event in snapshot.events(ref)
        if event.get("reason") == "Failed" and f'"{image}"' in (event.get("message") or "")
    ]
    texts = [waiting.get("message") or "", *(event["message"] for event in reversed(told))]
    begun = [moment(event.get("firstTimestamp")) for event in told]
    return _Pull(
        pod=pod,
        ref=ref,
        container=status.get("name", ""),
        image=image,
        reason=waiting["reason"],
        text=next((text for text in texts if _spoken(text, image)), texts[0]),
        since=next((at for at in begun if at), moment(dig(pod, "metadata", "creationTimestamp"))),
    )


@lru_cache(maxsize=256)
def _spoken(text: str, image: str) -> Code | None:
    """What a pull error says, judged without the image's own name: anyone may name an image anything."""
    for part in (image, image.rpartition(":")[0], image.partition("/")[2].rpartition(":")[0]):
        if len(part) > 3:
            text = text.replace(part, "IMAGE")
    return next((code for code, pattern in _SPOKEN if pattern.search(text)), None)


def _code(pull: _Pull, missing_secret: str) -> Code:
    if pull.reason in _REASONED:
        return _REASONED[pull.reason]
    spoken = _spoken(pull.text, pull.image)
    if missing_secret and spoken is Code.IMAGE_UNAUTHORIZED:
        return Code.IMAGE_PULL_SECRET_MISSING
    return spoken or Code.IMAGE_NOT_PULLED


def _missing_secret(snapshot: Snapshot, pull: _Pull) -> str:
    """The first pull secret the pod names that does not exist; empty when all exist or nobody looked."""
    named = [entry.get("name", "") for entry in items(pull.pod, "spec", "imagePullSecrets")]
    told = " ".join(
        event.get("message") or ""
        for event in snapshot.events(pull.ref)
        if event.get("reason") == "FailedToRetrieveImagePullSecret"
    )
    reported = [
        name for name in named if name and re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", told)
    ]
    if reported or not snapshot.looked_at(pull.ref.namespace, "Secret"):
        return reported[0] if reported else ""
    place = pull.ref.namespace
    return next((name for name in named if name and snapshot.find("Secret", place, name) is None), "")


def _finding(pull: _Pull, snapshot: Snapshot) -> Finding:
    secret = _missing_secret(snapshot, pull)
    code = _code(pull, secret)
    fields = {
        "container": pull.container,
        "image": pull.image,
        "registry": registry_of(pull.image),
        "reason": pull.reason,
        "message": quotable(pull.text),
    }
    if code is Code.IMAGE_PULL_SECRET_MISSING:
        fields["pull_secret"] = secret
    return Finding(
        code=code,
        severity=Severity.CRITICAL,
        object=pull.ref,
        message=f"Container {pull.container} waits for image {quotable(pull.image)}: {_MEANING[code]}.",
        fields=fields,
        evidence=snapshot.cites(pull.ref.namespace, "Pod", "Event"),
        since=pull.since,
    )
