"""Ada and Ben with keys of their own, a plan that waits, and the desk where signatures are handed in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from sqlmodel import col, select

from agents.actor.hands import Hands
from agents.gatekeeper.bench import Bench
from agents.gatekeeper.clicks import Person
from agents.gatekeeper.signed import Reply, SigningDesk
from agents.incident import Plan, Preview, Verdict
from agents.ledger import decisions, executions, incidents, investigations, moves, payloads, previews
from agents.ledger.executions import Claim
from agents.ledger.previews import Posted
from agents.ledger.protocol import Objection, PlanState
from agents.ledger.seals import SealKey
from agents.ledger.signing import public_of
from agents.ledger.statements import Envelope, Statement
from agents.ledger.store import Ledger
from agents.ledger.tables import AuditRow
from agents.ledger.tags import Tag
from tests.support.plans import a_delivery, a_plan, an_alert
from tools.slack import SlackUnreachable

TEAM = "T0OURS"
KEYS = {"U0ADA": bytes(range(32)), "U0BEN": bytes(range(1, 33))}
"""The private halves. They are the same in every run, so that what they sign is as well."""
POSTED = Posted(channel_id="C1", message_ts="1.1", card_digest="0")


def entry(who: str, **differs: Any) -> dict[str, Any]:
    """Somebody's entry in the roster, with their key."""
    rights = {"tiers": [1, 2, 3], "namespaces": ["*"], "key": public_of(KEYS[who])}
    return {"user_id": who, "team_id": TEAM, **rights, **differs}


def said(plan: Plan, ledger: Ledger, **differs: Any) -> Statement:
    """Ada approves this plan now."""
    values: dict[str, Any] = {
        "team_id": TEAM,
        "user_id": "U0ADA",
        "at": ledger.now().replace(microsecond=0),
        "nonce": secrets.token_hex(16),
        "cluster_uid": plan.cluster_uid,
        "plan_digest": plan.digest,
        "verdict": Verdict.APPROVE,
        "typed": plan.digest[:6],
    }
    return Statement(**(values | differs))


@dataclass(kw_only=True)
class ByKey:
    """One ledger, one plan, one desk. ``people`` are the accounts that the chat has; None: it is away."""

    folder: Path
    ledger: Ledger
    plan: Plan
    people: dict[str, Person] | None = None

    @property
    def bench(self) -> Bench:
        return Bench(
            ledger=self.ledger,
            seal=SealKey.load(self.folder / "seal"),
            roster_file=self.folder / "roster.yaml",
            halt_file=self.folder / "HALT",
            channel_id="C1",
            public_url="http://127.0.0.1:8480",
        )

    @property
    def desk(self) -> SigningDesk:
        async def look(user_id: str) -> Person | None:
            if self.people is None:
                raise SlackUnreachable("nobody answers")
            return self.people.get(user_id)

        return SigningDesk(bench=self.bench, look=look)

    def roster(self, *people: dict[str, Any]) -> None:
        text = yaml.safe_dump({"approvers": list(people)})
        (self.folder / "roster.yaml").write_text(text, encoding="utf-8")

    def said(self, **differs: Any) -> Statement:
        return said(self.plan, self.ledger, **differs)

    async def hand_in(self, statement: Statement | None = None, key: str = "", reason: str = "") -> Reply:
        """Sign and hand in; ``key`` is whose key signs, if not the speaker's own."""
        statement = statement or self.said()
        salt = "5" * 32 if reason else ""
        if reason:
            statement = statement.model_copy(update={"reason_digest": payloads.digest_of(reason, salt)})
        private = KEYS[key or statement.user_id]
        return await self.desk.decide(Envelope.of(statement, private, (reason, salt)))

    def state(self) -> PlanState:
        with self.ledger.read() as session:
            found = moves.standing(session, self.plan.id)
        assert isinstance(found, moves.Standing)
        return found.state

    def place(self) -> str:
        """The channel in which the plan has its place."""
        with self.ledger.read() as session:
            found = moves.standing(session, self.plan.id)
        assert isinstance(found, moves.Standing)
        return found.proposal.channel_id

    def decided(self) -> list[str]:
        with self.ledger.read() as session:
            return [d.approver.user_id for d in decisions.decisions_of(session, self.plan.id)]

    def claim(self) -> Claim | Objection:
        """The actor's look at everything once more; it needs no cluster for that."""
        hands = Hands(
            ledger=self.ledger,
            cluster=None,  # type: ignore[arg-type]
            actor_id="actor-1",
            seal=SealKey.load(self.folder / "seal"),
            roster_file=self.folder / "roster.yaml",
            halt_file=self.folder / "HALT",
        )
        return executions.claim(self.ledger, self.plan.id, "actor-1", hands.still_valid)


def rehearsed(ledger: Ledger, number: int = 1, **changes: Any) -> Plan:
    """A plan with an accepted dry-run that nobody was shown yet; ``number`` is its incident's."""
    now = ledger.now()
    alert = an_alert(now, fingerprint=f"f{number}")
    incidents.accept(ledger, [a_delivery(now, alert, group_key=f"g{number}")])
    lease = investigations.take(ledger, number, "the test", 60)
    assert lease is not None
    plan = a_plan(now, **changes)
    investigations.draft(ledger, lease, plan, "why")
    shown = Preview(plan_id=plan.id, at=now, diffs=("-a\n+b",), dry_run_digest="a" * 64)
    assert previews.store_preview(ledger, shown) is None
    investigations.release(ledger, lease)
    return plan


def by_key(folder: Path, ledger: Ledger, **changes: Any) -> ByKey:
    """A plan on a posted card, and Ada and Ben on the roster with their keys."""
    made = ByKey(folder=folder, ledger=ledger, plan=rehearsed(ledger, **changes))
    made.roster(entry("U0ADA"), entry("U0BEN"))
    assert previews.mark_pending(ledger, made.plan.id, POSTED) is None
    return made


def events(at: ByKey, tag: Tag) -> list[dict[str, Any]]:
    """The bodies of the events with this tag, oldest first."""
    with at.ledger.read() as session:
        query = select(AuditRow).where(AuditRow.tag == tag.value).order_by(col(AuditRow.seq))
        return [orjson.loads(row.body)["body"] for row in session.exec(query)]
