"""``midwatch serve``: intake, investigator, gatekeeper and pages in one process, the actor as a child."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import APIRouter, FastAPI

from agents.auditor.watch import watch
from agents.ledger import moves
from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger
from midwatch.channel import Channel
from midwatch.settings import Settings
from midwatch.settings_load import for_actor
from midwatch.web.app import application
from midwatch.web.record import metrics
from midwatch.web.verdict import asking
from midwatch.wiring import auditor_of, ledger_of, office_of, toolbox_of
from tools.queue.port import Handler, Job, WorkOptions

if TYPE_CHECKING:
    from agents.gatekeeper.office import Office

logger = logging.getLogger("midwatch.serve")
RESTART_S = 1.0
LONGEST_RESTART_S = 60.0
CHAT_AGAIN_S = 5.0


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a lane that fails for good ends the process."""
    # An investigation that computes in its thread gives way to the webhook five times as soon as usual.
    sys.setswitchinterval(0.001)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    ledger = await asyncio.to_thread(ledger_of, settings)
    async with AsyncExitStack() as stack:
        stack.callback(ledger.close)
        auditor = auditor_of(settings, ledger)
        app = application(settings, ledger, metrics(auditor), asking(auditor))
        lanes = [await _investigator(settings, ledger, stack, stop)]
        lanes += [_pages(settings, app, stop), _actor(settings, stop)]
        channel = Channel(ledger=ledger)
        lanes.append(watch(auditor, channel, stop))
        if settings.slack_mode != "off":
            lanes.append(_gatekeeper(settings, app, channel, stop))
        else:
            lanes.append(_lane(ledger, Agent.GATEKEEPER.value, _expiry(ledger), stop))
        tasks = [asyncio.create_task(lane) for lane in lanes]
        # Half a Midwatch is worse than none: alerts would be taken in that nobody looks at.
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            task.result()


async def _pages(settings: Settings, app: FastAPI, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_level="warning",
        # Into our log and through its redaction: uvicorn's own handlers would print tracebacks as they are.
        log_config=None,
        # Whoever connects is who it is: uvicorn would believe any X-Forwarded-For that comes over loopback,
        # and a login by proxy hangs on the address.
        proxy_headers=False,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    # Signals are ours: uvicorn would otherwise swallow the one that must stop every lane.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    app.state.live.close()
    server.should_exit = True
    waiting.cancel()
    await serving


async def _actor(settings: Settings, stop: asyncio.Event) -> None:
    """Keep one actor process running; it gets its own settings and nothing else of ours."""
    # Named one by one: the environment of `serve` holds the chat's and the model's secrets.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    loop, pause = asyncio.get_running_loop(), RESTART_S / 2
    while not stop.is_set():
        began = loop.time()
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "midwatch", "actor", "--leashed"),
            env=environment | for_actor(settings),
            stdin=asyncio.subprocess.PIPE,
        )
        ended = asyncio.create_task(child.wait())
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if stop.is_set():
            child.terminate() if child.returncode is None else None
            await ended
            return
        # One that cannot start (no kubeconfig yet) must fill neither the log nor a processor.
        pause = RESTART_S if loop.time() - began > LONGEST_RESTART_S else min(pause * 2, LONGEST_RESTART_S)
        logger.error("the actor ended with %s and is started again in %g s", child.returncode, pause)
        await _pause(stop, pause)


async def _investigator(
    settings: Settings, ledger: Ledger, stack: AsyncExitStack, stop: asyncio.Event
) -> Any:
    from agents.investigator.checkpoints import checkpointer
    from agents.investigator.graph import build
    from agents.investigator.work import advance

    graph = build(await stack.enter_async_context(checkpointer(settings.database_url)))
    box = await stack.enter_async_context(toolbox_of(settings, ledger))

    async def look(job: Job) -> None:
        await advance(graph, box, job.incident)

    return _lane(ledger, Agent.INVESTIGATOR.value, look, stop)


async def _gatekeeper(settings: Settings, app: FastAPI, channel: Channel, stop: asyncio.Event) -> None:
    """Wait for the chat if need be, let clicks in, and work the lane.

    Alerts are taken in, looked into and shown on the pages meanwhile; plans wait and expire.
    """
    from agents.gatekeeper.digest import tell
    from agents.gatekeeper.posting import advance
    from agents.ledger.lines import LANE as DIGEST
    from tools.slack import SlackError

    async with AsyncExitStack() as stack:
        office = None
        while office is None and not stop.is_set():
            try:
                office = await office_of(settings, channel.ledger)
                for route in await _counter(settings, office, stack):
                    app.include_router(route)
            except SlackError as problem:
                office = None
                logger.warning("no chat yet, trying again in %g s: %s", CHAT_AGAIN_S, problem)
                await _pause(stop, CHAT_AGAIN_S)
        if office is None:
            return
        channel.office = office

        async def look(job: Job) -> None:
            await advance(office, job.incident)

        async def digest(job: Job) -> None:
            await tell(office, job.incident)

        await asyncio.gather(
            _lane(channel.ledger, Agent.GATEKEEPER.value, look, stop),
            _lane(channel.ledger, DIGEST, digest, stop),
        )


async def _counter(settings: Settings, office: Office, stack: AsyncExitStack) -> list[APIRouter]:
    """Let clicks in, by the one way that was chosen; the routes that this needs. Raises SlackError."""
    from agents.gatekeeper.counter import counter, listen
    from midwatch.web.slack import Gate, router

    secret = settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else ""
    app = counter(office, secret)
    if settings.slack_mode == "http":
        return [router(Gate.before(app, secret, office.ledger))]
    if settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        stack.push_async_callback(await listen(app, token, office.slack))
    return []


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping], timeout=seconds)
    stopping.cancel()


def _expiry(ledger: Ledger) -> Handler:
    """Without a chat nobody can sign: all that is left of the gatekeeper's work is that plans expire."""

    async def look(job: Job) -> None:
        await asyncio.to_thread(moves.expire_due, ledger, job.incident)

    return look


def _lane(ledger: Ledger, lane: str, look: Handler, stop: asyncio.Event) -> Any:
    return ledger.queue.work(lane, look, WorkOptions(stop=stop, concurrency=4))
