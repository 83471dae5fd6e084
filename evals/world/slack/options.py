"""How a pretend workspace is set up: its secrets, its mode of delivery, its limits and its clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["socket", "http"]

# How long one waits for what must come. It costs nothing when it comes, and a busy machine may take a while.
PATIENCE_S = 60.0

# What a real app of this kind asks for at installation; ``missing_scope`` is answered for what is left out.
DEFAULT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "reactions:write",
        "usergroups:read",
        "users:read",
    }
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What an app is given when it is installed. All values are made up and open nothing anywhere."""

    # The shapes matter: clients tell bot, app and user tokens by their prefix.
    bot_token: str = "xoxb-1000000000001-2000000000002-pretend"
    app_token: str = "xapp-1-A0MIDWATCH01-3000000000003-pretend"
    signing_secret: str = "0123456789abcdef0123456789abcdef"
    client_id: str = "1000000000001.4000000000004"
    client_secret: str = "fedcba9876543210fedcba9876543210"
    verification_token: str = "PretendVerificationToken"
    app_id: str = "A0MIDWATCH01"
    app_name: str = "Midwatch"
    bot_id: str = "B0MIDWATCH01"
    bot_user_id: str = "U0MIDWATCH01"
    team_id: str = "T0PRETEND001"
    team_name: str = "Pretend Works"
    team_domain: str = "pretend-works"
    enterprise_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class SlackOptions:
    """Everything a scenario may choose. The defaults are a calm workspace in Socket Mode."""

    credentials: Credentials = field(default_factory=Credentials)
    mode: Mode = "socket"
    request_url: str | None = None
    """Where HTTP mode posts callbacks, e.g. ``http://127.0.0.1:8080/slack/events``."""
    port: int = 0
    """0 takes any free loopback port; the demo asks for a fixed one so that its address can be printed."""
    clock: Callable[[], float] = time.time
    """Unix seconds. Message ids, trigger expiry, rate limits and signatures follow it."""
    trigger_ttl_s: float = 3.0
    ack_timeout_s: float = 3.0
    """Wall seconds an app has to acknowledge a delivery (Slack: 3)."""
    event_retry_delays_s: tuple[float, ...] = (0.0, 60.0, 300.0)
    """Pauses before each repeated HTTP event (Slack: at once, after a minute, after five)."""
    posts_per_second: float = 1.0
    post_burst: int = 1_000
    """Posts a channel takes at once before 429; ``post_burst=1`` is the strict published limit."""
    updates_per_minute: float = 50.0
    update_burst: int = 1_000
    """Changed messages that the workspace takes at once before 429 (Slack: tier 3, 50 a minute and more)."""
    max_connections: int = 10
    scopes: frozenset[str] = DEFAULT_SCOPES
