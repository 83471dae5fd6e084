"""What people notice, in one sentence before the cause: what is broken, and for whom. Pure.

By rules from the findings, what callers feel before what only the cluster shows; without a finding that
says so, in the alert's own name.
"""

from __future__ import annotations

import re

from agents.incident import Diagnosis, Finding, Incident

_FELT = (
    ("metric.errors.rose", "Requests to {on} fail"),
    ("service.endpoints.none_ready", "Nothing answers behind {on}"),
    ("deployment.all_unavailable", "{on} serves nobody"),
    ("metric.latency.rose", "Requests to {on} are slow"),
    ("service.endpoints.some_not_ready", "Fewer pods than usual answer behind {on}"),
    ("deployment.replicas_short", ""),
    ("statefulset.replicas_short", ""),
    ("daemonset.not_ready", ""),
    ("job.pods_fail", "{on} does not get its work done"),
    ("cronjob.runs_missed", "{on} does not run when it should"),
)
"""Codes of findings that people feel, the gravest first, and what it means for them where the finding's own
words do not say it."""


def symptom(incident: Incident, diagnosis: Diagnosis, place: str) -> str:
    """The sentence. ``place`` is where the incident is, for an alert that no finding explains."""
    about = [one for one in diagnosis.findings if _belongs(one, incident, diagnosis)]
    for code, words in _FELT:
        for one in about:
            if one.code == code:
                return _said(one, words.format(on=one.object))
    names = list(dict.fromkeys(in_words(alert.name) for alert in incident.alerts))
    return f"{', '.join(names[:3]) or 'Something is wrong'} in {place}."


def _said(finding: Finding, words: str) -> str:
    message = finding.message
    if not words and finding.object.name in message:
        return message
    return f"{words or finding.object}: {message[:1].lower()}{message[1:]}"


def _belongs(finding: Finding, incident: Incident, diagnosis: Diagnosis) -> bool:
    """Whether a finding is about this incident: explained by its cause, or on what an alert names."""
    cause = diagnosis.cause
    if cause is not None and (finding.key in cause.explains or finding.object.key == cause.object.key):
        return True
    named = {value for alert in incident.firing or incident.alerts for value in alert.labels.values()}
    return finding.object.name in named and finding.object.namespace in {*named, ""}


def in_words(name: str) -> str:
    """An alert's name as words: ``KubePodNotReady`` is "Pod not ready". Acronyms stay as they are."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+", name)
    # Nearly every name of the kube-prometheus rules begins so, and it says nothing at night.
    parts = parts[1:] if len(parts) > 1 and parts[0] == "Kube" else parts
    words = [part if part.isupper() and len(part) > 1 else part.lower() for part in parts]
    said = " ".join(words)
    return said[:1].upper() + said[1:]
