"""One plan in a real ledger, driven at random; the state of the proofs' model is measured beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from agents.gatekeeper.clicks import Click, Home, Person, Question, Refusal, admissible
from agents.incident import Approver, Decision, Plan, Preview, Verdict
from agents.ledger import decisions, executions, incidents, investigations, moves, previews, store
from agents.ledger.executions import Answer, Claim, NotOurs
from agents.ledger.lines import MOST_ASKING
from agents.ledger.moves import TYPED_DIGITS
from agents.ledger.protocol import Agent, Objection, PlanState
from agents.ledger.roster import Entry, Roster
from agents.ledger.store import Ledger
from tests.contracts.conftest import HandClock
from tests.support.model_state import Measured
from tests.support.plans import a_decision, a_delivery, a_plan, a_step, an_alert

PEOPLE = tuple(
    Approver(team_id="T0OURS", user_id=f"U0{name}") for name in ("ADA", "BEN", "REQ", "EVE", "ADA2")
)
REQUESTER, OUTSIDER, ALIAS = 2, 3, 4
HOME = Home(app_id="A1", team_id="T0OURS")
FULL = "CFULL"
"""The channel in which as many plans wait for a signature as may."""
ENDS = (PlanState.SUCCEEDED, PlanState.FAILED, PlanState.PARTIAL, PlanState.STALE, PlanState.UNKNOWN)


def unguarded(ledger: Ledger, *triggers: str) -> None:
    """Let this test rewrite rows, plans at least, as somebody with the database in hand could."""
    with ledger.writer.begin() as connection:
        for trigger in triggers or ("plan_no_update",):
            connection.execute(text(f"DROP TRIGGER {trigger}"))


def hurried(ledger: Ledger) -> None:
    """Commits that do not wait for the disk: for tests in which nothing is killed. SQLite only."""
    raw = ledger.writer.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF")
    raw.close()


@dataclass(kw_only=True)
class Driven(Measured):
    """A plan, what was done to it, and the ways to do more. Every way answers an objection's name or ''."""

    # ---- what the ledger is asked ----
    def draft(self) -> str:
        answer = investigations.draft(self.ledger, self.lease, self.plan, "why")
        if isinstance(answer, Objection):
            return answer.name
        # Who only asked for the object gave way.
        self.rival = None
        return ""

    def rehearse(self) -> str:
        shown = Preview(plan_id=self.plan.id, at=self.clock(), diffs=("d",), dry_run_digest="a" * 64)
        return _name(previews.store_preview(self.ledger, shown))

    def turn_down(self) -> str:
        return _name(previews.refuse_draft(self.ledger, self.plan.id, "no"))

    def post(self) -> str:
        posted = previews.Posted(channel_id=self.channel, message_ts="1.1", card_digest="c")
        return _name(previews.mark_pending(self.ledger, self.plan.id, posted))

    @property
    def channel(self) -> str:
        """One of its own: how many plans wait in it is what this driver says."""
        return f"C{self.plan.id}" if self.room else FULL

    def approve(self, person: int) -> str:
        return self._decide(person, Verdict.APPROVE)

    def deny(self, person: int) -> str:
        return self._decide(person, Verdict.DENY)

    def _decide(self, person: int, verdict: Verdict) -> str:
        who = PEOPLE[person]
        against = self._not_entitled(who, verdict)
        if against is not None:
            return against.name
        decision = a_decision(
            self.plan,
            self.clock(),
            approver=who,
            verdict=verdict,
            request={
                "typed": self.plan.digest[:TYPED_DIGITS] if self.typed else "",
                "human": self._roster().human(who),
            },
        )
        answer = decisions.decide(self.ledger, decision)
        if isinstance(answer, Objection):
            return answer.name
        self.yes[person] = self.yes[person] or verdict is Verdict.APPROVE
        self.denied = self.denied or verdict is Verdict.DENY
        return ""

    def _not_entitled(self, who: Approver, verdict: Verdict) -> Refusal | None:
        # Judged as of a moment when the plan waited: all that changed since is the ledger's to find.
        question = Question(
            plan=self.plan, state=PlanState.PENDING, channel_id=self.channel, message_ts="1.1", home=HOME
        )
        click = Click(
            verdict=verdict,
            plan_id=self.plan.id,
            app_id=HOME.app_id,
            team_id=HOME.team_id,
            enterprise_id=None,
            user_id=who.user_id,
            user_team_id=who.team_id,
            channel_id=self.channel,
            message_ts="1.1",
        )
        flags = ("is_bot", "is_app_user", "is_workflow_bot", "is_guest", "is_stranger", "deleted")
        person = Person(id=who.user_id, team_id=who.team_id, **dict.fromkeys(flags, False))
        return admissible(click, question, (person, self._roster()), self.plan.pending_until)

    def _roster(self) -> Roster:
        on = [who for who, entitled in zip(PEOPLE, self.right, strict=True) if entitled]
        all_tiers = {"tiers": frozenset({1, 2, 3}), "namespaces": frozenset({"*"})}
        return Roster(
            approvers=tuple(
                Entry(user_id=who.user_id, team_id=who.team_id, person=_human(who), **all_tiers) for who in on
            )
        )

    def _still_valid(self, plan: Plan, decision: Decision) -> bool:
        return self._roster().may(decision.approver, plan)

    def expire(self) -> str:
        moves.expire_due(self.ledger, self.lease.incident)
        return ""

    def cancel(self) -> str:
        with self.ledger.write() as tx:
            moves.cancel_open_plans(tx, self.lease.incident, "over")
        return ""

    def supersede(self) -> str:
        """The same incident's plan for something else; it is of no account and ends at once."""
        steps = (a_step(name=f"{self.plan.steps[0].name}-instead"),)
        nonce = f"{next(_numbers):032x}"
        newer = a_plan(self.clock(), incident=self.plan.incident, nonce=nonce, steps=steps)
        assert investigations.draft(self.ledger, self.lease, newer, "newer") == newer.id
        return _name(previews.refuse_draft(self.ledger, newer.id, "no"))

    def find_stale(self) -> str:
        return _name(executions.turn_away(self.ledger, self.plan.id, "stale"))

    def quarantine(self) -> str:
        with self.ledger.write() as tx:
            moves.quarantine(tx, self.plan.id)
        return ""

    def claim(self, actor: int) -> str:
        answer = executions.claim(self.ledger, self.plan.id, f"actor-{actor}", self._still_valid)
        if isinstance(answer, Objection):
            return answer.name
        self.claims[actor] = answer
        return ""

    def intend(self, actor: int) -> str:
        held = self._claim_of(actor)
        return self._owning(lambda: executions.intend(self.ledger, held, self.intents + 1, "b" * 64), 1)

    def answer(self, actor: int) -> str:
        said = Answer(http_status=200, outcome="applied")
        held = self._claim_of(actor)
        return self._owning(lambda: executions.answered(self.ledger, held, self.intents, said))

    def finish(self, actor: int, end: PlanState) -> str:
        held = self._claim_of(actor)
        against = self._owning(lambda: executions.finish(self.ledger, held, end, "over"))
        if end is PlanState.UNKNOWN and not against:
            self.given_up_at = self.clock()
        return against

    def _claim_of(self, actor: int) -> Claim:
        """The actor's claim, or what it would hold after somebody else's attempt took its place."""
        if actor in self.claims:
            return self.claims[actor]
        held = next(iter(self.claims.values()))
        return Claim(**{**vars(held), "attempt_id": "another", "actor_id": f"actor-{actor}"})

    def _owning(self, work: Callable[[], Objection | None], intents: int = 0) -> str:
        try:
            answer = work()
        except NotOurs as refused:
            return _name(Objection(str(refused)))
        self.intents += intents
        return _name(answer)

    def give_up(self) -> str:
        return _name(executions.give_up(self.ledger, self.plan.id, "no word"))

    def say_done(self) -> str:
        return _name(executions.conclude(self.ledger, self.plan.id, PlanState.SUCCEEDED, "read"))

    def say_undone(self) -> str:
        return _name(executions.conclude(self.ledger, self.plan.id, PlanState.NOT_APPLIED, "read"))

    # ---- the world ----
    def halt(self, halted: bool) -> None:
        self.halted = halted
        store.set_halt(self.ledger, halted=halted, by="ada", reason="drill")

    def tamper(self) -> None:
        self.tampered = True
        with self.ledger.writer.begin() as connection:
            evil = self.plan.canonical().replace(b"r/checkout:", b"r/backdoor:")
            found = {"c": evil, "id": self.plan.id}
            connection.execute(text("UPDATE plan SET canonical = :c WHERE id = :id"), found)

    def rival_comes(self, same: bool) -> str:
        """Another incident's plan for the same objects is drafted: the very same change, or another one."""
        other = unsaid(self.ledger, self.clock, self.plan.steps[0].name, 1)
        image = {"/spec/template/spec/containers/0/image": "r/checkout:7"}
        steps = tuple(step if same else step.model_copy(update={"set": image}) for step in self.plan.steps)
        other.plan = other.plan.model_copy(update={"steps": steps})
        against = other.draft()
        self.rival = None if against else other
        return against

    def rival_works(self) -> None:
        assert self.rival is not None
        steps = (
            self.rival.rehearse,
            self.rival.post,
            lambda: self.rival.approve(0),
            lambda: self.rival.claim(0),
        )
        assert [step() for step in steps] == [""] * len(steps)

    def rival_goes(self) -> None:
        assert self.rival is not None
        to = PlanState.FAILED if self.rival.claims else PlanState.CANCELLED
        with self.ledger.write() as tx:
            assert moves.move(tx, moves.Move(plan_id=self.rival.plan.id, to=to, by=Agent.ACTOR)) is None
        self.rival = None

    def leave(self) -> None:
        """Nothing of this trace stays in force for the next one."""
        if self.halted:
            self.halt(False)


