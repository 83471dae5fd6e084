"""The page of this installation: what was checked last, versions, and settings with their origin.

Its parts are pages of their own behind one heading: what is measured in the cluster waits for the cluster,
and whoever looks for a version need not.
"""

from __future__ import annotations

import platform
import sqlite3
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.engine import make_url

from agents.ledger.migrate import revisions
from agents.ledger.store import Ledger
from midwatch.check_kept import file_of, kept_in
from midwatch.login.needs import needs, visit_of
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.settings_load import origin_of, secrets
from midwatch.web.frame import Shown

PARTS = ("langgraph", "langchain-openai", "kubernetes", "slack-bolt", "sqlmodel", "fastapi", "authlib")


@dataclass(frozen=True, kw_only=True)
class Told:
    """One setting as the page tells it."""

    name: str
    value: str
    origin: str
    says: str


def router(settings: Settings, ledger: Ledger, shown: Shown) -> APIRouter:
    """The page's route; ``shown`` renders a template as the other pages do."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @routes.get("/installation")
    def connections(request: Request) -> Response:
        content: dict[str, object] = {"checked": kept_in(file_of(settings)), "versions": _versions(ledger)}
        return shown(request, "connections.html", content)

    @routes.get("/installation/settings")
    def configured(request: Request) -> Response:
        is_admin = visit_of(request).role >= Role.ADMIN
        # What is configured tells an attacker where to look: not for everybody who reads the pages.
        content: dict[str, object] = {"is_admin": is_admin, "settings": told(settings) if is_admin else []}
        return shown(request, "settings.html", content)

    # Where these two parts were before: somebody's bookmark leads on.
    @routes.get("/rights")
    def rights() -> Response:
        return RedirectResponse("/installation/rights", status_code=308)

    @routes.get("/models")
    def models() -> Response:
        return RedirectResponse("/installation/models", status_code=308)

    return routes


def _versions(ledger: Ledger) -> list[tuple[str, str]]:
    found, _ = revisions(ledger.reader)
    is_sqlite = ledger.reader.dialect.name == "sqlite"
    database = f"SQLite {sqlite3.sqlite_version}" if is_sqlite else ledger.reader.dialect.name
    own = [
        ("Midwatch", version("midwatch")),
        ("Python", platform.python_version()),
        ("Ledger", f"{database}, form {found}"),
    ]
    return [*own, *((name, version(name)) for name in PARTS)]


def told(settings: Settings) -> list[Told]:
    """Every setting: its value, where that is from, and what it is for. Of a secret, whether it is set."""
    return [
        Told(
            name=name,
            value=_value(settings, name),
            origin=origin_of(settings, name),
            says=" ".join((field.description or "").replace("``", "").split()),
        )
        for name, field in sorted(Settings.model_fields.items())
    ]


def _value(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if name in secrets():
        return "set" if value is not None else "not set"
    if name == "database_url":
        # It may hold a password.
        return make_url(value).render_as_string(hide_password=True)
    if value is None or value in ((), {}):
        return "not set"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
