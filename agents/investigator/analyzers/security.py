"""Rights that reach further than they need to. All of it is advice: none of this is why something fails.

The one exception is a binding to a role that does not exist: it gives nothing to whom it names.
Source: PodSpec and SecurityContext (core/v1), RoleBinding and PolicyRule (rbac/v1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agents.incident import Finding
from agents.investigator.analyzers.coded import Coded
from agents.investigator.analyzers.containers import owner_of
from agents.investigator.analyzers.fields import (
    controller_of,
    dig,
    is_finished,
    items,
    name_of,
    namespace_of,
)
from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.analyzers.subject import Subject
from tools.kubernetes.objects import JsonObject

_OF_THE_CLUSTER = "kube-system"
"""Where network and storage drivers live, which cannot work without such rights."""

_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_SHOWN = 20


class SecurityCode(Coded):
    """Conditions of rights."""

    DEFAULT_ACCOUNT = (
        "security.default_account",
        "A pod carries the token of its namespace's default account, which has rights, or was made by hand.",
        "spec.serviceAccountName and automountServiceAccountToken of pod and account, the bindings",
    )
    ACCOUNT_SHARED = (
        "security.default_account_used",
        "Pods carry the token of a default account: a right given to it is given to all of them.",
        "spec.serviceAccountName of the pods in the namespace, the bindings",
    )
    PRIVILEGED = (
        "security.privileged",
        "A container may do on its node whatever it likes.",
        "securityContext.privileged of the containers",
    )
    HOST_ACCESS = (
        "security.host_access",
        "A pod shares its node's network, processes or container runtime.",
        "spec.hostNetwork, hostPID, hostIPC and the hostPath volumes",
    )
    WILDCARD = (
        "security.wildcard_role",
        "A binding gives a role that may do everything, or act on everything.",
        "roleRef, the rules of that Role or ClusterRole",
    )
    ROLE_MISSING = (
        "rbac.role_missing",
        "A binding gives a role that does not exist: those it names have none of its rights.",
        "roleRef, the Roles of the namespace, the ClusterRoles",
    )
    ACCOUNT_MISSING = (
        "rbac.account_missing",
        "A binding gives rights to a service account that does not exist.",
        "subjects, the ServiceAccounts of the namespaces they name",
    )


def security(snapshot: Snapshot) -> Iterator[Finding]:
    """Advice on pods, service accounts and bindings; one pod speaks for all of its owner."""
    granted = _granted(snapshot)
    for pod in _one_of_each(snapshot):
        on = Subject(snapshot=snapshot, obj=pod, also=("ServiceAccount",))
        if _exposed(snapshot, pod, granted):
            text = f"{on.ref} runs as the default account of {on.ref.namespace} and carries its token."
            yield on.info(SecurityCode.DEFAULT_ACCOUNT, text, service_account="default")
        if on.ref.namespace != _OF_THE_CLUSTER:
            yield from _privileged(on)
            yield from _host(on)
    yield from _shared_accounts(snapshot, granted)
    for binding in (one for kind in _BINDINGS for one in snapshot.objects(kind)):
        # Those of the control plane are made anew by the API server whenever it starts.
        if not name_of(binding).startswith("system:"):
            yield from _binding(Subject(snapshot=snapshot, obj=binding, also=("Role", "ClusterRole")))


def _one_of_each(snapshot: Snapshot) -> list[JsonObject]:
    """The first pod, by name, of each owner: what is said of it holds for the others."""
    firsts: dict[tuple[str, tuple[str, str]], JsonObject] = {}
    for pod in snapshot.objects("Pod"):
        if not is_finished(pod):
            key = (namespace_of(pod), owner_of(pod))
            first = firsts.get(key)
            if first is None or name_of(pod) < name_of(first):
                firsts[key] = pod
    return list(firsts.values())


def _granted(snapshot: Snapshot) -> set[str]:
    """The namespaces whose default account some binding gives rights to."""
    return {
        subject.get("namespace") or namespace_of(binding)
        for kind in _BINDINGS
        for binding in snapshot.objects(kind)
        for subject in items(binding, "subjects")
        if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default"
    }


def _exposed(snapshot: Snapshot, pod: JsonObject, granted: set[str]) -> bool:
    """Whether the pod carries a default token that matters.

    A workload on an account without rights is the ordinary case. An account with rights is another matter,
    and so is a pod made by hand: whoever made it did not think of an account.
    """
    if namespace_of(pod) not in granted and controller_of(pod):
        return False
    account = snapshot.find("ServiceAccount", namespace_of(pod), "default")
    if account is None or dig(pod, "spec", "serviceAccountName") != "default":
        return False
    # The pod's own word goes before the account's.
    said = dig(pod, "spec", "automountServiceAccountToken")
    return bool(said if said is not None else account.get("automountServiceAccountToken") is not False)


def _shared_accounts(snapshot: Snapshot, granted: set[str]) -> Iterator[Finding]:
    users: dict[str, list[str]] = defaultdict(list)
    for pod in snapshot.objects("Pod"):
        if _exposed(snapshot, pod, granted) and not is_finished(pod):
            users[namespace_of(pod)].append(name_of(pod))
    for namespace, pods in users.items():
        account = snapshot.find("ServiceAccount", namespace, "default")
        if account is not None:
            on = Subject(snapshot=snapshot, obj=account, also=("Pod",))
            shown = sorted(pods)[:_SHOWN]
            text = f"{len(pods)} pods run as the default account of {namespace}: {', '.join(shown[:3])}."
            yield on.info(SecurityCode.ACCOUNT_SHARED, text, pods=shown, count=len(pods))


def _privileged(on: Subject) -> Iterator[Finding]:
    for container in (*items(on.obj, "spec", "initContainers"), *items(on.obj, "spec", "containers")):
        if dig(container, "securityContext", "privileged"):
            name = container.get("name") or ""
            text = f"Container {name} of {on.ref} is privileged."
            yield on.info(SecurityCode.PRIVILEGED, text, container=name, privileged=True)


def _host(on: Subject) -> Iterator[Finding]:
    shared = [key for key in ("hostNetwork", "hostPID", "hostIPC") if dig(on.obj, "spec", key)]
    paths = [dig(volume, "hostPath", "path") or "" for volume in items(on.obj, "spec", "volumes")]
    sockets = [path for path in paths if path == "/" or path.endswith(_SOCKETS)]
    if shared or sockets:
        text = f"{on.ref} reaches into its node: {', '.join(shared + sockets)}."
        yield on.info(SecurityCode.HOST_ACCESS, text, shares=shared, paths=sockets)


def _binding(on: Subject) -> Iterator[Finding]:
    kind, name = dig(on.obj, "roleRef", "kind") or "", dig(on.obj, "roleRef", "name") or ""
    place = on.ref.namespace if kind == "Role" else ""
    role = on.snapshot.find(kind, place, name) if kind else None
    if role is None and kind and on.snapshot.lacks(kind, place, name):
        text = f"{on.ref} gives {kind} {name}, which does not exist."
        yield on.warning(SecurityCode.ROLE_MISSING, text, role_kind=kind, role=name)
    wide = sorted({word for rule in items(role or {}, "rules") for word in _wide(rule)})
    if wide:
        text = f"{on.ref} gives {kind} {name}, which allows {' and '.join(wide)}."
        yield on.info(SecurityCode.WILDCARD, text, role_kind=kind, role=name, allows=wide)
    for subject in items(on.obj, "subjects"):
        yield from _subject(on, subject)


def _wide(rule: JsonObject) -> Iterator[str]:
    if "*" in (rule.get("verbs") or ()):
        yield "every verb"
    if "*" in (rule.get("resources") or ()):
        yield "every resource"


def _subject(on: Subject, subject: JsonObject) -> Iterator[Finding]:
    namespace, name = subject.get("namespace") or on.ref.namespace, subject.get("name") or ""
    if subject.get("kind") == "ServiceAccount" and on.snapshot.lacks("ServiceAccount", namespace, name):
        text = f"{on.ref} gives rights to service account {namespace}/{name}, which does not exist."
        yield on.info(SecurityCode.ACCOUNT_MISSING, text, service_account=f"{namespace}/{name}")
