"""Keep one broken admission webhook from stopping the cluster: ignore its failures, or spare a namespace."""

from __future__ import annotations

import re

from tools.kubernetes.actions.fields import pattern
from tools.kubernetes.actions.step import Pointer, Step
from tools.kubernetes.actions.verb import Changes, Context, Refused, Verb, step_for
from tools.kubernetes.objects import JsonObject, is_namespace
from tools.kubernetes.pointers import same

_WEBHOOK = re.compile(r"/webhooks/(?:0|[1-9]\d*)")
_NAME = "kubernetes.io/metadata.name"
_POLICIES = {"Fail", "Ignore"}


class Webhook(Verb):
    """Parameters: ``webhook`` (its name) and one of ``ignore`` (true) or ``spare`` (a namespace)."""

    name = "webhook"
    kinds = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    tier = 3
    # No admission policy sees a write to these kinds, so the second wall cannot hold this right in.
    optional = True
    fields = ("/webhooks/[]/{failurePolicy,namespaceSelector}",)
    sets = pattern(*fields)
    risks = "What the webhook would have refused or changed is admitted as it is until this is undone."
    when_not = "The webhook answers: what it refuses is its work, and a refusal is no failure."
    verify = ("calls_admitted",)
    undo = "The failure policy or the selector that stood there before."

    def draft(self, target: JsonObject, params: JsonObject, context: Context) -> Step | Refused:
        """Refuses webhooks that are not there, both changes at once, and a namespace that cannot be."""
        del context
        hooks = target.get("webhooks") or []
        index = next((n for n, hook in enumerate(hooks) if hook.get("name") == params["webhook"]), None)
        if index is None:
            return Refused(reason=f"there is no webhook {params['webhook']}")
        spared = params.get("spare") or ""
        if bool(params.get("ignore")) is bool(spared):
            return Refused(reason="either its failures are ignored or a namespace is spared")
        if not spared:
            return step_for(self, target, {f"/webhooks/{index}/failurePolicy": "Ignore"})
        if not is_namespace(spared):
            return Refused(reason=f"{spared} is no namespace's name")
        selector = hooks[index].get("namespaceSelector") or {}
        expressions = [*(selector.get("matchExpressions") or []), _all_but(spared)]
        wanted = {**selector, "matchExpressions": expressions}
        return step_for(self, target, {f"/webhooks/{index}/namespaceSelector": wanted})

    def shown(self, target: JsonObject, changes: Changes) -> tuple[Pointer, ...]:
        """The webhook's name."""
        del target
        return _names(changes)

    def bounds(self, step: Step) -> Refused | None:
        """The other failure policy, or one namespace more or less that is spared."""
        if len(step.set) != 1 or not all(name in step.expect for name in _names(step.set)):
            return Refused(reason="webhook changes one field of one webhook, which it names")
        ((pointer, after),) = step.set.items()
        before = step.expect[pointer]
        if pointer.endswith("/failurePolicy"):
            known = isinstance(before, str) and isinstance(after, str) and {before, after} == _POLICIES
            return None if known else Refused(reason="a failure policy is Fail or Ignore")
        if _spared(before, after) or _spared(after, before):
            return None
        return Refused(reason="only one namespace more, or one less, may be spared")

    def sentence(self, step: Step) -> str:
        """Names the webhook, its configuration and what becomes different."""
        ((pointer, after),) = step.set.items()
        hook = f"webhook {step.expect[_names(step.set)[0]]} of {step.target}"
        before = step.expect[pointer]
        if pointer.endswith("/failurePolicy"):
            return f"Set the failure policy of {hook} from {before} to {after}"
        more, less = _spared(before, after), _spared(after, before)
        return (
            f"Spare namespace {more} from {hook}" if more else f"No longer spare namespace {less} from {hook}"
        )


def _all_but(namespace: str) -> JsonObject:
    return {"key": _NAME, "operator": "NotIn", "values": [namespace]}


def _names(changes: JsonObject) -> tuple[Pointer, ...]:
    """The name pointers of the webhooks that are changed: an index alone follows whatever stands there."""
    found = (_WEBHOOK.match(pointer) for pointer in changes)
    return tuple(dict.fromkeys(f"{match.group()}/name" for match in found if match))


def _spared(before: object, after: object) -> str:
    """The one namespace that ``after`` spares and ``before`` does not, if that is the whole difference."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    had, has = before.get("matchExpressions") or [], after.get("matchExpressions") or []
    rest = [
        {key: value for key, value in each.items() if key != "matchExpressions"} for each in (before, after)
    ]
    if not isinstance(has, list) or not has or not same(has[:-1], had) or not same(*rest):
        return ""
    values = has[-1].get("values") if isinstance(has[-1], dict) else None
    name = values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""
    return name if is_namespace(name) and same(has[-1], _all_but(name)) else ""
