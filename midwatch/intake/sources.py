"""Which source addresses have sent too many wrong credentials lately (threat T1).

A table of our own and no library for it: the one that is known for this keeps a thread of its own
awake, believes the wall clock, and remembers as many addresses as somebody cares to send from.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

WRONG_TRIES = 20
WINDOW_S = 60.0
MOST_SOURCES = 4096
# Whoever has one IPv6 address has the 2^64 of its network (RFC 4291, section 2.5.4).
_IPV6_NETWORK = 64


class WrongTries:
    """The times of the last wrong credentials of each source, on a clock that never goes back.

    Bounded: of a source no more than the tries that shut it out, and no more sources than
    ``MOST_SOURCES``; beyond that the one that has been quiet for longest is forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._tries)

    def shut_out_for(self, address: str) -> float:
        """Seconds until a credential of this address is looked at again; 0 when it is now."""
        tries = self._tries.get(_source(address))
        if tries is None or len(tries) <= WRONG_TRIES:
            return 0.0
        return max(0.0, tries[0] + WINDOW_S - self._clock())

    def note(self, address: str) -> None:
        """This address sent a wrong credential."""
        source = _source(address)
        tries = self._tries.setdefault(source, deque(maxlen=WRONG_TRIES + 1))
        tries.append(self._clock())
        self._tries.move_to_end(source)
        if len(self._tries) > MOST_SOURCES:
            self._tries.popitem(last=False)


def _source(address: str) -> str:
    """What is counted as one: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        at = ipaddress.ip_address(address)
    except ValueError:
        # A socket that is no internet address has one name for everybody behind it.
        return address
    if isinstance(at, ipaddress.IPv4Address):
        return str(at)
    if at.ipv4_mapped is not None:
        return str(at.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(at), _IPV6_NETWORK), strict=False))
