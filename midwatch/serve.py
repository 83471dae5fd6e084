"""``midwatch serve``: intake, investigator, gatekeeper and pages in one process, the actor as a child."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import APIRouter, FastAPI

from agents.auditor.watch import watch
from agents.gatekeeper.signed import SigningDesk
from agents.ledger.errands import TO_DO, TO_TELL
from agents.ledger.lines import LANE as DIGEST
from agents.ledger.protocol import Agent
from agents.ledger.store import Ledger
from midwatch.channel import Channel
from midwatch.settings import Settings
from midwatch.settings_load import for_actor
from midwatch.web import decide
from midwatch.web.app import application
from midwatch.web.record import metrics
from midwatch.web.verdict import asking
from midwatch.wiring import auditor_of, bench_of, ledger_of, office_of, toolbox_of
from tools.queue.port import Handler, Job, Later, WorkOptions

if TYPE_CHECKING:
    from agents.gatekeeper.bench import Bench
    from agents.gatekeeper.office import Office

logger = logging.getLogger("midwatch.serve")
RESTART_S = 1.0
LONGEST_RESTART_S = 60.0
CHAT_AGAIN_S = 5.0
CARD_AGAIN_S = 15.0


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
        channel, bench = Channel(ledger=ledger), bench_of(settings, ledger)
        signing = decide.router(SigningDesk(bench=bench, look=channel.person))
        app = application(settings, ledger, metrics(auditor), asking(auditor), signing)
        lanes = await _investigator(settings, ledger, stack, stop)
        lanes += [_pages(settings, app, stop), _actor(settings, stop)]
        lanes.append(watch(auditor, channel, stop))
        lanes.append(_lane(ledger, Agent.GATEKEEPER, _looks(settings, channel, bench), stop))
        if settings.slack_mode != "off":
            lanes += _chat_lanes(settings, app, channel, stop)
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
) -> list[Any]:
    from agents.investigator import errands
    from agents.investigator.checkpoints import checkpointer
    from agents.investigator.graph import build
    from agents.investigator.work import advance

    graph = build(await stack.enter_async_context(checkpointer(settings.database_url)))
    box = await stack.enter_async_context(toolbox_of(settings, ledger))

    async def look(job: Job) -> None:
        await advance(graph, box, job.incident)

    async def do(job: Job) -> None:
        await errands.run(box, job.incident)

    # Beside incidents and never before them: what people are curious about gets one worker of its own.
    errand = ledger.queue.work(TO_DO, do, WorkOptions(stop=stop, concurrency=1))
    return [_lane(ledger, Agent.INVESTIGATOR, look, stop), errand]


def _chat_lanes(settings: Settings, app: FastAPI, channel: Channel, stop: asyncio.Event) -> list[Any]:
    from agents.gatekeeper import digest, errands

    answers = _lane(channel.ledger, TO_TELL, _in_chat(channel, errands.tell), stop)
    digests = _lane(channel.ledger, DIGEST, _in_chat(channel, digest.tell), stop)
    return [_chat(settings, app, channel, stop), answers, digests]


async def _chat(settings: Settings, app: FastAPI, channel: Channel, stop: asyncio.Event) -> None:
    """Wait for the chat if need be, and let clicks in until the end.

    Alerts are taken in, looked into and shown on the pages meanwhile; plans expire, or are signed by key.
    """
    from agents.gatekeeper.attendance import keep_up
    from tools.slack import SlackError

    async with AsyncExitStack() as stack:
        while channel.office is None and not stop.is_set():
            try:
                office = await office_of(settings, channel.ledger)
                for route in await _counter(settings, office, stack):
                    app.include_router(route)
                channel.office = office
            except SlackError as problem:
                logger.warning("no chat yet, trying again in %g s: %s", CHAT_AGAIN_S, problem)
                channel.tried.set()
                await _pause(stop, CHAT_AGAIN_S)
        channel.tried.set()
        if channel.office is not None:
            await keep_up(channel.office, stop)


def _looks(settings: Settings, channel: Channel, bench: Bench) -> Handler:
    """What the gatekeeper does about one incident: with the chat, or what can be done without it."""
    from agents.gatekeeper.away import go_on, keep_watch

    if settings.slack_mode == "off":
        channel.tried.set()

    async def look(job: Job) -> None:
        await channel.tried.wait()
        if channel.office is not None:
            await keep_watch(channel.office, job.incident)
            return
        await asyncio.to_thread(go_on, bench, job.incident)
        if settings.slack_mode != "off":
            # The job stays, for its card is still to be posted.
            raise Later(CARD_AGAIN_S, "there is no chat yet")

    return look


def _in_chat(channel: Channel, tell: Callable[[Office, int], Awaitable[None]]) -> Handler:
    """What is only told in the chat, once there is one."""

    async def look(job: Job) -> None:
        if channel.office is None:
            raise Later(CHAT_AGAIN_S, "there is no chat yet")
        await tell(channel.office, job.incident)

    return look


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


def _lane(ledger: Ledger, lane: str, look: Handler, stop: asyncio.Event) -> Any:
    return ledger.queue.work(str(lane), look, WorkOptions(stop=stop, concurrency=4))
