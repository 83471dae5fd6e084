"""ValidatingAdmissionPolicy: the objects of that kind in the store, matched and evaluated for each write.

Source: k8s.io/apiserver, pkg/admission/plugin/policy. Audit annotations are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evals.world.kubernetes.cel import CelError, Scope
from evals.world.kubernetes.errors import (
    ApiError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unauthorized,
    details,
    qualified,
)
from evals.world.kubernetes.kinds import KINDS, Kind
from evals.world.kubernetes.objects import JsonObject, labels_of
from evals.world.kubernetes.rbac import User
from evals.world.kubernetes.selectors import label_selector
from evals.world.kubernetes.store import Store

POLICIES, BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
_GROUP = "admissionregistration.k8s.io"
_REASONS: dict[str, type[ApiError]] = {
    each.reason: each for each in (Forbidden, Unauthorized, Invalid, TooLarge)
}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A write as admission sees it. ``new`` is None for a delete and ``old`` for a create."""

    user: User
    operation: str
    kind: Kind
    namespace: str
    name: str
    subresource: str = ""
    dry_run: bool = False
    new: JsonObject | None = None
    old: JsonObject | None = None


class _Denied(Exception):
    """A policy speaks against it; ``reason`` is the Status reason it asks for."""

    def __init__(self, message: str, reason: str = "Invalid") -> None:
        super().__init__(message)
        self.message, self.reason = message, reason


def concerns(store: Store, kind: Kind) -> bool:
    """Whether any policy could have a say about writes to this kind."""
    # No server shows these to a policy: one that denied everything could never be taken away again.
    return kind.group != _GROUP and bool(store.peek(BINDINGS))


def admit(store: Store, attempt: Attempt) -> tuple[str, ...]:
    """Warnings of the policies that bind this write; raises an ApiError when one denies it."""
    warnings: list[str] = []
    for binding in store.peek(BINDINGS):
        names = str(binding["spec"]["policyName"]), str(binding["metadata"]["name"])
        try:
            policy = store.get(POLICIES, None, names[0])
        except NotFound:
            continue
        try:
            _judge(store, policy["spec"], binding["spec"], attempt)
        except _Denied as denied:
            actions = binding["spec"].get("validationActions") or []
            if "Warn" in actions:
                head = "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': ".format(
                    *names
                )
                warnings.append(head + denied.message)
            if "Deny" in actions:
                raise _refusal(attempt, names, denied) from denied
    return tuple(warnings)


def _judge(store: Store, policy: JsonObject, binding: JsonObject, attempt: Attempt) -> None:
    """Raise _Denied, or return when nothing of this policy speaks against the attempt."""
    where = _labels_of_namespace(store, attempt)
    constraints = [policy.get("matchConstraints") or {}, binding.get("matchResources")]
    if not all(each is None or _matches(each, attempt, where) for each in constraints):
        return
    strict = policy.get("failurePolicy", "Fail") == "Fail"
    try:
        found = list(_params(store, policy, binding, attempt))
    except LookupError as problem:
        # Before any condition is looked at, as on a real server: it denies whoever asks.
        if strict:
            raise _Denied(f"failed to configure binding: {problem.args[0]}") from problem
        return
    for params in found:
        scope = Scope(_values(store, attempt, params), policy.get("variables") or [])
        _validate(policy, scope, strict=strict)


def _validate(policy: JsonObject, scope: Scope, *, strict: bool) -> None:
    for condition in policy.get("matchConditions") or []:
        try:
            if scope.value(condition["expression"]) is not True:
                return
        except CelError as problem:
            if strict:
                raise _Denied(f"match condition '{condition['name']}' failed: {problem}") from problem
            return
    for rule in policy.get("validations") or []:
        try:
            holds = scope.value(rule["expression"]) is True
        except CelError as problem:
            if strict:
                words = f"expression '{rule['expression']}' resulted in error: {problem}"
                raise _Denied(words) from problem
            continue
        if not holds:
            raise _Denied(_message(rule, scope), rule.get("reason") or "Invalid")


def _message(rule: JsonObject, scope: Scope) -> str:
    if rule.get("messageExpression"):
        try:
            return str(scope.value(rule["messageExpression"]))
        except CelError:
            pass
    return str(rule.get("message") or f"failed expression: {rule['expression']}")


