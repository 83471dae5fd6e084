"""Why no node takes a pod, read from the scheduler's sentence: how many nodes for which reason.

Source: the reasons of the scheduler's plugins (``pkg/scheduler/framework/plugins``), old and new wording.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from agents.investigator.analyzers.fields import quotable

_COUNT = r"(?:(?P<count>\d+) )?"
_NODES = r"(?:node\(s\) )?"
_ROWS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(_COUNT + _NODES + pattern))
    for name, pattern in (
        ("pod_cap", r"Too many pods"),
        ("taint", r"had (?:untolerated )?taints?(?:\(s\))?(?: (?P<detail>\{[^}]*\}))?"),
        ("affinity", r"didn't match (?:Pod's node affinity(?:/selector)?|node (?:selector|affinity))"),
        ("pod_anti_affinity", r"didn't (?:match pod|satisfy existing pods) anti-affinity rules"),
        ("pod_affinity", r"didn't match pod affinity(?: rules|/anti-affinity(?: rules)?)"),
        ("topology_spread", r"didn't match pod topology spread constraints"),
        ("volume_zone", r"had (?:volume node affinity conflict|no available volume zone)"),
        ("volume_unbound", r"(?:didn't find available persistent volumes to bind|"
                           r"pod has unbound immediate PersistentVolumeClaims)"),
        ("volume_missing", r"(?:unavailable due to one or more pvc\(s\) bound to non-existent pv\(s\)|"
                           r'persistentvolumeclaim "(?P<detail>[^"]+)" not found)'),
        ("volume_limit", r"exceed max volume count"),
        ("host_port", r"didn't have free ports for the requested pod ports"),
        ("cordoned", r"were unschedulable"),
        ("resource_claim", r"cannot allocate all claims|resourceclaim"),
    )
)  # fmt: skip
_INSUFFICIENT = re.compile(_COUNT + r"Insufficient (?P<resource>[\w./-]+\w)")
_ALL = re.compile(r"0/(\d+) nodes are available")
_KNOWN = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "disk", "pods": "pod_cap"}
_WORDS = {
    "cpu": "lack cpu",
    "memory": "lack memory",
    "disk": "lack ephemeral storage",
    "gpu": "lack a gpu",
    "resource": "lack another resource",
    "pod_cap": "hold as many pods as they may",
    "taint": "have a taint that it does not tolerate",
    "affinity": "do not match its node selector or affinity",
    "pod_anti_affinity": "are ruled out by pod anti-affinity",
    "pod_affinity": "are ruled out by pod affinity",
    "topology_spread": "are ruled out by its topology spread",
    "volume_zone": "cannot reach its volume",
    "volume_unbound": "have no volume for its claim",
    "volume_missing": "cannot be used because a claim or volume does not exist",
    "volume_limit": "have as many volumes as they may",
    "host_port": "have its host port taken",
    "cordoned": "are cordoned",
    "resource_claim": "cannot satisfy its resource claims",
    "no_nodes": "exist at all",
}

_OF_ONE = {"lack": "lacks", "hold": "holds", "have": "has", "do": "does", "are": "is"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The scheduler's reasons: nodes by reason, the resources they lack, taints, and missing claims."""

    nodes: int | None
    reasons: dict[str, int]
    resources: tuple[str, ...]
    taints: tuple[str, ...]
    claims: tuple[str, ...]

    @property
    def words(self) -> str:
        """The reasons in words, the one that rules out most nodes first; empty when none was recognised."""
        return in_words(self.reasons)


def in_words(reasons: Mapping[str, int]) -> str:
    """Nodes by reason in words, the reason that rules out most of them first."""
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(
        f"{'no' if key == 'no_nodes' else count} {_said_of(count, _WORDS[key])}" for key, count in ranked
    )


def _said_of(count: int, words: str) -> str:
    verb, _, rest = words.partition(" ")
    return f"{_OF_ONE[verb]} {rest}" if count == 1 and verb in _OF_ONE else words


@lru_cache(maxsize=256)
def verdict(text: str) -> Verdict:
    """What this sentence of the scheduler says; the half about preemption only says that it is no help."""
    said = re.split(r"\. ?preemption:", text, maxsplit=1)[0]
    total = _ALL.search(said)
    reasons: Counter[str] = Counter()
    resources: dict[str, None] = {}
    found: dict[str, list[str]] = {"taint": [], "volume_missing": []}
    for match in _INSUFFICIENT.finditer(said):
        resource = match["resource"]
        resources[resource] = None
        name = _KNOWN.get(resource, "gpu" if "gpu" in resource else "resource")
        reasons[name] = max(reasons[name], _count(match))
    for name, pattern in _ROWS:
        for match in pattern.finditer(said):
            reasons[name] += _count(match)
            if match.groupdict().get("detail"):
                found[name].append(quotable(match["detail"]))
    if said.startswith("no nodes available") or (total and total[1] == "0"):
        reasons["no_nodes"] = 1
    return Verdict(
        nodes=int(total[1]) if total else None,
        reasons=dict(reasons),
        resources=tuple(resources),
        taints=tuple(dict.fromkeys(found["taint"])),
        claims=tuple(dict.fromkeys(found["volume_missing"])),
    )


def _count(match: re.Match[str]) -> int:
    return int(match["count"] or 1)
