"""What ``midwatch check`` tries about Slack: the tokens, and the one way in that was chosen."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime

import httpx
import orjson

from agents.gatekeeper.attendance import seen_now
from agents.gatekeeper.gate import SIGNATURE, STAMP, signature
from agents.gatekeeper.office import Office
from agents.ledger.accounts import SeenGroup
from agents.ledger.roster import RosterFile, roster_or_nobody
from midwatch.check_result import Result
from midwatch.settings import Settings
from midwatch.slack_manifest import FILE, required
from midwatch.web.slack import PATH
from midwatch.wiring import ledger_of, office_of
from tools.slack import SlackError

WITHIN_S = 10.0
MOST_OFF_S = 30.0
_CHALLENGE = "midwatch check"


async def slack(settings: Settings) -> list[Result]:
    """The bot token and its workspace, then the way clicks come in."""
    if settings.slack_mode == "off":
        return [
            Result(
                what="slack",
                ok=False,
                says="slack_mode is off: plans are shown, and only `midwatch decide` signs them",
            )
        ]
    ledger = await asyncio.to_thread(ledger_of, settings)
    try:
        office = await office_of(settings, ledger)
        says = f"team {office.home.team_id}, app {office.home.app_id}"
        roster = roster_or_nobody(office.roster_file)
        about = [await _scopes(office, roster), await _channel(office), await _clock(office)]
        about += await _groups(office, roster)
        way = _socket(settings, office) if settings.slack_mode == "socket" else _requests(settings)
        return [Result(what="slack", ok=True, says=says), *about, await way]
    except SlackError as problem:
        return [Result(what="slack", ok=False, says=f"{problem}: check the token and its scopes")]
    finally:
        ledger.close()


async def _scopes(office: Office, roster: RosterFile) -> Result:
    what = "slack scopes"
    given = (await office.slack.account()).scopes
    # A private channel's ids begin with a C as well, so the chat is asked.
    private = "groups:read" in given and "channels:read" not in given
    missing = sorted(required(private=private, groups=bool(roster.groups)) - given)
    if missing:
        says = f"missing: {', '.join(missing)}; add them as deploy/{FILE} has them and install the app again"
        return Result(what=what, ok=False, says=says)
    return Result(what=what, ok=True, says="all that are used are there")


async def _groups(office: Office, roster: RosterFile) -> list[Result]:
    """Each user group of the roster: whether anybody may sign by it."""
    if not roster.groups:
        return []
    what = "slack groups"
    try:
        seen = await seen_now(office, roster.groups)
    except SlackError as problem:
        says = f"{problem}: until Slack says who is in them, nobody of the roster's groups may sign"
        return [Result(what=what, ok=False, says=says)]
    silent = [Result(what=what, ok=False, says=str(one)) for one in seen if isinstance(one, SlackError)]
    known = [_group(one) for one in seen if isinstance(one, SeenGroup)]
    return [*known, *silent]


def _group(seen: SeenGroup) -> Result:
    what = f"slack group @{seen.handle}" if seen.handle else f"slack group {seen.group}"
    if seen.flaw:
        says = f"{seen.flaw}, so nobody may sign by it: is {seen.group} its id?"
        return Result(what=what, ok=False, says=says)
    if not seen.present:
        return Result(what=what, ok=False, says="nobody is in it, so nobody may sign by it")
    return Result(what=what, ok=True, says=f"accounts in it: {len(seen.present)}")


async def _channel(office: Office) -> Result:
    what, where = "slack channel", office.channel_id
    try:
        found = await office.slack.channel(where)
    except SlackError as problem:
        return Result(what=what, ok=False, says=f"{where}: {problem}: is slack_channel its id (C…)?")
    name = f"#{found.get('name', where)}"
    if not found.get("is_member"):
        return Result(what=what, ok=False, says=f"the app is not in {name}: /invite it there")
    if found.get("is_archived"):
        return Result(what=what, ok=False, says=f"{name} is archived: nothing can be posted there")
    if found.get("is_ext_shared"):
        says = f"{name} is shared with another company: it sees every card; take a channel of your own"
        return Result(what=what, ok=False, says=says)
    return Result(what=what, ok=True, says=f"the app is in {name}")


async def _clock(office: Office) -> Result:
    what = "slack clock"
    said = (await office.slack.account()).date
    try:
        off = time.time() - parsedate_to_datetime(said).timestamp()
    except ValueError:
        return Result(what=what, ok=False, says="Slack's answer has no date")
    # Signed requests count for a minute; half of that leaves room for the way.
    if abs(off) > MOST_OFF_S:
        says = f"this machine's clock is {off:+.0f} s off Slack's: set it, or clicks over HTTP are refused"
        return Result(what=what, ok=False, says=says)
    return Result(what=what, ok=True, says="within half a minute of Slack's")


async def _socket(settings: Settings, office: Office) -> Result:
    what = "slack socket mode"
    token = settings.slack_app_token.get_secret_value() if settings.slack_app_token else ""
    try:
        await office.slack.may_connect(token)
    except SlackError as problem:
        says = f"{problem}: slack_app_token needs the scope connections:write, and Socket Mode must be on"
        return Result(what=what, ok=False, says=says)
    return Result(what=what, ok=True, says="the app token opens connections")


async def _requests(settings: Settings) -> Result:
    url = settings.public_url.rstrip("/") + PATH
    what = "slack requests"
    if settings.slack_api_url.startswith("https:") and not url.startswith("https:"):
        return Result(what=what, ok=False, says=f"Slack posts to https only, not to {url}: set public_url")
    try:
        async with asyncio.timeout(WITHIN_S), httpx.AsyncClient(follow_redirects=False) as client:
            problem = await _wrong(client, url, settings)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as gone:
        problem = f"no answer ({type(gone).__name__}): is midwatch serve running, and public_url right?"
    if problem:
        return Result(what=what, ok=False, says=f"{url}: {problem}")
    says = f"the signing secret is set, and {url} takes what it signed and nothing else"
    return Result(what=what, ok=True, says=says)


async def _wrong(client: httpx.AsyncClient, url: str, settings: Settings) -> str:
    """What is wrong with the address, or nothing: unsigned is refused, and what Slack would sign is read."""
    unsigned = await client.post(url, content=b"{}", headers={"Content-Type": "application/json"})
    if unsigned.status_code != 401:
        return f"an unsigned request got {unsigned.status_code} instead of 401: is slack_mode http there?"
    secret = settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else ""
    # The question that Slack itself asks when a request URL is entered; it decides nothing.
    body = orjson.dumps({"type": "url_verification", "challenge": _CHALLENGE})
    stamp = str(int(time.time()))
    headers = {STAMP: stamp, SIGNATURE: signature(secret, stamp, body), "Content-Type": "application/json"}
    signed = await client.post(url, content=body, headers=headers)
    if signed.status_code == 401:
        return "our own signature got 401: the secret there is another, or a clock is a minute off"
    if signed.status_code != 200 or _CHALLENGE not in signed.text:
        return f"Slack's challenge got {signed.status_code} and not its answer: see the log of midwatch serve"
    return ""
