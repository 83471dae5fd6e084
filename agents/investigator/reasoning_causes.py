"""From findings to candidate causes: join by owner chain, selector and rollout history.

Three failing pods of one ReplicaSet are one candidate; the stuck Deployment and the empty Service that
follow from it are explained by it and never candidates of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from agents.incident import Finding
from agents.investigator.analyzers.codes import IMAGE_CODES, Code
from agents.investigator.reasoning_alerts import Cause
from agents.investigator.reasoning_case import Candidate, Case
from agents.investigator.reasoning_facts import image_facts, memory_facts, rollout_facts
from agents.investigator.reasoning_words import sentence
from tools.kubernetes.objects import ObjectRef

INDIRECT = 0.6
"""How surely a cause explains an alert of a Service that still has ready endpoints, or of an autoscaler."""

_IMAGE_CAUSE: dict[str, Cause] = {
    Code.IMAGE_REGISTRY_UNREACHABLE: Cause.REGISTRY_UNREACHABLE,
    Code.IMAGE_RATE_LIMITED: Cause.REGISTRY_RATE_LIMITED,
    Code.IMAGE_PULL_SECRET_MISSING: Cause.PULL_SECRET_MISSING,
    Code.IMAGE_UNAUTHORIZED: Cause.IMAGE_UNAUTHORIZED,
    Code.IMAGE_NOT_FOUND: Cause.IMAGE_NOT_FOUND,
}
_OF_THE_REGISTRY = (Code.IMAGE_REGISTRY_UNREACHABLE, Code.IMAGE_RATE_LIMITED)
_FOLLOWS_FROM_PODS = (Code.REPLICAS_SHORT, Code.PROGRESS_DEADLINE)


def candidates(case: Case) -> tuple[Candidate, ...]:
    """Every cause that the findings suggest, unweighed."""
    groups: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in case.findings:
        if key := _group(case, finding):
            groups[key].append(finding)
    return tuple(_BUILDERS[key[0]](case, tuple(found)) for key, found in groups.items())


def _group(case: Case, finding: Finding) -> tuple[str, ...] | None:
    """What this finding is one sign of: findings with equal keys share a cause. None: it causes nothing."""
    if finding.code in _OF_THE_REGISTRY:
        # A registry fails for everybody at once; each namespace's owners still get their own incident.
        return ("registry", finding.code, finding.object.namespace, finding.fields["registry"])
    container = finding.fields.get("container", "")
    root = str(case.relations.root(finding.object))
    if finding.code in IMAGE_CODES:
        return ("image", finding.code, root, container, finding.fields["image"])
    if finding.code == Code.OOM_KILLED:
        return ("memory", root, container)
    if finding.code == Code.CRASH_LOOP and finding.fields.get("last_reason") != "OOMKilled":
        return ("crash", root, container)
    if finding.code in (Code.SELECTOR_MATCHES_NOTHING, Code.SCALED_TO_ZERO):
        return (finding.code, root)
    return None


def _of_pods(case: Case, found: tuple[Finding, ...], cause: Callable[[ObjectRef], Cause]) -> Candidate:
    """A candidate that sits in the pods of one or more workloads."""
    roots = tuple(dict.fromkeys(case.relations.root(finding.object) for finding in found))
    # Of several workloads the one the alert is about stands for the cause.
    root = next((ref for ref in roots if case.targets.holds(ref)), roots[0])
    code = cause(root)
    facts = {
        "container": found[0].fields.get("container", ""),
        **_pods(found),
        **rollout_facts(case, root, found),
    }
    if len(roots) > 1:
        facts["workloads"] = sorted(str(ref) for ref in roots)
    explains, reach = found, {finding.object.key: 1.0 for finding in found}
    for each in roots:
        followed, reached = _downstream(case, each)
        explains, reach = (*explains, *followed), {**reached, **reach}
    return Candidate(
        code=code, object=root, sentence="-", direct=found, explains=explains, reach=reach, facts=facts
    )


def _pods(found: tuple[Finding, ...]) -> dict[str, list[str]]:
    return {"pods": sorted({finding.object.name for finding in found})}


def _downstream(case: Case, root: ObjectRef) -> tuple[tuple[Finding, ...], dict[tuple[str, str, str], float]]:
    """What follows when pods of this workload fail: it is short, stuck, and its Services may be empty."""
    reach = {root.key: 1.0}
    reach |= {ref.key: 1.0 for ref in case.relations.offspring(root) if ref.kind == "ReplicaSet"}
    services = {ref.key for ref in case.relations.serving(root)}
    scalers = {ref.key for ref in case.relations.scalers(root)}
    reach |= dict.fromkeys(services | scalers, INDIRECT)
    followed = []
    for finding in case.findings:
        if finding.object.key == root.key and finding.code in _FOLLOWS_FROM_PODS:
            followed.append(finding)
        elif finding.object.key in services and finding.code == Code.ENDPOINTS_NONE_READY:
            followed.append(finding)
            reach[finding.object.key] = 1.0
    return tuple(followed), reach


def _spoken(candidate: Candidate, **extra: object) -> Candidate:
    """The candidate with its last facts and its sentence."""
    facts = {**candidate.facts, **extra}
    text = sentence(candidate.code, candidate.object, facts)
    return Candidate(**{**vars(candidate), "facts": facts, "sentence": text})


def _image(case: Case, found: tuple[Finding, ...]) -> Candidate:
    named = image_facts(case, found)
    cause = _IMAGE_CAUSE.get(found[0].code, Cause.IMAGE_NOT_PULLED)

    def which(root: ObjectRef) -> Cause:
        rolled_out = rollout_facts(case, root, found).get("previous_revision") is not None
        bad = cause in (Cause.IMAGE_NOT_FOUND, Cause.IMAGE_NOT_PULLED) and named.get("image_changed")
        return Cause.BAD_IMAGE if rolled_out and bad else cause

    return _spoken(_of_pods(case, found, which), **named)


def _memory(case: Case, found: tuple[Finding, ...]) -> Candidate:
    facts = memory_facts(case, found)
    code = Cause.MEMORY_LOWERED if "lowered_from" in facts else Cause.MEMORY_LIMIT
    base = _of_pods(case, found, lambda _root: code)
    killed = {(finding.object.key, finding.fields["container"]) for finding in found}
    loops = tuple(
        finding
        for finding in case.findings
        if finding.code == Code.CRASH_LOOP and (finding.object.key, finding.fields["container"]) in killed
    )
    return _spoken(Candidate(**{**vars(base), "explains": (*base.explains, *loops)}), **facts)


def _crash(case: Case, found: tuple[Finding, ...]) -> Candidate:
    def which(root: ObjectRef) -> Cause:
        facts = rollout_facts(case, root, found)
        # Crashing everywhere at once, also on pods of an older template, is not the rollout's doing.
        return Cause.CRASHING_ROLLOUT if facts.get("changed") else Cause.CRASHING

    told = next((finding for finding in found if "hint" in finding.fields), found[0])
    shown = ("exit_code", "last_reason", "hint", "hint_meaning", "hint_line", "log")
    facts = {key: told.fields[key] for key in shown if key in told.fields}
    base = _of_pods(case, found, which)
    if "log" not in told.fields:
        gap = f"The log of container {told.fields['container']} in {told.object} was not available."
        base = Candidate(**{**vars(base), "missing": (gap,)})
    return _spoken(base, **facts)


def _selector(case: Case, found: tuple[Finding, ...]) -> Candidate:
    service = found[0].object
    reach = {service.key: 1.0}
    for workload in case.relations.served(case.find(service)):
        reach[workload.key] = INDIRECT
    return _spoken(
        Candidate(
            code=Cause.SELECTOR_MISMATCH,
            object=service,
            sentence="-",
            direct=found,
            explains=found,
            reach=reach,
            facts=dict(found[0].fields),
        )
    )


def _zero(case: Case, found: tuple[Finding, ...]) -> Candidate:
    root = found[0].object
    followed, reach = _downstream(case, root)
    return _spoken(
        Candidate(
            code=Cause.SCALED_TO_ZERO,
            object=root,
            sentence="-",
            direct=found,
            explains=(*found, *followed),
            # Nothing of it serves, so its Services are certain to be affected.
            reach=dict.fromkeys(reach, 1.0),
            facts=dict(found[0].fields),
        )
    )


_BUILDERS: dict[str, Callable[[Case, tuple[Finding, ...]], Candidate]] = {
    "registry": _image,
    "image": _image,
    "memory": _memory,
    "crash": _crash,
    Code.SELECTOR_MATCHES_NOTHING: _selector,
    Code.SCALED_TO_ZERO: _zero,
}


def symptoms(case: Case) -> Iterator[Finding]:
    """Findings near the alert that a cause ought to explain: inside the radius, and more than information."""
    for finding in case.findings:
        if finding.severity != "info" and case.targets.holds(finding.object):
            yield finding
