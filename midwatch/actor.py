"""``midwatch actor``: the only process that can change a cluster, and all it does is its lane."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys

from agents.actor.work import advance
from agents.ledger.protocol import Agent
from midwatch.settings import Settings
from midwatch.wiring import hands_of, ledger_of
from tools.queue.port import Job, WorkOptions


async def run(settings: Settings, *, leashed: bool = False) -> None:
    """Work the actor's lane until SIGTERM or SIGINT; ``leashed``, also until standard input closes.

    ``serve`` holds the other end of that pipe: when it is killed, the kernel closes it, and no
    actor stays behind that nobody watches.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if leashed:
        # Nothing is ever written to it: readable means closed.
        loop.add_reader(sys.stdin.fileno(), stop.set)
    ledger = await asyncio.to_thread(ledger_of, settings)
    # A pid alone comes again: after a restart the ledger must not take us for the owner of an old claim.
    actor_id = f"actor-{os.getpid()}-{secrets.token_hex(4)}"
    hands = await asyncio.to_thread(hands_of, settings, ledger, actor_id)

    async def look(job: Job) -> None:
        await asyncio.to_thread(advance, hands, job.incident)

    try:
        # Two at a time: a slow API server for one incident does not hold up the change of another.
        await ledger.queue.work(Agent.ACTOR.value, look, WorkOptions(stop=stop, concurrency=2))
    finally:
        if leashed:
            loop.remove_reader(sys.stdin.fileno())
        hands.close()
        ledger.close()
