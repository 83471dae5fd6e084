"""Every route of the program: what is open is in one short list, what is not says which role it needs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import schemathesis
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from starlette.routing import BaseRoute

from evals.world.wire import BackgroundServer, Listen
from midwatch.login.needs import Needs
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.web.record import metrics
from midwatch.web.verdict import asking
from tests.support.door import HTML, Visitor, visitor
from tests.support.record import Record, record_in, told_whole

OPEN = {"/-/ready", "/login", "/login/{way}", "/login/{way}/callback", "/alertmanager"}
"""What brings a credential of its own, or is the door; in HTTP mode ``/slack/events`` too."""
ENDLESS = {"/live"}
"""A stream that stays open; it has tests of its own."""
DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
BEARER = {"Authorization": "Bearer foo"}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    folder: Path = tmp_path_factory.mktemp("routes")
    with record_in(folder) as kept:
        told_whole(kept.ledger)
        (folder / "keys").mkdir(exist_ok=True)
        (folder / "keys" / "login.sha256").write_text(DIGEST, encoding="ascii")
        yield kept


@pytest.fixture(scope="module")
def url(record: Record) -> Iterator[str]:
    """The whole application on a socket, as ``serve`` puts it together."""
    given = Settings(state_dir=record.auditor.verdict_file.parent)
    app = application(given, record.ledger, metrics(record.auditor), asking(record.auditor))
    server = BackgroundServer(app, Listen())
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Visitor]:
    """Somebody whom a proxy names and who may only read."""
    proxy = {"login_proxy_header": "X-User", "login_proxy_addresses": ("127.0.0.1",)}
    async with visitor(tmp_path, **proxy, login_viewers=("user:mia",)) as mia:
        yield mia


def routes(of: Sequence[BaseRoute]) -> Iterator[APIRoute]:
    """Each route, those of included routers too."""
    for route in of:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from routes(getattr(getattr(route, "original_router", None), "routes", []))


def roles_of(dependant: Dependant) -> list[Role]:
    """The roles that a route asks for."""
    return [each.call.role for each in dependant.dependencies if isinstance(each.call, Needs)]


def test_t53_every_route_is_open_by_name_or_says_once_which_role_it_needs(tmp_path: Path) -> None:
    with record_in(tmp_path) as kept:
        given = Settings(state_dir=tmp_path)
        app = application(given, kept.ledger, metrics(kept.auditor), asking(kept.auditor))
    found = {route.path: roles_of(route.dependant) for route in routes(app.routes)}
    assert set(found) >= OPEN
    assert {path for path, roles in found.items() if not roles} == OPEN
    assert all(len(roles) == 1 for path, roles in found.items() if path not in OPEN)
    assert found["/openapi.json"] == [Role.ADMIN]
    assert found["/ledger/verify"] == [Role.APPROVER]


async def test_t53_nothing_is_read_without_a_login(reader: Visitor) -> None:
    for route in routes(reader.app.routes):
        if route.path in OPEN:
            continue
        path = re.sub(r"\{[^}]+\}", "1", route.path)
        for method in sorted({*route.methods, "HEAD", "OPTIONS"}):
            answer = await reader.client.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.text in {"", "log in first"}
            answer = await reader.client.request(method, path, headers=HTML)
            assert answer.status_code == 303, (method, path)


async def test_t53_a_viewer_reads_and_does_nothing_else(reader: Visitor) -> None:
    reader.client.headers["X-User"] = "mia"
    assert (await reader.get("/incidents")).status_code == 200
    for route in routes(reader.app.routes):
        if max(roles_of(route.dependant), default=Role.VIEWER) > Role.VIEWER:
            path = re.sub(r"\{[^}]+\}", "1", route.path)
            for method in route.methods:
                answer = await reader.client.request(method, path)
                assert answer.status_code == 403, (method, path)
                assert "yours is viewer" in answer.text


async def test_t52_a_form_of_somebody_behind_a_proxy_needs_the_pages_key_too(reader: Visitor) -> None:
    reader.client.headers["X-User"] = "mia"
    assert (await reader.client.post("/theme", data={"to": "dark"})).status_code == 403
    csrf = await reader.csrf()
    assert (await reader.client.post("/theme", data={"to": "dark", "csrf": csrf})).status_code == 303


@pytest.mark.filterwarnings("ignore")
def test_whatever_is_asked_within_the_description_is_answered_and_never_with_an_error_of_ours(
    url: str,
) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=BEARER)
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ENDLESS:
            continue
        asked.add(operation.path)

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answered(case: schemathesis.Case) -> None:
            answer = case.call(base_url=url, headers=BEARER, allow_redirects=False)
            assert answer.status_code < 500, (case.method, case.path, answer.text[:300])

        answered()
    assert {"/incidents/{number}", "/ledger", "/login", "/ledger/verify"} <= asked
