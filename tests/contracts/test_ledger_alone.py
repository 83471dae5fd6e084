"""No click can meet "the plan changed meanwhile": nobody else writes between its look and its word.

The comparison in ``moves.move`` stays for everybody who reads before they are alone.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError

from agents.incident import Plan
from agents.ledger import decisions, edits
from agents.ledger.engine import normal_url
from agents.ledger.store import Ledger
from agents.ledger.tables import ChainHeadRow
from tests.contracts.conftest import HandClock
from tests.contracts.test_ledger_plans import pending
from tests.support.plans import ADA, a_decision, a_plan, a_step


def somebody_may_write(url: str) -> bool:
    """Whether another process could begin to move a plan at this very moment; it does not wait."""
    lite = url.startswith("sqlite")
    wants = "BEGIN IMMEDIATE" if lite else f"SELECT 1 FROM {ChainHeadRow.__tablename__} FOR UPDATE NOWAIT"
    other = create_engine(normal_url(url), connect_args={"timeout": 0} if lite else {})
    try:
        with other.connect() as connection:
            connection.exec_driver_sql(wants)
            return True
    except OperationalError:
        return False
    finally:
        other.dispose()


def decided(ledger: Ledger, plan: Plan, clock: HandClock) -> object:
    return decisions.decide(ledger, a_decision(plan, clock()))


def edited(ledger: Ledger, plan: Plan, clock: HandClock) -> object:
    image = {"/spec/template/spec/containers/0/image": "r/checkout:7"}
    new = a_plan(clock(), steps=(a_step(set=image),), supersedes=plan.id, requester=ADA.user_id)
    return edits.edit(ledger, new, ADA, "edited")


@pytest.mark.parametrize("word", [decided, edited])
def test_from_the_look_at_a_plan_to_the_word_on_it_nobody_else_writes(
    ledger: Ledger, clock: HandClock, word: Callable[[Ledger, Plan, HandClock], object]
) -> None:
    plan = pending(ledger, clock)
    assert somebody_may_write(ledger.url)
    found: list[bool] = []

    def looks(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM proposal" in statement:
            found.append(somebody_may_write(ledger.url))

    event.listen(ledger.writer, "before_cursor_execute", looks)
    word(ledger, plan, clock)
    assert found
    assert not any(found)
