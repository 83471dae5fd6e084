"""Fresh uids and generated names, repeatable when a seed is given."""

from __future__ import annotations

import random
import uuid

# The alphabet of apimachinery's rand.SafeEncodeString: no vowels, so that no words appear.
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


class Identities:
    """The source of every uid and generated name of one store."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets

    def uid(self) -> str:
        """A new uid (RFC 4122, version 4)."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def name(self, prefix: str) -> str:
        """``prefix`` and five safe characters, as generateName makes them; at most 63 characters."""
        return prefix[:58] + "".join(self._random.choice(_SAFE) for _ in range(5))
