"""``midwatch check``: try every connection and right, and say what to fix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from agents.auditor.anchors import outside
from agents.auditor.keys import KeyProblem
from agents.auditor.notes import NotANote
from agents.auditor.verify import verify
from agents.ledger.roster import RosterError, read_roster
from agents.ledger.store import LedgerError
from midwatch.check_model import model
from midwatch.check_result import Result
from midwatch.check_slack import slack
from midwatch.settings import Settings
from midwatch.wiring import keys_of, ledger_of, roster_of
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.client import Connection, Request, connect
from tools.kubernetes.errors import KubernetesError
from tools.prometheus import Prometheus, PrometheusError

# Rights that neither credential may hold: each would let a change past the catalogue, or a secret out.
NEVER = (("", "secrets", "get"), ("rbac.authorization.k8s.io", "roles", "create"), ("", "pods", "delete"))


async def check_all(settings: Settings) -> list[Result]:
    """Try everything; a failure of one does not hide the others.

    Nothing is changed: rights are asked for (SelfSubjectAccessReview), never tried out.
    """
    tried: list[Callable[[Settings], Awaitable[list[Result]]]] = [
        _ledger,
        _roster,
        _cluster,
        _metrics,
        _webhook,
        model,
        slack,
    ]
    return [result for look in tried for result in await look(settings)]


async def _ledger(settings: Settings) -> list[Result]:
    try:
        ledger = await asyncio.to_thread(ledger_of, settings)
        known = outside(keys_of(settings), settings.anchor_file)
        found = await asyncio.to_thread(verify, ledger, known)
        ledger.close()
    except (LedgerError, KeyProblem, NotANote, OSError) as problem:
        return [Result(what="ledger", ok=False, says=str(problem))]
    says = f"{found.events} events, whole" if found.ok else f"bent: {found.problems[0]}"
    return [Result(what="ledger", ok=found.ok, says=says)]


async def _webhook(settings: Settings) -> list[Result]:
    asked = settings.webhook_token is not None or settings.webhook_password is not None
    # Without a credential the settings allow loopback only.
    says = "a credential is asked for" if asked else "open to everybody on this machine: set webhook_token"
    return [Result(what="webhook", ok=True, says=says)]


async def _roster(settings: Settings) -> list[Result]:
    path: Path = roster_of(settings)
    try:
        people = len(read_roster(path).approvers)
    except RosterError as problem:
        return [Result(what="roster", ok=False, says=f"{problem}; until it can be read nobody may sign")]
    says = f"{people} people may sign" if people else "it names nobody, so nobody may sign"
    return [Result(what="roster", ok=people > 0, says=says)]


async def _cluster(settings: Settings) -> list[Result]:
    return [
        *await asyncio.to_thread(_rights, "reader", settings.reader_kubeconfig, False),
        *await asyncio.to_thread(_rights, "actor", settings.actor_kubeconfig, True),
    ]


def _rights(name: str, kubeconfig: Path | None, writes: bool) -> list[Result]:
    what = f"{name} kubeconfig"
    if kubeconfig is None:
        return [Result(what=what, ok=False, says=f"set {name}_kubeconfig")]
    try:
        cluster = connect(kubeconfig, "check")
        uid = cluster.cluster_uid()
        rules = {(rule.group, rule.resource, "patch") for verb in CATALOGUE.values() for rule in verb.rules}
        # The reader is checked for what it must not hold as well: a reader that can patch is a second actor.
        wrong = [wanted for wanted in sorted(rules) if _may(cluster, wanted) is not writes]
        wrong += [never for never in NEVER if _may(cluster, never)]
        cluster.close()
    except KubernetesError as problem:
        return [Result(what=what, ok=False, says=str(problem))]
    if wrong:
        verb = "lacks or should not hold"
        return [Result(what=what, ok=False, says=f"{verb}: {', '.join('/'.join(w) for w in wrong)}")]
    return [Result(what=what, ok=True, says=f"cluster {uid}, rights as they should be")]


def _may(cluster: Connection, right: tuple[str, str, str]) -> bool:
    group, resource, verb = right
    # A review needs some namespace; the rights of a cluster role are the same in all of them.
    asked = {"namespace": "default", "group": group, "resource": resource, "verb": verb}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = cluster.send(Request(method="POST", path=path, body=orjson.dumps(body)))
    return bool(answer["status"]["allowed"])


async def _metrics(settings: Settings) -> list[Result]:
    if settings.prometheus_url is None:
        return [Result(what="prometheus", ok=True, says="not set: metrics will not be checked")]
    token = settings.prometheus_token.get_secret_value() if settings.prometheus_token else ""
    prometheus = Prometheus.open(settings.prometheus_url, token)
    try:
        await asyncio.to_thread(prometheus.instant, "vector(1)")
    except PrometheusError as problem:
        return [Result(what="prometheus", ok=False, says=f"{problem}: check prometheus_url")]
    finally:
        prometheus.close()
    return [Result(what="prometheus", ok=True, says=settings.prometheus_url)]
