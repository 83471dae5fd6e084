"""Pods as controllers create them: through the admission that refuses them in the API server's own words.

A workload whose pods are refused has no pods to look at: what is left is the event and the condition that
its controller writes, so both are written here with the words that the real one would use.
"""

from __future__ import annotations

from collections import defaultdict

from evals.world.kubernetes.changes import WriteOptions
from evals.world.kubernetes.controllers.pods import is_active, is_ready, matching
from evals.world.kubernetes.controllers.quantities import quantity
from evals.world.kubernetes.errors import Forbidden, InternalError, NotFound, details
from evals.world.kubernetes.objects import JsonObject, dig, labels_of, meta, name_of, namespace_of
from evals.world.kubernetes.selectors import label_selector
from evals.world.kubernetes.store import Store

_HOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
_NOT_COUNTED = frozenset({"requests.storage", "persistentvolumeclaims", "services"})


def create_pod(store: Store, pod: JsonObject, manager: WriteOptions) -> JsonObject:
    """Create a pod, or raise the ApiError that tells why nobody may."""
    for refuses in (_account, _priority, _limits, _webhooks, _quota):
        refuses(store, pod)
    return store.create("pods", pod, manager)


def used(store: Store, namespace: str) -> dict[str, float]:
    """What the active pods of a namespace take, by the names that quotas use."""
    total: dict[str, float] = defaultdict(float)
    for pod in store.peek("pods", namespace):
        if is_active(pod):
            for name, amount in _asked(pod).items():
                total[name] += amount
    return total


def _asked(pod: JsonObject) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    total["pods"] = total["count/pods"] = 1
    for container in pod["spec"].get("containers") or []:
        for kind in ("requests", "limits"):
            for name, amount in (dig(container, "resources", kind) or {}).items():
                total[f"{kind}.{name}"] += float(quantity(amount))
    for name in ("cpu", "memory"):
        total[name] = total[f"requests.{name}"]
    return total


def _refusal(pod: JsonObject, why: str) -> Forbidden:
    name = name_of(pod) or str(meta(pod).get("generateName") or "")
    return Forbidden(f'pods "{name}" is forbidden: {why}', details(name, "", "pods"))


def _account(store: Store, pod: JsonObject) -> None:
    name, place = str(pod["spec"].get("serviceAccountName") or "default"), namespace_of(pod)
    try:
        store.get("serviceaccounts", place, name)
    except NotFound:
        if name != "default":
            why = f'error looking up service account {place}/{name}: serviceaccount "{name}" not found'
            raise _refusal(pod, why) from None


def _priority(store: Store, pod: JsonObject) -> None:
    name = str(pod["spec"].get("priorityClassName") or "")
    if name and not name.startswith("system-"):
        try:
            store.get("priorityclasses", None, name)
        except NotFound:
            raise _refusal(pod, f"no PriorityClass with name {name} was found") from None


def _limits(store: Store, pod: JsonObject) -> None:
    for each in store.peek("limitranges", namespace_of(pod)):
        for rule in each["spec"].get("limits") or []:
            if rule.get("type") != "Container":
                continue
            for container in pod["spec"].get("containers") or []:
                _above(pod, container, rule.get("max") or {})


def _above(pod: JsonObject, container: JsonObject, most: JsonObject) -> None:
    for name, bound in most.items():
        limit = (dig(container, "resources", "limits") or {}).get(name)
        if limit is not None and quantity(limit) > quantity(bound):
            why = f"maximum {name} usage per Container is {bound}, but limit is {limit}"
            raise _refusal(pod, why)


def _quota(store: Store, pod: JsonObject) -> None:
    here, wanted = used(store, namespace_of(pod)), _asked(pod)
    for each in store.peek("resourcequotas", namespace_of(pod)):
        hard: JsonObject = each["spec"].get("hard") or {}
        over = [name for name in hard if name not in _NOT_COUNTED and wanted.get(name)]
        over = [name for name in over if here[name] + wanted[name] > float(quantity(hard[name]))]
        if over:
            parts = (
                ("requested", {name: shown(name, wanted[name]) for name in over}),
                ("used", {name: shown(name, here[name]) for name in over}),
                ("limited", {name: str(hard[name]) for name in over}),
            )
            text = ", ".join(
                f"{word}: {','.join(f'{k}={v}' for k, v in said.items())}" for word, said in parts
            )
            raise _refusal(pod, f"exceeded quota: {name_of(each)}, {text}")


def shown(name: str, amount: float) -> str:
    """An amount as a quota's status tells it: thousandths of cores, mebibytes, the rest as it is."""
    if name.endswith("cpu"):
        return f"{amount:g}" if amount == int(amount) else f"{amount * 1000:.0f}m"
    return f"{amount / 2**20:.0f}Mi" if name.endswith("memory") and amount else f"{amount:g}"


def _webhooks(store: Store, pod: JsonObject) -> None:
    for hook in (hook for kind in _HOOKS for each in store.peek(kind) for hook in each.get("webhooks") or []):
        if hook.get("failurePolicy") == "Ignore" or not _concerns(store, hook, pod):
            continue
        service = dig(hook, "clientConfig", "service")
        if service and (problem := _unreachable(store, service)):
            seconds, path = hook.get("timeoutSeconds", 10), service.get("path") or "/"
            where = f"https://{service['name']}.{service['namespace']}.svc:{service.get('port', 443)}{path}"
            text = f'failed to call webhook: Post "{where}?timeout={seconds}s": {problem}'
            raise InternalError(f'Internal error occurred: failed calling webhook "{hook["name"]}": {text}')


def _concerns(store: Store, hook: JsonObject, pod: JsonObject) -> bool:
    rules = hook.get("rules") or []
    asked = any(_among(rule, "resources", "pods") and _among(rule, "operations", "CREATE") for rule in rules)
    namespace = store.get("namespaces", None, namespace_of(pod))
    return asked and label_selector(hook.get("namespaceSelector") or {})(labels_of(namespace))


def _unreachable(store: Store, service: JsonObject) -> str:
    try:
        found = store.get("services", service["namespace"], service["name"])
    except NotFound:
        return f'service "{service["name"]}" not found'
    pods = matching(store.peek("pods", service["namespace"]), found["spec"].get("selector") or {})
    return "" if any(map(is_ready, pods)) else f'no endpoints available for service "{service["name"]}"'


def _among(rule: JsonObject, field: str, wanted: str) -> bool:
    return bool({wanted, "*"} & set(rule.get(field) or []))
