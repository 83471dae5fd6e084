"""The names of things in a cluster, as values."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

NonEmpty = Annotated[str, Field(min_length=1)]
JsonObject = dict[str, Any]
"""An object as the API server sends it; its shape is the server's business, not ours."""


_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def is_name(text: str) -> bool:
    """Whether an API server could have given this name (DNS-1123 subdomain).

    Anything else came from a stranger's label and must not become part of a URL (threat T4).
    """
    return _NAME.fullmatch(text) is not None


def is_namespace(text: str) -> bool:
    """Whether this can be a namespace's name (DNS-1123 label)."""
    return _LABEL.fullmatch(text) is not None


class ObjectRef(BaseModel):
    """One Kubernetes object by kind, namespace and name, and by uid once it was seen.

    ``namespace`` is empty for cluster-scoped kinds. ``uid`` is empty when the object is only
    named (by a label, say) and was not read yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: NonEmpty
    namespace: str = ""
    name: NonEmpty
    uid: str = ""

    def __str__(self) -> str:
        """Kind and path as people write it: ``Deployment shop/checkout``."""
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity without the uid: ``(kind, namespace, name)``."""
        return (self.kind, self.namespace, self.name)


def ref_of(obj: JsonObject) -> ObjectRef:
    """The reference of an object as read from the API server (``kind`` must be present)."""
    meta = obj["metadata"]
    return ObjectRef(
        kind=obj["kind"], namespace=meta.get("namespace") or "", name=meta["name"], uid=meta.get("uid") or ""
    )
