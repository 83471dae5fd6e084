"""Who and what is in the pretend workspace: users of every kind that matters, channels, a user group.

User objects carry the field names of ``users.info`` (https://docs.slack.dev/reference/objects/user-object).
"""

from dataclasses import dataclass, field
from typing import Final

from evals.world.slack.options import Credentials
from evals.world.slack.wire import JsonObject

ADA: Final = "U0ADA000001"
BEN: Final = "U0BEN000001"
MIA: Final = "U0MIA000001"
GUS: Final = "U0GUS000001"
STELLA: Final = "U0STELLA001"
ROBO: Final = "U0ROBO00001"
DORA: Final = "U0DORA00001"
WANDA: Final = "U0WANDA0001"

FOREIGN_TEAM: Final = "T0FOREIGN01"

INCIDENTS: Final = "C0INCIDENTS"
GENERAL: Final = "C0GENERAL01"
SHARED: Final = "C0SHARED001"

ONCALL_GROUP: Final = "S0ONCALL001"

# What every user object says unless the person differs.
_PLAIN: Final[JsonObject] = {
    "deleted": False,
    "is_bot": False,
    "is_app_user": False,
    "is_workflow_bot": False,
    "is_admin": False,
    "is_owner": False,
    "is_primary_owner": False,
    "is_restricted": False,
    "is_ultra_restricted": False,
    "is_stranger": False,
    "is_email_confirmed": True,
    "tz": "Europe/London",
    "tz_label": "Greenwich Mean Time",
    "tz_offset": 0,
    "updated": 1_767_225_600,
    "who_can_share_contact_card": "EVERYONE",
}


@dataclass
class Channel:
    """One conversation. ``members`` may hold people of a connected workspace when ``shared``."""

    channel_id: str
    name: str
    topic: str
    members: list[str]
    shared: bool = False
    created: int = 1_767_225_600
    partner: str = ""
    """The person, when this is their direct message with the app."""

    def as_json(self, credentials: Credentials) -> JsonObject:
        """The object ``conversations.info`` returns, as seen by the app's bot user."""
        if self.partner:
            return {"id": self.channel_id, "is_im": True, "user": self.partner, "created": self.created} | {
                "is_archived": False,
                "is_org_shared": False,
                "context_team_id": credentials.team_id,
                "num_members": len(self.members),
            }
        return {
            "id": self.channel_id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "is_archived": False,
            "is_general": self.name == "general",
            "is_shared": self.shared,
            "is_ext_shared": self.shared,
            "is_org_shared": False,
            "is_member": credentials.bot_user_id in self.members,
            "created": self.created,
            "creator": ADA,
            "context_team_id": credentials.team_id,
            "topic": {"value": self.topic, "creator": ADA, "last_set": self.created},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


@dataclass
class Directory:
    """The people, channels and user groups, changeable while the world runs."""

    users: dict[str, JsonObject]
    channels: dict[str, Channel]
    groups: dict[str, list[str]] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    """What people type after ``@`` for a group; a group without one is named by its id."""
    disabled: set[str] = field(default_factory=set)
    """The groups that somebody disabled: nobody can be called by them, and their members stay noted."""
    external: set[str] = field(default_factory=set)
    """The groups of a connected workspace that is shared with ours."""

    def handle(self, group: str) -> str:
        """The name of a group, without its ``@``."""
        return self.handles.get(group, group.lower())


def user(user_id: str, name: str, team_id: str, **differs: object) -> JsonObject:
    """A person of a workspace as ``users.info`` shows them; ``differs`` are fields of the user object."""
    handle = name.split(maxsplit=1)[0].lower()
    profile = {
        "real_name": name,
        "display_name": handle,
        "real_name_normalized": name,
        "display_name_normalized": handle,
        "title": differs.pop("title", ""),
        "team": team_id,
        "status_text": "",
        "status_emoji": "",
    }
    base = {"id": user_id, "team_id": team_id, "name": handle, "real_name": name, "profile": profile}
    return base | _PLAIN | differs


def direct_id(user_id: str) -> str:
    """The id of a person's direct message with the app; their App Home lives in it as well."""
    return "D0" + user_id[2:]


def directs(person: JsonObject, bot: str) -> list[Channel]:
    """A person's direct message with the app, if they can have one."""
    # Programs have no App Home to look at, and a partner company has its own apps.
    if person["is_bot"] or person["is_stranger"]:
        return []
    who = person["id"]
    return [Channel(direct_id(who), "directmessage", "", [who, bot], partner=who)]


def default_directory(credentials: Credentials) -> Directory:
    """Nine users of eight kinds, three channels, and the group ``@oncall`` with its two members."""
    people, bot = _people(credentials), credentials.bot_user_id
    # Dora has left the channel as well; Stella is only where the partner is.
    everyone = [ADA, BEN, MIA, GUS, ROBO, bot]
    channels = [
        Channel(INCIDENTS, "incidents", "What is broken right now", [*everyone, WANDA]),
        Channel(GENERAL, "general", "Company-wide", [ADA, BEN, MIA, DORA]),
        Channel(SHARED, "partners", "Shared with a partner company", [ADA, BEN, STELLA, bot], shared=True),
    ]
    for person in people:
        channels += directs(person, bot)
    return Directory(
        users={user["id"]: user for user in people},
        channels={channel.channel_id: channel for channel in channels},
        groups={ONCALL_GROUP: [ADA, BEN]},
        handles={ONCALL_GROUP: "oncall"},
    )


def _people(credentials: Credentials) -> list[JsonObject]:
    ours, bot = credentials.team_id, credentials.bot_user_id
    guest = {"is_restricted": True}
    people = [
        user(ADA, "Ada Okafor", ours, title="Site reliability, on call", is_admin=True),
        user(BEN, "Ben Ito", ours, title="Site reliability, second approver"),
        user(MIA, "Mia Lindqvist", ours, title="Payments developer"),
        user(GUS, "Gus Romero", ours, title="Contractor (guest)", **guest),
        user(WANDA, "Wanda Roe", ours, title="Single-channel guest", **guest, is_ultra_restricted=True),
        user(STELLA, "Stella Novak", FOREIGN_TEAM, title="Partner company", is_stranger=True),
        user(ROBO, "Robo Deploy", ours, title="Another app", is_bot=True),
        user(DORA, "Dora Gone", ours, title="Left the company", deleted=True),
        user(bot, credentials.app_name, ours, title="The installed app", is_bot=True),
    ]
    # What tells one app's bot from another's.
    people[6]["profile"]["bot_id"] = "B0ROBO00001"
    people[8]["profile"] |= {"bot_id": credentials.bot_id, "api_app_id": credentials.app_id}
    return people
