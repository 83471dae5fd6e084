"""What ``midwatch check`` tries about the login: which ways are open, and whether each provider works."""

from __future__ import annotations

from midwatch.check_result import Result
from midwatch.login.errors import LoginError
from midwatch.login.openid import OpenId, ways_of
from midwatch.settings import Settings


async def login(settings: Settings) -> list[Result]:
    """The ways that are open, then each provider: its endpoints and its keys."""
    ways = ways_of(settings)
    return [_ways(settings, list(ways)), *[await _asked(each) for each in ways.values()]]


def _ways(settings: Settings, by_openid: list[str]) -> Result:
    # In the order in which the page offers them.
    opened = ["token"] if settings.login_token else []
    opened += [*by_openid, *(["proxy"] if settings.login_proxy_header else [])]
    named = len(settings.login_viewers) + len(settings.login_approvers) + len(settings.login_admins)
    if not opened:
        return Result(
            what="login", ok=False, says="no way is open: nobody reads the pages; see docs/login.md"
        )
    says = f"by {', '.join(opened)}; {named} entries give a role"
    others = [way for way in opened if way not in {"token", "slack"}]
    if others and not named:
        # The roster speaks of Slack accounts; of others only the lists do.
        return Result(what="login", ok=False, says=f"{says}, so {' and '.join(others)} lets nobody in")
    if settings.public_url.startswith("http:") and not settings.on_loopback:
        says += "; public_url is not https: cookies cross the network in the open"
    return Result(what="login", ok=True, says=says)


async def _asked(way: OpenId) -> Result:
    client = way.provider.client
    what = f"login by {client.way}"
    try:
        keys = await way.provider.keys()
    except LoginError as problem:
        return Result(what=what, ok=False, says=f"{problem}: check login_{client.way}_issuer")
    says = f"{client.issuer} publishes {len(keys.keys)} keys; it must allow the address {way.back}"
    return Result(what=what, ok=True, says=says)