def _human(who: Approver) -> str:
    return "ada" if who in {PEOPLE[0], PEOPLE[ALIAS]} else ""


def _name(objection: Objection | None) -> str:
    return "" if objection is None else objection.name


_numbers = iter(range(1, 1_000_000))


def unsaid(ledger: Ledger, clock: HandClock, name: str, approvals: int, **changes: Any) -> Driven:
    """A plan for an incident of its own that was not drafted yet; ``changes`` are the plan's."""
    number = next(_numbers)
    alert = an_alert(clock(), fingerprint=f"f{number}")
    (told,) = incidents.accept(ledger, [a_delivery(clock(), alert, group_key=f"g{number}")])
    lease = investigations.take(ledger, told.incident or 0, "the test", 10**7)
    assert lease is not None
    values: dict[str, Any] = {
        "incident": f"INC-{lease.incident}",
        "nonce": f"{number:032x}",
        "requester": PEOPLE[REQUESTER].user_id,
        "approvals_needed": approvals,
        "tier": 3 if approvals == 2 else 1,
        "steps": (a_step(name=name), a_step(name=f"{name}-too")),
    }
    return Driven(ledger=ledger, clock=clock, plan=a_plan(clock(), **(values | changes)), lease=lease)


def planned(ledger: Ledger, clock: HandClock, name: str, approvals: int, **changes: Any) -> Driven:
    """The same as a draft."""
    driven = unsaid(ledger, clock, name, approvals, **changes)
    assert driven.draft() == ""
    return driven


def crowd(ledger: Ledger, clock: HandClock) -> None:
    """Fill the channel ``FULL``."""
    for number in range(MOST_ASKING):
        driven = planned(ledger, clock, f"crowd-{number}", 1)
        driven.room = False
        assert (driven.rehearse(), driven.post()) == ("", "")
