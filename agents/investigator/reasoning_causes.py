"""From findings to candidate causes: grouped where they are one cause, with what follows from each.

Three failing pods of one ReplicaSet are one candidate; the stuck Deployment and the empty Service that
follow from it are explained by it and never candidates of their own. What may follow from something
deeper stays an alternative, marked as derived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from agents.incident import Finding, Severity
from agents.investigator.analyzers.codes import IMAGE_CODES, Code
from agents.investigator.analyzers.rollout import RolloutCode
from agents.investigator.effects import DEPTH, Effect
from agents.investigator.links import INDIRECT, Key
from agents.investigator.reasoning_case import Candidate, Case
from agents.investigator.reasoning_following import (
    Followed,
    Root,
    following,
    is_change,
    is_circumstance,
    rooted,
)
from agents.investigator.reasoning_naming import named
from agents.investigator.rules import Role, effect_of, order_of, role_of
from tools.kubernetes.objects import ObjectRef

_OF_THE_REGISTRY = (Code.IMAGE_REGISTRY_UNREACHABLE, Code.IMAGE_RATE_LIMITED)
SUSPECTED = 0.55
"""How surely at most something explains an alert that is suspected for its time alone: never for certain."""
_SHARED = ("missing_name", "missing_key", "quota", "webhook", "policy", "service_account", "priority_class")
"""Fields that name what several workloads lack together: then it is one cause for all of them."""
_PRECISE = ("container", "probe", "env", "caller", "port", "missing_kind", "changed_name")
"""Fields that tell two causes of one code on one object apart."""


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A root with what follows from it, before it is known what is behind it."""

    root: Root
    follows: tuple[Followed, ...]

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(finding.key for finding in self.root.direct)


def candidates(case: Case) -> tuple[Candidate, ...]:
    """Every cause that the findings suggest, unweighed, those that certainly follow from another left out."""
    drawn = tuple(_drawn(case))
    certain, likely = _behind(drawn)
    return tuple(
        replace(_built(case, one), derived=_is_derived(one, likely.get(one.keys, frozenset())))
        for one in drawn
        if not one.keys <= certain.get(one.keys, frozenset())
    )


def _is_derived(drawn: _Drawn, explained: frozenset[str]) -> bool:
    # What is suspected for its time alone comes after everything that shows a fault of its own.
    return drawn.keys <= explained or is_circumstance(drawn.root.direct[0])


def _drawn(case: Case) -> Iterator[_Drawn]:
    groups: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in case.findings:
        if key := _group(case, finding):
            groups[key].append(finding)
    for found in groups.values():
        direct = tuple(sorted(found, key=lambda one: (order_of(one.code), one.object.key)))
        root = rooted(case, direct)
        follows = following(case, root)
        # A write from which nothing follows is nobody's cause, unless an alert names what it brought.
        if follows or not is_change(direct[0]) or _is_named(case, direct[0]):
            yield _Drawn(root=root, follows=follows)


def _group(case: Case, finding: Finding) -> tuple[str, ...] | None:
    """What this finding is one sign of: findings with equal keys share a cause. None: it causes nothing."""
    killed = finding.code == Code.CRASH_LOOP and finding.fields.get("last_reason") == "OOMKilled"
    if killed or role_of(finding) not in (Role.ROOT, Role.QUIET):
        return None
    home = finding.object.namespace
    if finding.code in _OF_THE_REGISTRY:
        # A registry fails for everybody at once; each namespace's owners still get their own incident.
        return ("registry", finding.code, home, str(finding.fields["registry"]))
    if finding.object.kind == "Node":
        return ("node", effect_of(finding).name, finding.object.name)
    if shared := [str(finding.fields[name]) for name in _SHARED if finding.fields.get(name)]:
        return ("shared", finding.code, home, str(finding.fields.get("missing_kind") or ""), *shared)
    root = str(case.relations.root(finding.object))
    if finding.code in IMAGE_CODES:
        return (
            "image",
            finding.code,
            root,
            *(str(finding.fields.get(name)) for name in ("container", "image")),
        )
    told = (str(finding.fields[name]) for name in _PRECISE if isinstance(finding.fields.get(name), str | int))
    return (finding.code, root, *told)


