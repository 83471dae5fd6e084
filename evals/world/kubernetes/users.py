"""The people and accounts of a pretend cluster: an administrator, and the accounts of the manifests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.world.kubernetes.rbac import Rule, User
from evals.world.kubernetes.roles import documents_in, rules_of

MANIFESTS = Path(__file__).parents[3] / "deploy" / "rbac"
"""The manifests that an installation applies: the accounts here may do what those say, and no more."""

WALL = (MANIFESTS.parent / "admission" / "actor.yaml",)
"""The admission policy that an installation applies beside them."""

HOME = "midwatch"
_STANDARD = ("reader.yaml", "actor.yaml", "gatekeeper.yaml")
WHOLE = (*_STANDARD, "actor-optional.yaml")
"""With the rights that an installation may leave out."""
_GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{HOME}", "system:authenticated")


def standard_users(
    secret: str = "", files: Sequence[str] = _STANDARD, namespace: str = ""
) -> tuple[User, ...]:
    """``admin`` (everything) and the product's accounts, with the rights that ``files`` give them.

    ``secret`` is mixed into the tokens so that they cannot be guessed where that matters; ``namespace`` is
    where Roles are applied.
    """
    suffix = f"-{secret}" if secret else ""
    everything = Rule(api_groups=("*",), resources=("*",), verbs=("*",))
    admin = User(name="admin", token=f"admin-token{suffix}", groups=("system:masters",), rules=(everything,))
    documents = documents_in((MANIFESTS / name for name in files), namespace)
    accounts = (
        User(
            name=f"system:serviceaccount:{HOME}:{name}",
            token=f"{name}-token{suffix}",
            groups=_GROUPS,
            rules=rules_of(documents, (HOME, name)),
        )
        for name in ("reader", "actor", "gatekeeper")
    )
    return (admin, *accounts)
