"""``midwatch check``: try every connection and right, and say what to fix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from agents.auditor.anchors import outside
from agents.auditor.keys import KeyProblem
from agents.auditor.notes import NotANote
from agents.auditor.verify import verify
from agents.investigator.analyzers.outside import UnfitAnalyzer
from agents.investigator.silenced import SilenceError
from agents.ledger.roster import RosterError, read_roster
from agents.ledger.store import LedgerError
from midwatch import wall
from midwatch.check_kept import keep
from midwatch.check_login import login
from midwatch.check_model import model, model_breaker
from midwatch.check_result import Part, Result
from midwatch.check_slack import slack
from midwatch.extras import extras_of
from midwatch.rights import (
    IDENTITY,
    IDENTITY_NAMES,
    actor_rules,
    in_no_namespace,
    optional_verbs,
    reader_rules,
)
from midwatch.settings import Settings
from midwatch.wiring import approvals_of, keys_of, ledger_of, policy_of, roster_of
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.verb import Rule
from tools.kubernetes.client import Connection, Request, connect
from tools.kubernetes.errors import KubernetesError
from tools.policy.load import PolicyError
from tools.prometheus import Prometheus, PrometheusError

Right = tuple[str, str, str]
"""API group, resource (with its subresource) and verb."""

_LOOKS = ("get", "list")
# Rights that neither credential may hold: each would let a change past the catalogue, or a secret out.
NEVER: tuple[Right, ...] = (
    ("", "secrets", "get"),
    ("rbac.authorization.k8s.io", "roles", "create"),
    ("", "pods", "delete"),
    ("", "pods/exec", "create"),
)


async def check_all(
    settings: Settings, say: Callable[[str], object] = lambda _: None, only: Collection[Part] = ()
) -> list[Result]:
    """Try everything, or ``only`` these; a failure of one does not hide the others.

    ``say`` hears what is being tried. Nothing is changed: rights are asked for (SelfSubjectAccessReview), and
    the second wall is tried by rehearsals.
    """
    tried: tuple[tuple[Part, str, Callable[[Settings], Awaitable[list[Result]]]], ...] = (
        (Part.LEDGER, "the ledger", _ledger),
        (Part.ROSTER, "the roster", _roster),
        (Part.POLICY, "the policy", _policy),
        (Part.ANALYZERS, "analyzers and silences", _extras),
        (Part.CLUSTER, "the cluster and its rights", _cluster),
        (Part.METRICS, "metrics", _metrics),
        (Part.WEBHOOK, "the webhook", _webhook),
        (Part.MODEL, "the model", model),
        (Part.MODEL, "the model's breaker", model_breaker),
        (Part.SLACK, "the chat", slack),
        (Part.LOGIN, "the login", login),
    )
    results: list[Result] = []
    for part, words, look in tried:
        if not only or part in only:
            say(f"trying {words}")
            results += await look(settings)
    if only:
        # The pages show what was found last of everything, and this is less.
        return results
    try:
        keep(settings, results)
    except OSError as problem:
        results.append(Result(what="state_dir", ok=False, says=f"what was found cannot be kept: {problem}"))
    return results


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
        file = read_roster(path)
    except RosterError as problem:
        return [Result(what="roster", ok=False, says=f"{problem}; until it can be read nobody may sign")]
    if not file.approvers:
        return [Result(what="roster", ok=False, says="it names nobody, so nobody may sign")]
    # Who is in the groups, and whether they are groups at all, is looked at where Slack is.
    keys = sum(bool(one.key) for one in file.people)
    # No failure: who lets plans expire while the chat is away needs no key.
    without = f"by key: {keys}" if keys else "nobody by key, so while Slack is away plans expire"
    counted = (f"people: {len(file.people)}", f"user groups: {len(file.groups)}", without)
    return [Result(what="roster", ok=True, says=f"who may sign: {', '.join(counted)}")]


async def _policy(settings: Settings) -> list[Result]:
    policies = policy_of(settings)
    try:
        policy = policies.read()
    except PolicyError as problem:
        return [Result(what="policy", ok=False, says=str(problem))]
    says = f"{policy.digest[:12]}, {len(policy.allow)} allowed, {len(policy.rules)} rules narrow it"
    return [Result(what="policy", ok=bool(policy.allow), says=says)]


async def _extras(settings: Settings) -> list[Result]:
    what = "analyzers and silences"
    try:
        extras = extras_of(settings)
    except (UnfitAnalyzer, SilenceError) as problem:
        return [Result(what=what, ok=False, says=str(problem))]
    now = datetime.now(UTC)
    over = [one for one in extras.silences if one.until <= now]
    says = f"{len(extras.outside)} analyzers from outside, {len(extras.silences) - len(over)} silences"
    ended = "; ended: " + "; ".join(one.words for one in over) if over else ""
    return [Result(what=what, ok=True, says=says + ended)]


async def _cluster(settings: Settings) -> list[Result]:
    return [
        *await asyncio.to_thread(_rights, "reader", settings.reader_kubeconfig, False),
        *await asyncio.to_thread(_rights, "actor", settings.actor_kubeconfig, True),
        *await asyncio.to_thread(_wall, settings),
    ]


def _wall(settings: Settings) -> list[Result]:
    if settings.reader_kubeconfig is None or settings.actor_kubeconfig is None:
        # Which of them is missing was said already.
        return []
    try:
        reader = connect(settings.reader_kubeconfig, "check")
        actor = connect(settings.actor_kubeconfig, "check")
        found = wall.stands(reader, is_sealed=settings.sealed)
        found += wall.holds(reader, actor, is_sealed=settings.sealed)
        reader.close()
        actor.close()
    except KubernetesError as problem:
        return [Result(what="second wall", ok=False, says=str(problem))]
    return [*found, *(_approvals(settings) if settings.sealed else [])]


def _approvals(settings: Settings) -> list[Result]:
    what = "gatekeeper kubeconfig"
    try:
        approvals = approvals_of(settings)
        if approvals is not None:
            approvals.look()
            approvals.close()
    except KubernetesError as problem:
        return [Result(what=what, ok=False, says=f"{problem} (see deploy/rbac/gatekeeper.yaml)")]
    return [Result(what=what, ok=True, says="what is signed can be written down")]


def _rights(name: str, kubeconfig: Path | None, writes: bool) -> list[Result]:
    what = f"{name} kubeconfig"
    if kubeconfig is None:
        return [Result(what=what, ok=False, says=f"set {name}_kubeconfig")]
    try:
        cluster = connect(kubeconfig, "check")
        found = _asked(cluster, what, writes=writes)
        cluster.close()
    except KubernetesError as problem:
        return [Result(what=what, ok=False, says=str(problem))]
    return [found]


def rights_of(reader: Connection) -> list[Result]:
    """Whether the reader may look where it must, and change nothing. Raises KubernetesError."""
    return [_asked(reader, "reader kubeconfig", writes=False)]


def _asked(cluster: Connection, what: str, *, writes: bool) -> Result:
    uid = cluster.cluster_uid()
    needed, foreign = _wanted(writes=writes)
    lacks = [right for right in needed if not _may(cluster, right)]
    # The reader is checked for what it must not hold as well: a reader that can patch is a second actor.
    wrong = [right for right in (*foreign, *NEVER) if _may(cluster, right)]
    without = [verb.name for verb in optional_verbs() if writes and not _all(cluster, verb.rules)]
    if lacks or wrong:
        said = (("lacks", lacks), ("should not hold", wrong))
        says = "; ".join(f"{how}: {', '.join('/'.join(r) for r in rights)}" for how, rights in said if rights)
        return Result(what=what, ok=False, says=f"{says} (see deploy/rbac)")
    less = f"; without the optional {', '.join(without)}" if without else ""
    return Result(what=what, ok=True, says=f"cluster {uid}, rights as they should be{less}")


def _wanted(*, writes: bool) -> tuple[list[Right], list[Right]]:
    """What an account needs and what it must not hold, by the rules that its manifests are made of."""
    changes = [verb.rules for verb in CATALOGUE.values()]
    acts = {right for rules in changes for right in _rights_of(rules) if right[2] not in _LOOKS}
    if writes:
        return [(IDENTITY.group, IDENTITY.resource, "get"), *_rights_of(actor_rules())], []
    return _rights_of(reader_rules()), sorted(acts)


def _rights_of(rules: Iterable[Rule]) -> list[Right]:
    return [(rule.group, rule.resource, verb) for rule in rules for verb in rule.verbs]


def _all(cluster: Connection, rules: Iterable[Rule]) -> bool:
    return all(_may(cluster, right) for right in _rights_of(rules))


def _may(cluster: Connection, right: Right) -> bool:
    group, full, verb = right
    resource, _, subresource = full.partition("/")
    # A review needs some namespace; the rights of a cluster role are the same in all of them.
    asked = {"namespace": "default", "group": group, "resource": resource, "verb": verb}
    if subresource:
        asked["subresource"] = subresource
    if in_no_namespace(Rule(group=group, resource=resource)):
        del asked["namespace"]
    if (group, resource) == (IDENTITY.group, IDENTITY.resource) and verb == "get":
        # The actor may read this one and no other, and to the reader it is one like all.
        asked["name"] = IDENTITY_NAMES[0]
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
