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

from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger
from midwatch.settings import Settings
from midwatch.settings_load import for_actor
from midwatch.web.app import application
from midwatch.wiring import ledger_of, office_of, toolbox_of
from tools.queue.port import Handler, Job, WorkOptions

if TYPE_CHECKING:
    from agents.gatekeeper.office import Office

logger = logging.getLogger("midwatch.serve")
RESTART_S = 1.0


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a lane that fails for good ends the process."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    ledger = await asyncio.to_thread(ledger_of, settings)
    async with AsyncExitStack() as stack:
        stack.callback(ledger.close)
        routes: list[APIRouter] = []
        lanes = [_actor(settings, stop), await _investigator(settings, ledger, stack, stop)]
        if settings.slack_mode != "off":
            office = await office_of(settings, ledger)
            routes += await _counter(settings, office, stack)
            lanes.append(_gatekeeper(office, stop))
        lanes.append(_pages(settings, application(settings, ledger, *routes), stop))
        tasks = [asyncio.create_task(lane) for lane in lanes]
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
        lifespan="on",
    )
    server = uvicorn.Server(config)
    # Signals are ours: uvicorn would otherwise swallow the one that must stop every lane.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    await serving


async def _actor(settings: Settings, stop: asyncio.Event) -> None:
    """Keep one actor process running; it gets its own settings and nothing else of ours."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    while not stop.is_set():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "midwatch", "actor", env=environment | for_actor(settings)
        )
        ended = asyncio.create_task(child.wait())
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if stop.is_set():
            child.terminate() if child.returncode is None else None
            await ended
            return
        logger.error("the actor ended with %s and is started again", child.returncode)
        await asyncio.sleep(RESTART_S)


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

    return _lane(ledger, Agent.INVESTIGATOR, look, stop)


async def _counter(settings: Settings, office: Office, stack: AsyncExitStack) -> list[APIRouter]:
    """Let clicks in, by the one way that was chosen; the routes that this needs."""
    from agents.gatekeeper.counter import counter
    from midwatch.web.slack import Gate, router

    secret = settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else ""
    app = counter(office, secret)
    if settings.slack_mode == "http":
        return [router(Gate.before(app, secret, office.ledger))]
    if settings.slack_app_token is not None:
        from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

        handler: Any = AsyncSocketModeHandler(
            app, settings.slack_app_token.get_secret_value(), web_client=office.slack.client
        )
        await handler.connect_async()
        stack.push_async_callback(handler.close_async)
    return []


def _gatekeeper(office: Office, stop: asyncio.Event) -> Any:
    from agents.gatekeeper.posting import advance

    async def look(job: Job) -> None:
        await advance(office, job.incident)

    return _lane(office.ledger, Agent.GATEKEEPER, look, stop)


def _lane(ledger: Ledger, agent: Agent, look: Handler, stop: asyncio.Event) -> Any:
    return ledger.queue.work(agent.value, look, WorkOptions(stop=stop, concurrency=4))
