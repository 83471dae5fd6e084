"""Facts of a candidate cause, taken from rollout history: what changed, from what, and what still runs."""

from __future__ import annotations

from agents.incident import Finding
from agents.investigator.analyzers.fields import dig
from agents.investigator.reasoning_case import Case
from agents.investigator.reasoning_rollouts import changes, container_of, from_newest, revisions
from tools.kubernetes.history import Revision
from tools.kubernetes.objects import JsonObject, ObjectRef
from tools.kubernetes.quantities import QuantityError, amount


def rollout_facts(case: Case, root: ObjectRef, found: tuple[Finding, ...]) -> JsonObject:
    """The last rollout of the workload, if all the failing pods came from it; else empty.

    ``changed`` lists the template paths that differ from the revision before.
    """
    history = revisions(root, case.relations)
    pods = tuple(
        case.find(finding.object) for finding in found if case.relations.root(finding.object).key == root.key
    )
    if len(history) < 2 or not from_newest(pods, history, root.name):
        return {}
    newest, before = history[0], history[1]
    return {
        "revision": newest.number,
        "rolled_out_at": newest.created_at,
        "previous_revision": before.number,
        "changed": list(changes(before.template, newest.template)),
    }


def image_facts(case: Case, found: tuple[Finding, ...]) -> JsonObject:
    """The image, what was said about it, and the image before it if the last rollout changed it."""
    fields = found[0].fields
    facts: JsonObject = {
        key: fields[key] for key in ("image", "registry", "message", "pull_secret") if key in fields
    }
    facts["condition"] = found[0].code
    history = revisions(case.relations.root(found[0].object), case.relations)
    good = last_good_image(history, fields["container"], case.gone | {fields["image"]})
    if history and container_of(history[0], fields["container"]).get("image") == fields["image"] and good:
        facts |= {"image_changed": True, "good_image": good[0], "good_image_serving": good[1]}
    return facts


def last_good_image(
    history: tuple[Revision, ...], container: str, failed: frozenset[str]
) -> tuple[str, bool] | None:
    """The image of this container to go back to, and whether it serves right now.

    A revision with ready pods proves itself; without one, the newest earlier image that is not known to fail.
    """
    others = [
        (container_of(revision, container)["image"], revision.ready)
        for revision in history
        if container_of(revision, container).get("image") not in (None, *failed)
    ]
    serving = next((image for image, ready in others if ready), None)
    if serving is not None:
        return serving, True
    return (others[0][0], False) if others else None


def memory_facts(case: Case, found: tuple[Finding, ...]) -> JsonObject:
    """The limit, how often it was hit, and the limit before it if the last rollout lowered it."""
    container = found[0].fields["container"]
    facts: JsonObject = {"restarts": sum(finding.fields["restarts"] for finding in found)}
    limits = [finding.fields["limit"] for finding in found if "limit" in finding.fields]
    if not limits:
        return facts
    facts["limit"] = limits[0]
    history = revisions(case.relations.root(found[0].object), case.relations)
    earlier = [_memory_limit(revision, container) for revision in history[:2]]
    if len(earlier) == 2 and earlier[0] == limits[0] and _more(earlier[1], limits[0]):
        facts["lowered_from"] = earlier[1]
    return facts


def _memory_limit(revision: Revision, container: str) -> str:
    return str(dig(container_of(revision, container), "resources", "limits", "memory") or "")


def _more(before: str, now: str) -> bool:
    try:
        return bool(before) and amount(before) > amount(now)
    except QuantityError:
        return False
