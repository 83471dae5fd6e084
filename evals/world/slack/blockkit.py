"""Block Kit as tables: which blocks and elements exist and how long everything may be.

Limits: https://docs.slack.dev/reference/block-kit/blocks, /block-elements and /composition-objects.
Interactive kinds are those an incident card needs; a kind outside these tables is ``unsupported type``.
"""

from typing import Final

from evals.world.slack.schema import (
    Rule,
    Shape,
    anything,
    array,
    boolean,
    by_type,
    either,
    one_of,
    string,
    whole,
)

# Block and action ids share one limit.
ID: Final = string(255)


def plain(maximum: int) -> Rule:
    """A ``plain_text`` object of 1 to ``maximum`` characters."""
    return Shape({"type": one_of("plain_text"), "text": string(maximum)}, {"emoji": boolean})


def text(maximum: int) -> Rule:
    """A ``plain_text`` or ``mrkdwn`` object of 1 to ``maximum`` characters."""
    mrkdwn = Shape({"type": one_of("mrkdwn"), "text": string(maximum)}, {"verbatim": boolean})
    return by_type({"plain_text": plain(maximum), "mrkdwn": mrkdwn})


CONFIRM: Final = Shape(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)


def option(label: Rule) -> Rule:
    """One choice of a menu."""
    return Shape({"text": label, "value": string(150)}, {"description": plain(75), "url": string(3000)})


# The type was already matched by `by_type`, so here it only has to be allowed.
_KIND: Final[dict[str, Rule]] = {"type": anything}
_COMMON: Final[dict[str, Rule]] = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": boolean}
_MENU_OPTION: Final = option(plain(75))
# Radio buttons and checkboxes may carry mrkdwn; menus may not.
_LIST_OPTION: Final = option(text(75))
_GROUP: Final = Shape({"label": plain(75), "options": array(_MENU_OPTION, 100)})

