"""One active plan an object (invariant I9): who holds which object, from the draft until the end.

The rows are unique by object, so of two plans that reach for one at the same moment one fails.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from agents.incident import Plan
from agents.ledger.store import Transaction
from agents.ledger.tables import ObjectLockRow


def objects_of(plan: Plan) -> list[str]:
    """The objects of a plan, by cluster and name.

    Without the uid: a namesake that was created meanwhile is just as busy.
    """
    return sorted({f"{plan.cluster_uid}|{'|'.join(step.target.key)}" for step in plan.steps})


def holders(session: Session, plan: Plan) -> list[str]:
    """The other plans that hold an object of this one."""
    rows = select(ObjectLockRow.plan_id).where(col(ObjectLockRow.object).in_(objects_of(plan)))
    return sorted({plan_id for plan_id in session.exec(rows) if plan_id != plan.id})


def hold(tx: Transaction, plan: Plan) -> None:
    """Take the plan's objects; those that it holds already stay as they are.

    Nobody else may hold one: who holds is asked before, in the same transaction.
    """
    for name in objects_of(plan):
        row = tx.session.get(ObjectLockRow, name)
        if row is None:
            tx.session.add(ObjectLockRow(object=name, plan_id=plan.id))
        elif row.plan_id != plan.id:
            raise AssertionError(f"{name} is held by plan {row.plan_id}")
    tx.session.flush()


def let_go(tx: Transaction, plan_id: str) -> None:
    """Give back every object that the plan holds."""
    for row in tx.session.exec(select(ObjectLockRow).where(ObjectLockRow.plan_id == plan_id)):
        tx.session.delete(row)
    tx.session.flush()
