"""The one list of analyzers, and the one way to run them."""

from __future__ import annotations

from agents.incident import Finding
from agents.investigator.analyzers.crash import crash_loops
from agents.investigator.analyzers.deployment import deployments
from agents.investigator.analyzers.image import images
from agents.investigator.analyzers.oom import out_of_memory
from agents.investigator.analyzers.service import services
from agents.investigator.analyzers.snapshot import Analyzer, Snapshot

ANALYZERS: tuple[Analyzer, ...] = (images, crash_loops, out_of_memory, services, deployments)


def analyze(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Every finding of every analyzer, in a stable order: by code, then by object."""
    found = (finding for analyzer in ANALYZERS for finding in analyzer(snapshot))
    return tuple(sorted(found, key=lambda finding: (finding.code, finding.object.key)))