ELEMENTS: Final[dict[str, Rule]] = {
    "button": Shape(
        {**_KIND, "text": plain(75)},
        {
            "action_id": ID,
            # An empty value is legal; an empty label is not.
            "value": string(2000, 0),
            "url": string(3000),
            "style": one_of("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
        },
    ),
    "plain_text_input": Shape(
        _KIND,
        {
            "action_id": ID,
            "initial_value": string(3000, 0),
            "multiline": boolean,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
            "placeholder": plain(150),
            "dispatch_action_config": anything,
            "focus_on_load": boolean,
        },
    ),
    "static_select": either(
        "options",
        "option_groups",
        Shape(
            _KIND,
            {
                **_COMMON,
                "options": array(_MENU_OPTION, 100),
                "option_groups": array(_GROUP, 100),
                "initial_option": _MENU_OPTION,
                "placeholder": plain(150),
            },
        ),
    ),
    "overflow": Shape(
        {**_KIND, "options": array(_MENU_OPTION, 5)},
        {"action_id": ID, "confirm": CONFIRM},
    ),
    "radio_buttons": Shape(
        {**_KIND, "options": array(_LIST_OPTION, 10)},
        {**_COMMON, "initial_option": _LIST_OPTION},
    ),
    "checkboxes": Shape(
        {**_KIND, "options": array(_LIST_OPTION, 10)},
        {**_COMMON, "initial_options": array(_LIST_OPTION, 10)},
    ),
    "image": either(
        "image_url",
        "slack_file",
        Shape({**_KIND, "alt_text": string(2000)}, {"image_url": string(3000), "slack_file": anything}),
    ),
}

_STYLE: Final = Shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_INLINE: Final[dict[str, Rule]] = {
    "text": Shape({**_KIND, "text": string(40_000)}, {"style": _STYLE}),
    "link": Shape(
        {**_KIND, "url": string(3000)}, {"text": string(40_000), "style": _STYLE, "unsafe": boolean}
    ),
    "emoji": Shape(
        {**_KIND, "name": string(100)}, {"unicode": string(100), "style": _STYLE, "skin_tone": whole(1, 6)}
    ),
    "user": Shape({**_KIND, "user_id": string(20)}, {"style": _STYLE}),
    "usergroup": Shape({**_KIND, "usergroup_id": string(20)}, {"style": _STYLE}),
    "channel": Shape({**_KIND, "channel_id": string(20)}, {"style": _STYLE}),
    "broadcast": Shape({**_KIND, "range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
    "date": Shape(
        {**_KIND, "timestamp": whole(0, 2**40), "format": string(200)},
        {"url": string(3000), "fallback": string(200), "style": _STYLE},
    ),
}
# An empty section is what the composer itself sends for an empty line.
_SPANS: Final = array(by_type(_INLINE), 1_000, 0)
_SECTION: Final = Shape({**_KIND, "elements": _SPANS})
_RICH: Final[dict[str, Rule]] = {
    "rich_text_section": _SECTION,
    "rich_text_quote": Shape({**_KIND, "elements": _SPANS}, {"border": whole(0, 1)}),
    "rich_text_preformatted": Shape(
        {**_KIND, "elements": array(by_type(_INLINE, ("text", "link")), 1_000, 0)},
        {"border": whole(0, 1), "language": string(50)},
    ),
    "rich_text_list": Shape(
        {**_KIND, "style": one_of("bullet", "ordered"), "elements": array(_SECTION, 1_000)},
        {"indent": whole(0, 8), "offset": whole(0, 10_000), "border": whole(0, 1)},
    ),
}

_NAMED: Final[dict[str, Rule]] = {"block_id": ID}
# Which elements may stand where differs: a text input never stands in an actions block.
_ACTION_KINDS: Final = ("button", "static_select", "overflow", "radio_buttons", "checkboxes")
_INPUT_KINDS: Final = ("plain_text_input", "static_select", "radio_buttons", "checkboxes")
_CONTEXT: Final = {
    "plain_text": plain(2000),
    "mrkdwn": text(2000),
    "image": ELEMENTS["image"],
}

BLOCKS: Final[dict[str, Rule]] = {
    "header": Shape({**_KIND, "text": plain(150)}, _NAMED),
    "divider": Shape(_KIND, _NAMED),
    "section": either(
        "text",
        "fields",
        Shape(
            _KIND,
            {
                **_NAMED,
                "text": text(3000),
                "fields": array(text(2000), 10),
                "accessory": by_type(ELEMENTS, (*_ACTION_KINDS, "image")),
                "expand": boolean,
            },
        ),
    ),
    "context": Shape({**_KIND, "elements": array(by_type(_CONTEXT), 10)}, _NAMED),
    "actions": Shape({**_KIND, "elements": array(by_type(ELEMENTS, _ACTION_KINDS), 25)}, _NAMED),
    "input": Shape(
        {**_KIND, "label": plain(2000), "element": by_type(ELEMENTS, _INPUT_KINDS)},
        {**_NAMED, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": Shape({**_KIND, "elements": array(by_type(_RICH), 1_000, 0)}, _NAMED),
    "image": either(
        "image_url",
        "slack_file",
        Shape(
            {**_KIND, "alt_text": string(2000)},
            {**_NAMED, "image_url": string(3000), "slack_file": anything, "title": plain(2000)},
        ),
    ),
}

# Slack takes these three empty and stores them as empty text.
_VIEW: Final[dict[str, Rule]] = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
VIEWS: Final[dict[str, Rule]] = {
    "modal": Shape(
        {**_KIND, "title": plain(24), "blocks": array(by_type(BLOCKS), 100, 0)},
        {
            **_VIEW,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    "home": Shape({**_KIND, "blocks": array(by_type(BLOCKS), 100, 0)}, {**_VIEW, "title": plain(24)}),
}

# Messages hold 50 blocks, views 100.
MESSAGE: Final = array(by_type(BLOCKS), 50, 0)
VIEW: Final = by_type(VIEWS)
