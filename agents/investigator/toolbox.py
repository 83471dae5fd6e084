"""What the stages are handed: the ledger under a lease, the read-only world, and the policy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Concatenate, ParamSpec, TypeVar

from agents.investigator.analyzers.snapshot import Snapshot
from agents.investigator.examined import Extras
from agents.investigator.prompts import Stage
from agents.investigator.purse import Allowance
from agents.investigator.thought import Thought
from agents.ledger.breaker import Breaker
from agents.ledger.investigations import Lease
from agents.ledger.store import Ledger
from runbooks.shelf import Shelf, load
from tools.kubernetes.actions.catalogue import live_of
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Verb
from tools.kubernetes.client import Connection, Request
from tools.kubernetes.errors import Unconfigured
from tools.kubernetes.objects import JsonObject
from tools.model import Model
from tools.policy.load import PolicyFile
from tools.prometheus import Prometheus

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The limits that plans are made within; the policy's file can only narrow them."""

    pending_s: int = 1800
    claim_within_s: int = 120
    deny_cooldown_s: int = 3600
    limit_factor: float = 2.0
    verify_window_s: float = 300.0
    verify_poll_s: float = 5.0
    most_rounds: int = 3
    model_seconds: float = 30.0
    model_tokens: int = 2_000
    per_hour: int = 50
    allowance: Allowance = field(default_factory=Allowance)
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """One run's tools. ``snapshots`` keeps the last look at each incident within this process, ``thoughts``
    what was made of it, until it led to a proposal.

    ``model`` is asked for an opinion, and explains as well where no ``summary_model`` does.
    """

    ledger: Ledger
    cluster: Connection
    policy: Policy
    prometheus: Prometheus | None = None
    model: Model | None = None
    summary_model: Model | None = None
    policy_file: PolicyFile = field(default_factory=PolicyFile)
    shelf: Shelf = field(default_factory=load)
    extras: Extras = field(default_factory=Extras)
    lease: Lease | None = None
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    thoughts: dict[int, Thought] = field(default_factory=dict)

    def model_of(self, stage: Stage) -> Model | None:
        """Who is asked in this stage, if anybody is."""
        # The strong one is for what the rules are unsure of and for nothing else.
        return self.model if stage == "opinion" else self.summary_model or self.model

    def under(self, lease: Lease) -> Toolbox:
        """The same tools for one leased run."""
        # A copy: the lease of one run must not leak into another that uses the same tools.
        return replace(self, lease=lease)

    @property
    def held(self) -> Lease:
        """The lease of this run; stages run under one or not at all."""
        if self.lease is None:
            raise AssertionError("a stage ran without a lease")
        return self.lease

    def live(self, step: Step) -> JsonObject | None:
        """The step's object as the reader sees it, or None when it is not there.

        Raises the KubernetesError tree.
        """
        return live_of(step, self._send)

    def _send(self, verb: Verb, request: Request) -> JsonObject:
        if verb.place != "cluster":
            raise Unconfigured("the investigator asks nothing of Alertmanager")
        return self.cluster.send(request)

    async def write(
        self, act: Callable[Concatenate[Ledger, Lease, P], T], *args: P.args, **kw: P.kwargs
    ) -> T:
        """Call one of the ledger's leased writes in a thread."""
        return await asyncio.to_thread(act, self.ledger, self.held, *args, **kw)