def _is_named(case: Case, finding: Finding) -> bool:
    """Whether an alert is about the very image that a rollout brought."""
    images = (finding.fields.get("images") or {}).values() if finding.code == RolloutCode.ROLLED_OUT else ()
    named = (alert for alert, refs in case.asking if finding.object.key in {ref.key for ref in refs})
    return any(alert.labels.get("image") in images for alert in named)


_Explained = dict[frozenset[str], frozenset[str]]
"""By the signs of a candidate: those of them that another explains."""


def _behind(drawn: tuple[_Drawn, ...]) -> tuple[_Explained, _Explained]:
    """Which signs of each candidate another explains: for certain, and at least likely."""
    by_key = {key: one for one in drawn for key in one.keys}
    reached = {one.keys: {followed.finding.key for followed in one.follows} for one in drawn}
    certain: dict[frozenset[str], set[str]] = defaultdict(set)
    likely: dict[frozenset[str], set[str]] = defaultdict(set)
    for cause in drawn:
        for followed in cause.follows:
            other = by_key.get(followed.finding.key)
            # Two that call each other explain each other: then neither is known to be behind it.
            if other is None or other is cause or reached[other.keys] & cause.keys:
                continue
            likely[other.keys].add(followed.finding.key)
            if followed.certain:
                certain[other.keys].add(followed.finding.key)
    return _frozen(certain), _frozen(likely)


def _frozen(found: dict[frozenset[str], set[str]]) -> _Explained:
    return {key: frozenset(values) for key, values in found.items()}


def _built(case: Case, drawn: _Drawn) -> Candidate:
    root = drawn.root
    named_so = named(case, root.direct, _stands_for(case, root.direct))
    explains = (*root.direct, *(followed.finding for followed in drawn.follows))
    return Candidate(
        code=named_so.code,
        object=named_so.object,
        sentence=named_so.sentence,
        direct=root.direct,
        explains=explains,
        reach=_reach(case, drawn),
        effects=frozenset(map(effect_of, explains)),
        order=(DEPTH[root.effect], order_of(root.direct[0].code)),
        facts=named_so.facts,
        missing=named_so.missing,
    )


def _stands_for(case: Case, direct: tuple[Finding, ...]) -> ObjectRef:
    """Of several workloads the one the alert is about stands for the cause."""
    roots = tuple(dict.fromkeys(case.relations.root(finding.object) for finding in direct))
    return next((ref for ref in roots if case.targets.holds(ref)), roots[0])


def _reach(case: Case, drawn: _Drawn) -> dict[Key, float]:
    reach = {key: touch.sure for key, touch in drawn.root.felt.items()}
    reach |= {finding.object.key: 1.0 for finding in drawn.root.direct}
    for followed in drawn.follows:
        # What is itself seen to suffer is surely reached; a caller may suffer from something else.
        if followed.finding.severity is not Severity.INFO:
            key = followed.finding.object.key
            reach[key] = max(reach[key], INDIRECT if followed.far else 1.0)
    if is_circumstance(drawn.root.direct[0]):
        reach = {key: min(sure, SUSPECTED) for key, sure in reach.items()}
        if _is_named(case, drawn.root.direct[0]):
            reach[drawn.root.direct[0].object.key] = 1.0
    if drawn.root.effect is Effect.IDLE:
        # Nothing of it serves, so its Services are certain to be affected.
        roots = {case.relations.root(finding.object).key for finding in drawn.root.direct}
        near = (key for key, touch in drawn.root.felt.items() if not touch.far)
        reach |= dict.fromkeys((*near, *roots), 1.0)
    return reach
