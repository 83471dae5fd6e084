"""The only place where real tools are built from settings and handed to the agents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from agents.ledger.migrate import revisions, upgrade
from agents.ledger.seals import SealKey
from agents.ledger.store import Ledger, LedgerUnavailable
from midwatch.settings import Settings

if TYPE_CHECKING:
    from agents.actor.hands import Hands
    from agents.auditor.keys import KeyRing
    from agents.auditor.watch import Auditor
    from agents.gatekeeper.bench import Bench
    from agents.gatekeeper.office import Office
    from agents.investigator.prompts import Stage
    from agents.investigator.toolbox import Toolbox
    from agents.ledger.breaker import Breaker
    from tools.alertmanager import Alertmanager
    from tools.kubernetes.approvals import Approvals
    from tools.kubernetes.client import Connection
    from tools.model import Model
    from tools.policy.load import PolicyFile


def ledger_of(settings: Settings) -> Ledger:
    """The ledger, brought to its present form.

    Every process does this at its start, so there is no order in which they must be upgraded.
    Raises LedgerUnavailable.
    """
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        ledger = Ledger(settings.database_url)
        upgrade(ledger.writer)
        ledger.queue.prepare(ledger.writer)
    except (SQLAlchemyError, ImportError, OSError, ValueError) as problem:
        # The driver's own words: SQLAlchemy's repeat the statement, and an address may hold a password.
        said = problem.orig if isinstance(problem, DBAPIError) else problem
        words = f"the ledger cannot be opened: {said}".strip()
        raise LedgerUnavailable(f"{words} (check database_url and state_dir)") from problem
    return ledger


def existing_ledger_of(settings: Settings) -> Ledger:
    """The ledger as it is, for whoever only reads it: nothing is made and nothing is brought up to date.

    Raises LedgerUnavailable when there is none, or one of another form than this program knows.
    """
    where = " (check database_url and state_dir)"
    try:
        path = (
            make_url(settings.database_url).database if settings.database_url.startswith("sqlite") else None
        )
        if path is not None and not Path(path).exists():
            raise LedgerUnavailable(f"there is no ledger at {path}{where}")
        ledger = Ledger(settings.database_url)
        found, known = revisions(ledger.reader)
    except (SQLAlchemyError, ImportError, OSError, ValueError) as problem:
        said = problem.orig if isinstance(problem, DBAPIError) else problem
        raise LedgerUnavailable(f"the ledger cannot be opened: {said}{where}") from problem
    if found != known:
        ledger.close()
        is_form = f"is of form {found}" if found else "was never made"
        raise LedgerUnavailable(
            f"the ledger {is_form}, this program reads {known}: start `midwatch serve` once"
        )
    return ledger


def cluster_of(settings: Settings, name: Literal["reader", "actor"]) -> Connection:
    """The cluster under one of the two kubeconfigs. Raises Unconfigured, naming the setting."""
    # Here and not above: the client costs every command a third of a second, and few look at a cluster.
    from tools.kubernetes.client import connect
    from tools.kubernetes.errors import Unconfigured

    kubeconfig = settings.reader_kubeconfig if name == "reader" else settings.actor_kubeconfig
    try:
        return connect(kubeconfig, "investigator" if name == "reader" else "actor")
    except Unconfigured as problem:
        raise Unconfigured(f"{name}_kubeconfig ({kubeconfig or 'not set'}): {problem}") from problem


def seal_of(settings: Settings) -> SealKey:
    """The key that seals buttons and decisions; it never lies in the database."""
    return SealKey.load(settings.state_dir / "keys" / "seal")


def keys_of(settings: Settings) -> KeyRing:
    """The auditor's keys; they never lie in the database."""
    from agents.auditor.keys import KeyRing

    return KeyRing(folder=settings.state_dir / "keys")


def auditor_of(settings: Settings, ledger: Ledger) -> Auditor:
    """What watches the record: a key and a file of its own, and nobody's tokens."""
    from agents.auditor.watch import Auditor

    return Auditor(
        ledger=ledger,
        keys=keys_of(settings),
        anchor_file=settings.anchor_file,
        verdict_file=verdict_file_of(settings),
    )


def verdict_file_of(settings: Settings) -> Path:
    """Where the auditor keeps its last verdict: not in the database that it is about."""
    return settings.state_dir / "verdict.json"


def roster_of(settings: Settings) -> Path:
    """The roster's file; one that does not exist lets nobody sign."""
    return settings.roster_file or settings.state_dir / "roster.yaml"


def policy_of(settings: Settings) -> PolicyFile:
    """Where the policy stands: the file of the settings, or the one that is shipped."""
    from tools.policy.load import PolicyFile

    return PolicyFile(path=settings.policy_file) if settings.policy_file else PolicyFile()


def hands_of(settings: Settings, ledger: Ledger, actor_id: str) -> Hands:
    """What the actor works with: its own kubeconfig, no chat, no model. Raises PolicyError."""
    from agents.actor.hands import Hands

    policies = policy_of(settings)
    # With a policy that cannot be used every claim would be refused: better not to start at all.
    policies.read()
    return Hands(
        ledger=ledger,
        cluster=cluster_of(settings, "actor"),
        actor_id=actor_id,
        seal=seal_of(settings),
        roster_file=roster_of(settings),
        halt_file=settings.halt_file,
        policy_file=policies,
        alertmanager=alertmanager_of(settings),
        sealed=settings.sealed,
    )


