"""The door in a real browser: by a provider and back, by Slack, by the token, out again, and refused."""

from __future__ import annotations

from pathlib import Path

import yaml
from playwright.async_api import expect

from evals.world.openid import OpenIdServer
from evals.world.slack import SlackServer
from evals.world.slack.people import ADA
from tests.support.browser import Window
from tests.support.door import by_oidc, by_slack
from tests.support.patience import patient
from tests.support.site import TOKEN, fits, site


async def test_by_single_sign_on_to_the_page_that_was_wanted_and_out_again(
    desk: Window, tmp_path: Path
) -> None:
    with OpenIdServer() as provider, site(tmp_path, 0, **by_oidc(provider)) as at:
        page = desk.page
        await page.goto(f"{at.url}/ledger?tag=web:session:open")
        await page.get_by_role("link", name="Sign in with single sign-on").click()
        await page.get_by_role("link", name="Ada Okafor").click()
        await expect(page).to_have_url(f"{at.url}/ledger?tag=web:session:open")
        await expect(page.get_by_text("Ada Okafor, viewer")).to_be_visible()
        await expect(page.get_by_role("button", name="Verify now")).to_have_count(0)
        await fits(page)
        await page.get_by_role("button", name="Log out").click()
        await expect(page).to_have_url(f"{at.url}/login")
        await page.goto(f"{at.url}/incidents")
        await expect(page.get_by_role("link", name="Sign in with single sign-on")).to_be_visible()


async def test_somebody_without_a_role_is_told_so_and_stays_outside(desk: Window, tmp_path: Path) -> None:
    with OpenIdServer() as provider, site(tmp_path, 0, **by_oidc(provider)) as at:
        page = desk.page
        await page.goto(f"{at.url}/login")
        await page.get_by_role("link", name="Sign in with single sign-on").click()
        # A page that refuses says so with its status; the console repeats it.
        async with page.expect_response("**/callback*") as answered:
            await page.get_by_role("link", name="Mia Lindqvist").click()
        assert (await answered.value).status == 403
        await expect(page.get_by_role("alert")).to_contain_text("no role here is given to you")
        desk.troubles[:] = [said for said in desk.troubles if "403" not in said]


async def test_on_a_phone_with_slack_whoever_is_on_the_roster_may_have_the_record_verified(
    phone: Window, tmp_path: Path
) -> None:
    with SlackServer(patient()) as slack, site(tmp_path / "state", 0, **by_slack(slack)) as at:
        listed = {"team_id": slack.credentials.team_id, "user_id": ADA, "tiers": [1]}
        roster = tmp_path / "state" / "roster.yaml"
        roster.write_text(yaml.safe_dump({"approvers": [listed]}), encoding="utf-8")
        page = phone.page
        await page.goto(f"{at.url}/ledger")
        await fits(page)
        await page.get_by_role("link", name="Sign in with Slack").click()
        await page.get_by_role("link", name="Ada Okafor").click()
        await expect(page.get_by_text("Ada Okafor, approver")).to_be_visible()
        await expect(page.get_by_role("button", name="Verify now")).to_be_visible()
        await fits(page)


async def test_by_the_token_after_a_wrong_one(phone: Window, tmp_path: Path) -> None:
    with site(tmp_path, 0) as at:
        page = phone.page
        await page.goto(f"{at.url}/login")
        await page.get_by_label("Token printed at the first start").fill("wrong")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        phone.troubles[:] = [said for said in phone.troubles if "401" not in said]
        await page.get_by_label("Token printed at the first start").fill(TOKEN)
        await page.get_by_role("button", name="Log in").click()
        await expect(page).to_have_url(f"{at.url}/incidents")
        await page.get_by_role("button", name="dark").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.goto("about:blank")
