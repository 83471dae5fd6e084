"""What a cause is called, on which object it lies, and the facts for its sentence and its plan.

Words come from the objects' names, fields and numbers alone: what a log or a message says stays in the
claims, where it is quoted and checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agents.incident import Finding
from agents.investigator.analyzers.codes import IMAGE_CODES, Code
from agents.investigator.analyzers.rollout import RolloutCode
from agents.investigator.analyzers.statefulset import StatefulSetCode
from agents.investigator.reasoning_alerts import Cause
from agents.investigator.reasoning_case import Case
from agents.investigator.reasoning_facts import image_facts, memory_facts, rollout_facts
from agents.investigator.reasoning_words import sentence
from tools.kubernetes.objects import JsonObject, ObjectRef

_IMAGE_CAUSE: dict[str, Cause] = {
    Code.IMAGE_REGISTRY_UNREACHABLE: Cause.REGISTRY_UNREACHABLE,
    Code.IMAGE_RATE_LIMITED: Cause.REGISTRY_RATE_LIMITED,
    Code.IMAGE_PULL_SECRET_MISSING: Cause.PULL_SECRET_MISSING,
    Code.IMAGE_UNAUTHORIZED: Cause.IMAGE_UNAUTHORIZED,
    Code.IMAGE_NOT_FOUND: Cause.IMAGE_NOT_FOUND,
}


@dataclass(frozen=True, kw_only=True)
class Named:
    """A cause's code, object and facts; ``sentence`` is spoken once they are complete."""

    code: str
    object: ObjectRef
    facts: JsonObject = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The cause in words."""
        return sentence(self.code, self.object, self.facts)


def named(case: Case, found: tuple[Finding, ...], root: ObjectRef) -> Named:
    """The name of the cause that these findings are the signs of."""
    known = _OURS.get(found[0].code)
    base = Named(code=found[0].code, object=root, facts=_facts(case, found, root))
    return known(case, found, base) if known else base


def _facts(case: Case, found: tuple[Finding, ...], root: ObjectRef) -> JsonObject:
    first = found[0].fields
    facts = {key: value for key, value in first.items() if key not in ("pods", "message", "messages", "log")}
    pods = sorted({finding.object.name for finding in found if finding.object.kind == "Pod"})
    roots = sorted({str(case.relations.root(finding.object)) for finding in found})
    return {
        **facts,
        **({"pods": pods} if pods else {}),
        **({"workloads": roots} if len(roots) > 1 else {}),
        **rollout_facts(case, root, found),
    }


def _bare(base: Named) -> Named:
    """Without the fields of the first finding: those of the family's own follow."""
    kept = ("container", "pods", "workloads", "revision", "rolled_out_at", "previous_revision", "changed")
    facts = {key: base.facts[key] for key in kept if key in base.facts}
    return replace(base, facts={"container": "", **facts})


def _image(case: Case, found: tuple[Finding, ...], base: Named) -> Named:
    own = image_facts(case, found)
    cause = _IMAGE_CAUSE.get(found[0].code, Cause.IMAGE_NOT_PULLED)
    bad = cause in (Cause.IMAGE_NOT_FOUND, Cause.IMAGE_NOT_PULLED) and own.get("image_changed")
    rolled_out = base.facts.get("previous_revision") is not None
    code = Cause.BAD_IMAGE if rolled_out and bad else cause
    return replace(base, code=code.value, facts={**_bare(base).facts, **own})


def _memory(case: Case, found: tuple[Finding, ...], base: Named) -> Named:
    own = memory_facts(case, found)
    code = Cause.MEMORY_LOWERED if "lowered_from" in own else Cause.MEMORY_LIMIT
    return replace(base, code=code.value, facts={**_bare(base).facts, **own})


def _crash(case: Case, found: tuple[Finding, ...], base: Named) -> Named:
    del case
    # Crashing everywhere at once, also on pods of an older template, is not the rollout's doing.
    code = Cause.CRASHING_ROLLOUT if base.facts.get("changed") else Cause.CRASHING
    told = next((finding for finding in found if "hint" in finding.fields), found[0])
    shown = ("exit_code", "last_reason", "hint", "hint_meaning", "hint_line", "log")
    own = {key: told.fields[key] for key in shown if key in told.fields}
    gap = f"The log of container {told.fields['container']} in {told.object} was not available."
    return replace(
        base,
        code=code.value,
        facts={**_bare(base).facts, **own},
        missing=() if "log" in told.fields else (gap,),
    )


def _selector(case: Case, found: tuple[Finding, ...], base: Named) -> Named:
    del case
    facts = dict(found[0].fields)
    return replace(base, code=Cause.SELECTOR_MISMATCH.value, object=found[0].object, facts=facts)


def _zero(case: Case, found: tuple[Finding, ...], base: Named) -> Named:
    del case
    facts = dict(found[0].fields)
    return replace(base, code=Cause.SCALED_TO_ZERO.value, object=found[0].object, facts=facts)


def _version(case: Case, found: tuple[Finding, ...], base: Named) -> Named:
    del case
    return replace(base, code=Cause.BAD_VERSION.value, object=found[0].object)


_OURS: dict[str, Callable[[Case, tuple[Finding, ...], Named], Named]] = {
    **dict.fromkeys(IMAGE_CODES, _image),
    Code.OOM_KILLED: _memory,
    Code.CRASH_LOOP: _crash,
    Code.SELECTOR_MATCHES_NOTHING: _selector,
    Code.SCALED_TO_ZERO: _zero,
    StatefulSetCode.SCALED_TO_ZERO: _zero,
    RolloutCode.ROLLED_OUT: _version,
}
"""Families with names and facts of their own; every other cause is called by its finding's code."""
