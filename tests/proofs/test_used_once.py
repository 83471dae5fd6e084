"""Every approval is used once (P3): each click of many lives of plans is sent again, in every way there is.

The click goes over signed HTTP through slack-bolt into the ledger, and the actor's own code performs the
plan at the pretend API server. Then the recording is sent again, the same words are signed anew, the old
button is clicked anew, the actor is woken again; and once more after a restart of the door.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Route
from typer.main import get_command

from agents.gatekeeper.posting import advance
from agents.incident import Plan
from agents.ledger.protocol import PlanState
from evals.world.slack.httpmode import Signed
from evals.world.slack.people import ADA
from evals.world.slack.wire import JsonObject
from midwatch.cli import app
from midwatch.web.app import application
from midwatch.web.slack import PATH, router
from midwatch.wiring import ledger_of
from tests.support.act import Act, an_act
from tests.support.front_desk import FrontDesk, front_desk, serving
from tests.support.kubernetes_space import Space
from tests.support.scale import lots
from tools.kubernetes.actions.catalogue import CATALOGUE
from tools.kubernetes.actions.step import Step
from tools.kubernetes.actions.verb import Context

LOT = 100


@contextmanager
def desk_and_hands(folder: Path) -> Iterator[tuple[FrontDesk, Act]]:
    """A gatekeeper's door and an actor over one ledger, and a CronJob that can be stopped and let go."""
    with ExitStack() as stack:
        desk = stack.enter_context(front_desk(folder))
        act = stack.enter_context(an_act(folder / "act"))
        hands = replace(
            act.hands,
            ledger=desk.ledger,
            seal=desk.office.seal,
            roster_file=desk.settings.roster_file,
        )
        # The desk's own incident is the first.
        yield desk, replace(act, hands=hands, number=1)


def cron_job(act: Act) -> str:
    """Its path; it runs at new year and at no other time."""
    path = f"/apis/batch/v1/namespaces/{Space(act.cluster).name}/cronjobs"
    container = {"name": "report", "image": "registry.k8s.io/pause:3.9"}
    pod = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    spec = {"schedule": "0 0 1 1 *", "suspend": False, "jobTemplate": {"spec": {"template": pod}}}
    reply = act.cluster.call("POST", path, {"metadata": {"name": "report"}, "spec": spec})
    assert reply.status == 201, reply.body
    return f"{path}/report"


def switched(act: Act, path: str) -> Step:
    """The step that turns the CronJob's switch."""
    seen = act.seen(path, "CronJob")
    verb = "resume" if seen["spec"].get("suspend") else "suspend"
    step = CATALOGUE[verb].draft(seen, {}, Context())
    assert isinstance(step, Step), step
    return step


def lived(desk: FrontDesk, act: Act, path: str) -> tuple[Plan, JsonObject, Signed]:
    """One plan from its draft to its effect, with the click that signed it, as words and as bytes."""
    plan = act.rehearsed([switched(act, path)])
    desk.plan = plan
    desk.run(advance(desk.office, int(plan.incident.removeprefix("INC-"))))
    payload = desk.click(ADA)
    recorded = desk.forge.request(payload)
    assert desk.post(recorded) == (200, "")
    assert act.stands(plan)[0] is PlanState.APPROVED
    act.advance(plan)
    assert act.stands(plan)[0] is PlanState.SUCCEEDED
    return plan, payload, recorded


@pytest.mark.proof
@pytest.mark.parametrize(("lot", "size"), lots("recorded_approvals", LOT))
def test_p03_an_approval_that_was_used_does_nothing_however_it_is_sent_again(
    tmp_path: Path, lot: int, size: int
) -> None:
    del lot
    with desk_and_hands(tmp_path) as (desk, act):
        path = cron_job(act)
        lives = []
        for number in range(1, size + 1):
            lives.append(lived(desk, act, path))
            plan, payload, recorded = lives[-1]
            # The recording; its words under a new signature; the old button, clicked anew.
            for again in (recorded, desk.forge.request(payload), desk.forge.request(desk.click(ADA))):
                assert desk.post(again)[0] == 200
            act.advance(plan)
            assert (act.stands(plan)[0], len(act.effects())) == (PlanState.SUCCEEDED, number)
        reopened = ledger_of(desk.settings)
        try:
            anew = replace(desk, ledger=reopened, gate=replace(desk.gate, counts=Counter(), ledger=reopened))
            late = replace(act, hands=replace(act.hands, ledger=reopened))
            with serving(anew):
                for plan, payload, recorded in lives:
                    # A recording may be too old by now, which is as good a refusal.
                    assert anew.post(recorded)[0] in {200, 401}
                    assert anew.post(anew.forge.request(payload))[0] == 200
                    late.advance(plan)
                    assert late.stands(plan)[0] is PlanState.SUCCEEDED
            assert len(act.effects()) == size
        finally:
            reopened.close()


def doors(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    """Each path and its methods, those of included routers too."""
    for route in routes:
        inner = getattr(getattr(route, "original_router", route), "routes", None)
        if isinstance(route, Route):
            yield route.path, set(route.methods or ())
        elif inner:
            yield from doors(inner)


def test_p03_no_page_and_no_command_takes_an_approval(tmp_path: Path) -> None:
    with front_desk(tmp_path) as desk:
        served = application(desk.settings, desk.ledger, router(desk.gate))
    writing = {path for path, methods in doors(served.routes) if methods - {"GET", "HEAD"}}
    # A delivery of alerts, a click with its signature, and of the pages: coming, going and their colours.
    assert writing == {PATH, "/alertmanager", "/login", "/logout", "/theme", "/incidents/{number}/grade"}
    words = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert {"serve", "halt"} <= words
    assert not words & {"approve", "sign", "confirm", "run", "apply", "execute"}