def alertmanager_of(settings: Settings) -> Alertmanager | None:
    """Alertmanager, if its address is known; without it no silence can be set."""
    if settings.alertmanager_url is None:
        return None
    from tools.alertmanager import Alertmanager

    return Alertmanager(url=settings.alertmanager_url)


@asynccontextmanager
async def toolbox_of(settings: Settings, ledger: Ledger) -> AsyncIterator[Toolbox]:
    """What the investigator works with: read-only credentials.

    Raises PolicyError, UnfitAnalyzer and SilenceError.
    """
    from agents.investigator.purse import Allowance
    from agents.investigator.toolbox import Policy, Toolbox
    from midwatch.extras import extras_of
    from tools.prometheus import Prometheus

    policies, extras = policy_of(settings), extras_of(settings)
    policies.read()
    cluster = cluster_of(settings, "reader")
    token = settings.prometheus_token.get_secret_value() if settings.prometheus_token else ""
    prometheus = Prometheus.open(settings.prometheus_url, token) if settings.prometheus_url else None
    policy = Policy(
        pending_s=settings.pending_minutes * 60,
        claim_within_s=settings.claim_within_s,
        deny_cooldown_s=settings.deny_cooldown_minutes * 60,
        limit_factor=settings.max_set_resources_factor,
        verify_window_s=settings.verify_window_s,
        verify_poll_s=settings.verify_poll_s,
        per_hour=settings.investigations_per_hour,
        model_seconds=settings.model_seconds,
        allowance=Allowance(**settings.budgets.model_dump()),
        breaker=breaker_of(settings),
    )
    try:
        yield Toolbox(
            ledger=ledger,
            cluster=cluster,
            policy=policy,
            prometheus=prometheus,
            model=model_of(settings, "opinion"),
            summary_model=model_of(settings, "summary"),
            policy_file=policies,
            extras=extras,
        )
    finally:
        cluster.close()
        if prometheus is not None:
            prometheus.close()


def model_of(settings: Settings, stage: Stage) -> Model | None:
    """The model of a stage, if one is configured; without it the rules speak alone."""
    # Questions of people go to the cheap one.
    own = settings.model_opinion_name if stage == "opinion" else settings.model_summary_name
    name = own or settings.model_name
    if settings.model_base_url is None or name is None:
        return None
    from tools.model import Model, ModelOptions

    return Model(
        options=ModelOptions(
            base_url=settings.model_base_url,
            name=name,
            api_key=settings.model_api_key or SecretStr("none"),
            method=settings.model_method,
            retries=settings.model_retries,
            price=settings.model_prices.get(name),
        )
    )


def breaker_of(settings: Settings) -> Breaker:
    """What models may cost over all incidents, and when one is left to rest."""
    from agents.ledger.breaker import Breaker

    return Breaker(
        tokens_per_hour=settings.model_tokens_per_hour,
        failures=settings.model_failures,
        rest_s=settings.model_rest_s,
    )


async def office_of(settings: Settings, ledger: Ledger) -> Office:
    """What the gatekeeper works with: the chat and the roster. Raises SlackError."""
    from agents.gatekeeper.clicks import Home
    from agents.gatekeeper.office import Office
    from tools.slack import Slack

    if settings.slack_bot_token is None or settings.slack_channel is None:
        raise AssertionError("the settings ask for Slack without its token or channel")
    slack = Slack.open(
        settings.slack_bot_token.get_secret_value(), settings.slack_api_url, settings.slack_pace
    )
    who = await slack.identity()
    app_id = await slack.app_id(who.bot_id)
    return Office(
        **vars(bench_of(settings, ledger)),
        slack=slack,
        bot_user_id=who.bot_user_id,
        home=Home(app_id=app_id, team_id=who.team_id, enterprise_id=who.enterprise_id),
        asks_model=model_of(settings, "question") is not None,
        limit_factor=settings.max_set_resources_factor,
    )


def bench_of(settings: Settings, ledger: Ledger) -> Bench:
    """What the gatekeeper has without the chat. Raises Unconfigured."""
    from agents.gatekeeper.bench import Bench

    return Bench(
        ledger=ledger,
        seal=seal_of(settings),
        roster_file=roster_of(settings),
        halt_file=settings.halt_file,
        channel_id=settings.slack_channel or "",
        public_url=settings.public_url.rstrip("/"),
        policy_file=policy_of(settings),
        approvals=approvals_of(settings),
    )


def approvals_of(settings: Settings) -> Approvals | None:
    """Where the gatekeeper writes what was signed, in sealed mode. Raises Unconfigured."""
    if not settings.sealed:
        return None
    from tools.kubernetes.approvals import Approvals
    from tools.kubernetes.client import connect
    from tools.kubernetes.errors import Unconfigured

    # Never the pod's own account: that one is the investigator's.
    if settings.gatekeeper_kubeconfig is None:
        raise Unconfigured("sealed needs gatekeeper_kubeconfig, an account for one ConfigMap")
    return Approvals(cluster=connect(settings.gatekeeper_kubeconfig, "gatekeeper"))
