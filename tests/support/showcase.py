"""A message, a modal and a picture with everything that Slack's apps use, for the pretend Slack's page."""

import struct
import zlib

from evals.world.slack.wire import JsonObject
from tests.support.slack_world import mrkdwn, plain, rich, words


def option(label: str, value: str) -> JsonObject:
    return {"text": plain(label), "value": value}


SIZES = [option("Small", "s"), option("Middle", "m"), option("Large", "l")]
CONFIRM = {
    "title": plain("Restart it?"),
    "text": mrkdwn("All *three* pods are replaced, one after the other."),
    "confirm": plain("Restart"),
    "deny": plain("Leave it"),
    "style": "danger",
}
ELEMENTS: list[JsonObject] = [
    {"type": "button", "action_id": "go", "text": plain("Go :rocket:"), "style": "primary", "value": "v1"},
    {"type": "button", "action_id": "sure", "text": plain("Restart"), "style": "danger", "confirm": CONFIRM},
    {"type": "static_select", "action_id": "size", "placeholder": plain("Size"), "options": SIZES},
    {"type": "users_select", "action_id": "who", "placeholder": plain("Somebody")},
    {"type": "channels_select", "action_id": "where", "placeholder": plain("A channel")},
    {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-27"},
    {"type": "timepicker", "action_id": "hour", "initial_time": "02:14"},
    {"type": "overflow", "action_id": "dots", "options": [option("Mute", "mute"), option("Leave", "leave")]},
]
LISTS: list[JsonObject] = [
    rich(rich(words("first")), rich(words("second")), kind="rich_text_list") | {"style": "ordered"},
    rich(rich(words("deeper")), kind="rich_text_list") | {"style": "bullet", "indent": 1},
]
INLINE: list[JsonObject] = [
    words("bold", bold=True),
    words(" "),
    words("code", code=True),
    words(" "),
    words("struck", strike=True),
    {"type": "link", "url": "https://example.com/runbook", "text": "a link"},
    {"type": "link", "url": "javascript:alert(1)", "text": "no link"},
    {"type": "emoji", "name": "fire"},
    {"type": "user", "user_id": "U0BEN000001"},
    {"type": "usergroup", "usergroup_id": "S0ONCALL001"},
    {"type": "channel", "channel_id": "C0GENERAL01"},
    {"type": "broadcast", "range": "channel"},
    {"type": "date", "timestamp": 1_790_000_000, "format": "{date_num}", "fallback": "a day"},
]
HOSTILE = "<img src=x onerror=alert(1)> <!channel> *not bold*"
EVERYTHING: list[JsonObject] = [
    {"type": "header", "text": plain("Every block")},
    {
        "type": "section",
        "text": mrkdwn("*bold* _italic_ ~struck~ `code` <https://example.com|a page> <@U0ADA000001> :tada:"),
        "accessory": {"type": "image", "image_url": "http://192.0.2.1/a.png", "alt_text": "a lighthouse"},
    },
    {"type": "section", "text": mrkdwn("> quoted\nnot quoted\n```\npre *as it is*\n```")},
    {"type": "section", "fields": [plain("Risk\nlow"), mrkdwn("*Undo*\none click")]},
    {"type": "section", "text": plain(HOSTILE)},
    {"type": "rich_text", "elements": [rich(*INLINE), *LISTS, rich(words("said"), kind="rich_text_quote")]},
    {
        "type": "context",
        "elements": [plain("plan 7f3a"), {"type": "image", "image_url": "x", "alt_text": "dot"}],
    },
    {"type": "divider"},
    {"type": "actions", "block_id": "acts", "elements": ELEMENTS},
    {"type": "image", "image_url": "http://192.0.2.1/b.png", "alt_text": "a plot", "title": plain("Errors")},
    {"type": "file", "external_id": "ABC", "source": "remote"},
]


def _input(block_id: str, label: str, element: JsonObject, **more: object) -> JsonObject:
    element = {"action_id": "it", **element}
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


INPUTS: list[JsonObject] = [
    _input("why", "Reason", {"type": "plain_text_input", "multiline": True}, hint=plain("One sentence.")),
    _input("count", "Replicas", {"type": "number_input", "is_decimal_allowed": False, "max_value": "9"}),
    _input("page", "Page", {"type": "url_text_input"}, optional=True),
    _input("mail", "Mail", {"type": "email_text_input"}, optional=True),
    _input("size", "Size", {"type": "static_select", "options": SIZES}, optional=True),
    _input("kind", "Kind", {"type": "radio_buttons", "options": SIZES, "initial_option": SIZES[1]}),
    _input("more", "Also", {"type": "checkboxes", "options": SIZES}, optional=True),
    _input("many", "Several", {"type": "multi_users_select"}, optional=True),
    _input("when", "When", {"type": "datetimepicker", "initial_date_time": 1_790_000_000}, optional=True),
]
FORM: JsonObject = {
    "type": "modal",
    "callback_id": "form",
    "private_metadata": "kept",
    "title": plain("Every input"),
    "submit": plain("Send"),
    "notify_on_close": True,
    "blocks": INPUTS,
}


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([120 + 4 * (y % 24)]) * width for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
