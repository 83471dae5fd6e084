"""What waits for a signature, as somebody sees it who is asked for one."""

from __future__ import annotations

from pathlib import Path

from agents.ledger.incidents import incident
from agents.ledger.moves import cancel_open_plans
from evals.bench.long_ledger import Size
from tests.support.browser import Window
from tests.support.pages import some_years

ROSTER = """approvers:
- {user_id: U0ADA, team_id: T0, name: "Ada <b>Okafor</b>", tiers: [1, 2, 3], namespaces: ["*"]}
- {group: S0ONCALL, team_id: T0, name: "<b>Watch</b>", tiers: [1, 2, 3], namespaces: ["*"]}
"""


async def test_what_waits_is_counted_down_and_goes_when_it_is_over(phone: Window, tmp_path: Path) -> None:
    (tmp_path / "roster.yaml").write_text(ROSTER)
    async with some_years(tmp_path, Size(incidents=12, events=600, open=3)) as years:
        await years.enter(phone, "/plans")
        page = phone.page
        await page.locator("#live[data-state=on]").wait_for()
        rows = page.locator("tbody tr")
        assert await rows.count() == 2
        first = await rows.first.inner_text()
        assert "in 2" in first
        assert "Ada <b>Okafor</b>" in first
        assert "<b>Watch</b> (Slack has not said lately who is in it)" in first
        assert "0 of" in first
        waits = int((await rows.first.locator("th").inner_text()).removeprefix("INC-"))
        assert incident(years.ledger, waits) is not None
        with years.ledger.write() as tx:
            cancel_open_plans(tx, waits, "the alert resolved")
        await page.locator("tbody tr:nth-child(2)").wait_for(state="detached")
        assert await rows.count() == 1
        assert await page.title() == "1 waiting · Plans · Midwatch"
        # It stops listening before there is nobody to listen to.
        await page.goto("about:blank")
