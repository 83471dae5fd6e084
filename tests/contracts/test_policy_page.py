"""The incident page: what a plan touches, from its bytes, and the patch to commit where there is no plan."""

from __future__ import annotations

from pathlib import Path

import httpx

from agents.incident import Claim, Diagnosis
from agents.ledger import incidents, investigations
from agents.ledger.store import Ledger
from midwatch.settings import Settings
from midwatch.web.app import application
from midwatch.wiring import ledger_of
from tests.support.pages import BEARER, settings_in
from tests.support.plans import a_delivery, a_plan, an_alert
from tools.policy.facts import Budget, Radius

RADIUS = Radius(
    replicas=3,
    budget=Budget(name="guard", need=2, allowed=0),
    services=("<b>checkout</b>",),
    helm="shop",
)
SECRET = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2


async def page(ledger: Ledger, folder: Path) -> str:
    transport = httpx.ASGITransport(app=application(settings_in(folder), ledger))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=BEARER) as client:
        found = await client.get("/incidents/1")
    assert found.status_code == 200
    return found.text


async def test_the_page_shows_what_a_plan_touches_and_the_patch_to_commit(tmp_path: Path) -> None:
    ledger = ledger_of(Settings(state_dir=tmp_path))
    try:
        now = ledger.now()
        incidents.accept(ledger, [a_delivery(now, an_alert(now))])
        lease = investigations.take(ledger, 1, "the test", 60)
        assert lease is not None
        patch = f"spec:\n  replicas: 3\n# token: {SECRET}\n"
        moved = Claim(text="<i>Node n1: was cordoned", evidence=("E1",))
        said = Diagnosis(cause=None, confidence="none", no_plan_because="Argo CD manages it.", patch=patch)
        said = said.model_copy(update={"changed": (moved,)})
        investigations.write_diagnosis(ledger, lease, 1, said)
        plan = a_plan(now, radius=(RADIUS,), policy_version="f" * 64)
        investigations.draft(ledger, lease, plan, "why")
        shown = await page(ledger, tmp_path)
    finally:
        ledger.close()
    assert "<li>pods: 3</li>" in shown
    assert "<li>disruption budget: guard needs 2, lets 0 go now</li>" in shown
    assert "&lt;b&gt;checkout&lt;/b&gt;" in shown, "names are text and never markup"
    assert "Helm release shop deploys this object" in shown
    assert "policy <code>ffffffffffff</code>" in shown
    assert "<h3>Changed before</h3>" in shown
    assert '<li>&lt;i&gt;Node n1: was cordoned <span class="proof"><a href="#E1">E1</a>' in shown
    assert "<h3>The patch to commit</h3>" in shown
    assert "replicas: 3" in shown
    assert SECRET not in shown
