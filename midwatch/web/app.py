"""The web application: pages behind a login, the webhook in front of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse

from agents.ledger import incidents
from agents.ledger.store import Ledger
from midwatch.intake.body import BodyReader
from midwatch.intake.credential import Credential
from midwatch.intake.http import Intake, router
from midwatch.intake.writer import GroupCommit
from midwatch.login.door import Door
from midwatch.login.needs import needs
from midwatch.login.openid import ways_of
from midwatch.login.roles import Role
from midwatch.login.visits import Visits
from midwatch.logs import SHOWN_ONCE
from midwatch.settings import Settings
from midwatch.web.frame import Shown, shown_over, themes
from midwatch.web.grading import grading
from midwatch.web.guard import Guard
from midwatch.web.incident import incident
from midwatch.web.insights import router as insights
from midwatch.web.installation import router as installation
from midwatch.web.knowledge import analyzers, runbooks
from midwatch.web.ledger import router as record
from midwatch.web.listing import listing
from midwatch.web.live import Live
from midwatch.web.live import router as live
from midwatch.web.login import Entrance
from midwatch.web.login import router as door_of
from midwatch.web.models import router as models
from midwatch.web.plans import plans
from midwatch.web.problems import tell_problems
from midwatch.web.record import evidence, exported
from midwatch.web.rights import router as rights
from midwatch.web.static import Static
from midwatch.wiring import breaker_of, verdict_file_of

logger = logging.getLogger("midwatch.web")
HERE = Path(__file__).parent


def application(settings: Settings, ledger: Ledger, *more: APIRouter) -> FastAPI:
    """The application over one ledger; its lifespan owns the intake's writer. ``more`` are routes beside."""
    door, token = Door.of(settings.state_dir)
    if token:
        address = f"{settings.public_url}/login?token={token}"
        logger.warning("open %s (shown this once)", address, extra=SHOWN_ONCE)
    writer = GroupCommit(partial(incidents.accept, ledger), limit=settings.intake_queue_limit)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with writer:
            yield

    app = FastAPI(title="Midwatch", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", Static(), name="static")
    # Whoever stops the server closes it first: open streams would keep it waiting.
    app.state.live = Live(ledger)
    intake = Intake(
        credential=Credential.of(settings),
        reader=BodyReader(settings.intake_max_bytes),
        writer=writer,
        clock=partial(datetime.now, UTC),
        source=settings.cluster_name,
    )
    app.include_router(router(intake))
    shown = shown_over(ledger)
    for routes in (live(app.state.live), *_pages(settings, ledger, shown), *more):
        app.include_router(routes)
    tell_problems(app, shown)
    visits = Visits.of(settings, ledger, door)
    app.include_router(door_of(Entrance(visits=visits, ways=ways_of(settings))))
    app.add_middleware(Guard, visits=visits)

    @app.get("/-/ready")
    async def ready() -> PlainTextResponse:
        return PlainTextResponse("ready")

    # By hand and not by `openapi_url`: what describes every door is for those who may open them all.
    @app.get("/openapi.json", dependencies=[needs(Role.ADMIN)])
    async def described() -> dict[str, object]:
        return app.openapi()

    return app


def _pages(settings: Settings, ledger: Ledger, shown: Shown) -> tuple[APIRouter, ...]:
    """Every page and what is taken from one; each says itself which role it asks for."""
    return (
        listing(ledger, shown),
        plans(settings, ledger, shown),
        incident(settings, ledger, shown),
        themes(secure=settings.public_url.startswith("https:")),
        evidence(settings, ledger),
        record(ledger, verdict_file_of(settings), shown),
        exported(settings, ledger),
        rights(settings, shown),
        grading(ledger),
        insights(ledger, shown),
        installation(settings, ledger, shown),
        runbooks(ledger, shown),
        analyzers(settings, ledger, shown),
        models(ledger, breaker_of(settings), shown),
    )
