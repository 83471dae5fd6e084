"""The installation's rights: what each agent is given, and what is measured of it in this very cluster.

This process holds the reader's account and, in sealed mode, the gatekeeper's; never the actor's. So of the
actor the page shows the wall that holds it, as the reader finds it; ``midwatch check`` tries it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from midwatch import wall
from midwatch.check import rights_of
from midwatch.check_result import Result
from midwatch.login.needs import needs
from midwatch.login.roles import Role
from midwatch.settings import Settings
from midwatch.settings_load import RIGHTS, secrets
from midwatch.web.frame import Shown
from midwatch.wiring import cluster_of
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.errors import KubernetesError

AGENTS = ("investigator", "gatekeeper", "actor", "auditor", "pages")


def router(settings: Settings, shown: Shown) -> APIRouter:
    """The page's route; ``shown`` renders a template as the other pages do."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])

    @routes.get("/installation/rights")
    def rights(request: Request) -> Response:
        credentials = secrets() | {name for name in Settings.model_fields if name.endswith("_kubeconfig")}
        held = {agent: sorted(RIGHTS[agent] & credentials) for agent in AGENTS}
        verbs = sorted(name for name, verb in CATALOGUE.items() if verb.place == "cluster")
        content: dict[str, object] = {"held": held, "verbs": verbs, "measured": measured(settings)}
        return shown(request, "rights.html", content)

    return routes


def measured(settings: Settings) -> list[Result]:
    """What the reader's account may do, and whether the actor's wall stands, asked now."""
    try:
        reader = cluster_of(settings, "reader")
    except KubernetesError as problem:
        return [Result(what="reader kubeconfig", ok=False, says=str(problem))]
    try:
        return [*rights_of(reader), *wall.stands(reader, is_sealed=settings.sealed)]
    except KubernetesError as problem:
        return [Result(what="cluster", ok=False, says=str(problem))]
    finally:
        reader.close()