def _matches(wanted: JsonObject, attempt: Attempt, namespace: dict[str, str] | None) -> bool:
    selector = wanted.get("namespaceSelector")
    if selector and namespace is not None and not label_selector(selector)(namespace):
        return False
    selector = wanted.get("objectSelector")
    if selector and not any(label_selector(selector)(labels_of(each or {})) for each in _both(attempt)):
        return False
    if any(_rule(each, attempt) for each in wanted.get("excludeResourceRules") or []):
        return False
    # Without rules a policy matches nothing, and a binding takes whatever its policy matched.
    rules = wanted.get("resourceRules")
    return rules is None or any(_rule(each, attempt) for each in rules)


def _both(attempt: Attempt) -> tuple[JsonObject | None, JsonObject | None]:
    return attempt.new, attempt.old


def _rule(rule: JsonObject, attempt: Attempt) -> bool:
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("operations"), attempt.operation)
        and _has(rule.get("apiGroups"), attempt.kind.group)
        and _has(rule.get("apiVersions"), attempt.kind.version)
        and any(_resource(each, attempt) for each in rule.get("resources") or [])
        and (not names or attempt.name in names)
        and rule.get("scope", "*") in ("*", "Namespaced" if attempt.kind.namespaced else "Cluster")
    )


def _resource(pattern: str, attempt: Attempt) -> bool:
    resource, _, sub = pattern.partition("/")
    return resource in ("*", attempt.kind.resource) and sub in ("*", attempt.subresource)


def _has(offered: list[str] | None, wanted: str) -> bool:
    return "*" in (offered or []) or wanted in (offered or [])


def _labels_of_namespace(store: Store, attempt: Attempt) -> dict[str, str] | None:
    space = _space(store, attempt)
    return None if space is None else labels_of(space)


def _space(store: Store, attempt: Attempt) -> JsonObject | None:
    try:
        return store.get("namespaces", None, attempt.namespace) if attempt.namespace else None
    except NotFound:
        return None


def _params(
    store: Store, policy: JsonObject, binding: JsonObject, attempt: Attempt
) -> Iterator[JsonObject | None]:
    """What the policy is evaluated with, once for each; raises LookupError when a missing one denies."""
    wanted, reference = policy.get("paramKind"), binding.get("paramRef")
    if not wanted or not reference:
        yield None
        return
    kind = next((each for each in KINDS.values() if _is_kind(each, wanted)), None)
    if kind is None:
        raise LookupError(f"failed to find resource referenced by paramKind: '{wanted}'")
    place = (reference.get("namespace") or attempt.namespace) if kind.namespaced else None
    picked = [each for each in store.list(kind.resource, place) if _is_picked(each, reference)]
    if not picked and reference.get("parameterNotFoundAction", "Deny") == "Deny":
        raise LookupError("no params found for policy binding with `Deny` parameterNotFoundAction")
    yield from picked


def _is_kind(kind: Kind, wanted: JsonObject) -> bool:
    return (kind.api_version, kind.kind) == (wanted["apiVersion"], wanted["kind"])


def _is_picked(obj: JsonObject, reference: JsonObject) -> bool:
    if reference.get("name"):
        return bool(obj["metadata"]["name"] == reference["name"])
    return label_selector(reference.get("selector") or {})(labels_of(obj))


def _values(store: Store, attempt: Attempt, params: JsonObject | None) -> JsonObject:
    kind = attempt.kind
    gvr = {"group": kind.group, "version": kind.version, "resource": kind.resource}
    request: JsonObject = {
        "operation": attempt.operation,
        "kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "resource": gvr,
        "requestResource": gvr,
        "name": attempt.name,
        "userInfo": {"username": attempt.user.name, "groups": list(attempt.user.groups)},
        "dryRun": attempt.dry_run,
    }
    if attempt.namespace:
        request["namespace"] = attempt.namespace
    if attempt.subresource:
        request["subResource"] = request["requestSubResource"] = attempt.subresource
    return {
        "object": attempt.new,
        "oldObject": attempt.old,
        "request": request,
        "params": params,
        "namespaceObject": _space(store, attempt),
    }


def _refusal(attempt: Attempt, names: tuple[str, str], denied: _Denied) -> ApiError:
    kind = attempt.kind
    message = (
        "ValidatingAdmissionPolicy '{}' with binding '{}' denied request: ".format(*names) + denied.message
    )
    about = details(attempt.name, kind.group, kind.resource)
    about["causes"] = [{"message": message}]
    subject = qualified(kind.resource, kind.group)
    return _REASONS.get(denied.reason, Invalid)(f'{subject} "{attempt.name}" is forbidden: {message}', about)


def _named(names: tuple[str, str]) -> str:
    policy, binding = names
    return f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}'"
