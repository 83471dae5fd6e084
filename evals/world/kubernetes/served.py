"""Which kinds the server has at the moment: its own, and those that were defined and established."""

from __future__ import annotations

from evals.world.kubernetes.kinds import KINDS, Kind
from evals.world.kubernetes.objects import dig, name_of
from evals.world.kubernetes.store import Store


def served(store: Store) -> list[Kind]:
    """Every kind that requests can be about now."""
    defined = {
        name_of(each)
        for each in store.peek("customresourcedefinitions")
        if any(
            (one.get("type"), one.get("status")) == ("Established", "True")
            for one in dig(each, "status", "conditions") or ()
        )
    }
    return [kind for kind in KINDS.values() if not kind.custom or kind.qualified in defined]
