"""One incident's evidence as a file, and what the auditor says of itself as metrics. Behind the login."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import Field

from agents.auditor import export
from agents.auditor.anchors import outside
from agents.auditor.export import NothingToExport
from agents.auditor.keys import KeyProblem, Trust
from agents.auditor.notes import NotANote
from agents.auditor.pack import pack
from agents.ledger import sessions
from agents.ledger.store import Ledger
from midwatch.login.needs import needs, visit_of
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.web.moments import NotATime, moment
from midwatch.wiring import keys_of

if TYPE_CHECKING:
    from agents.auditor.watch import Auditor


def evidence(settings: Settings, ledger: Ledger) -> APIRouter:
    """The evidence pack of one incident."""
    router = APIRouter(dependencies=[needs(Role.APPROVER)])

    @router.get("/incidents/{number}/evidence.zip")
    def packed(request: Request, number: Annotated[int, Field(ge=0, lt=2**63)]) -> Response:
        try:
            content = pack(ledger, number, keys_of(settings), settings.anchor_file)
        except NothingToExport as problem:
            return PlainTextResponse(str(problem), status_code=404)
        except (KeyProblem, NotANote, OSError) as problem:
            return PlainTextResponse(f"keys or anchors cannot be read: {problem}", status_code=503)
        sessions.record_taken(ledger, visit_of(request).account, incident=number)
        named = {"Content-Disposition": f'attachment; filename="INC-{number}-evidence.zip"'}
        return Response(content, media_type="application/zip", headers=named)

    return router


def exported(settings: Settings, ledger: Ledger) -> APIRouter:
    """The record as lines of JSON that anybody can check, whole or from a time on."""
    router = APIRouter(dependencies=[needs(Role.APPROVER)])

    @router.get("/ledger/export.jsonl")
    def lines(request: Request, since: str = "") -> Response:
        try:
            start, trust = moment(since), outside(keys_of(settings), settings.anchor_file).trust
        except NotATime as problem:
            return PlainTextResponse(str(problem), status_code=422)
        except (KeyProblem, NotANote, OSError) as problem:
            return PlainTextResponse(f"keys or anchors cannot be read: {problem}", status_code=503)
        sessions.record_taken(ledger, visit_of(request).account, since=since)
        named = {"Content-Disposition": 'attachment; filename="midwatch-record.jsonl"'}
        return StreamingResponse(
            _lines(ledger, start, trust), media_type="application/x-ndjson", headers=named
        )

    return router


def _lines(ledger: Ledger, since: datetime | None, trust: Trust | None) -> Iterator[bytes]:
    with ledger.read() as session:
        yield from export.lines(session, export.since(session, since), trust)


def metrics(auditor: Auditor) -> APIRouter:
    """What to alert on: whether the record is whole, when that was last looked at, and how much is signed."""
    registry = CollectorRegistry()
    Gauge("midwatch_record_bent", "Things wrong with the record.", registry=registry).set_function(
        lambda: len(auditor.found)
    )
    Gauge(
        "midwatch_record_verified_timestamp_seconds", "When all was recomputed.", registry=registry
    ).set_function(lambda: auditor.last_at.timestamp() if auditor.last_at else 0.0)
    Gauge("midwatch_record_events", "Rows recomputed so far.", registry=registry).set_function(
        lambda: auditor.seen
    )
    Gauge("midwatch_record_signed_events", "Rows under a checkpoint.", registry=registry).set_function(
        lambda: auditor.signed
    )
    router = APIRouter(dependencies=[needs(Role.VIEWER)])

    @router.get("/metrics")
    def told() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
