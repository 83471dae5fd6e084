"""The values the API server fills in when a client leaves them out (pkg/apis/*/defaults.go, the common
part).
"""

from __future__ import annotations

from evals.world.kubernetes.kinds import Kind
from evals.world.kubernetes.objects import JsonObject


def apply_defaults(kind: Kind, obj: JsonObject) -> None:
    """Complete ``obj`` in place."""
