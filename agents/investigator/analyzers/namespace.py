"""Namespaces that are being deleted and do not end.

Source: NamespaceStatus.conditions (core/v1), as the namespace controller writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.fields import condition, dig, moment, quotable
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject

OVERDUE = timedelta(minutes=5)
"""What is in a namespace has its grace period, and the controller goes round several times."""

_API = re.compile(r"\b(?P<group>[a-z0-9-]+(?:\.[a-z0-9-]+)+)/(?P<version>v\d\w*)")
_WAITED_FOR = re.compile(r"(?P<name>[\w./-]+) in \d+ resource instances")


class NamespaceCode(Coded):
    """Why a namespace does not end."""

    API_SILENT = (
        "namespace.terminating.api_unavailable",
        "A namespace cannot end: an API does not answer, so nobody knows what of it is still in there.",
        "metadata.deletionTimestamp, the condition NamespaceDeletionDiscoveryFailure",
    )
    CONTENT = (
        "namespace.terminating.deletion_failed",
        "A namespace cannot end: something in it cannot be deleted.",
        "metadata.deletionTimestamp, the condition NamespaceDeletionContentFailure",
    )
    FINALIZER = (
        "namespace.terminating.finalizer",
        "A namespace cannot end: something in it waits for somebody to remove a finalizer.",
        "metadata.deletionTimestamp, the condition NamespaceFinalizersRemaining",
    )


# An API that is silent is behind the others: what it serves is neither listed nor deleted.
_ROWS = (
    ("NamespaceDeletionDiscoveryFailure", NamespaceCode.API_SILENT),
    ("NamespaceDeletionContentFailure", NamespaceCode.CONTENT),
    ("NamespaceFinalizersRemaining", NamespaceCode.FINALIZER),
)


def namespaces(snapshot: Snapshot) -> Iterator[Finding]:
    """One finding for every namespace that should have ended; one that is ending is silent."""
    for namespace in snapshot.objects("Namespace"):
        asked = moment(dig(namespace, "metadata", "deletionTimestamp"))
        if asked is None or snapshot.taken_at - asked < OVERDUE:
            continue
        on = Subject(snapshot=snapshot, obj=namespace)
        for kind, code in _ROWS:
            told = condition(namespace, kind)
            if told.get("status") == "True":
                text = told.get("message") or ""
                fields = {
                    "message": quotable(text),
                    "apis": sorted({f"{hit['version']}.{hit['group']}" for hit in _API.finditer(text)}),
                    "finalizers": [hit["name"] for hit in _WAITED_FOR.finditer(text)],
                }
                words = f"{on.ref} is being deleted and does not end: {quotable(text)}."
                yield on.warning(code, words, asked, **{key: value for key, value in fields.items() if value})
                break
