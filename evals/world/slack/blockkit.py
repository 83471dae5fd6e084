"""Block Kit's blocks and views as tables: which exist and how long everything may be.

Limits: https://docs.slack.dev/reference/block-kit/blocks and /views. A kind outside these tables is
``unsupported type``, as Slack answers for what it does not know.
"""

from typing import Final

from evals.world.slack.elements import ACTION_KINDS, ELEMENTS, ID, INPUT_KINDS, KIND, plain, text
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

_STYLE: Final = Shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_INLINE: Final[dict[str, Rule]] = {
    "text": Shape({**KIND, "text": string(40_000)}, {"style": _STYLE}),
    "link": Shape(
        {**KIND, "url": string(3000)}, {"text": string(40_000), "style": _STYLE, "unsafe": boolean}
    ),
    "emoji": Shape(
        {**KIND, "name": string(100)}, {"unicode": string(100), "style": _STYLE, "skin_tone": whole(1, 6)}
    ),
    "user": Shape({**KIND, "user_id": string(20)}, {"style": _STYLE}),
    "usergroup": Shape({**KIND, "usergroup_id": string(20)}, {"style": _STYLE}),
    "channel": Shape({**KIND, "channel_id": string(20)}, {"style": _STYLE}),
    "broadcast": Shape({**KIND, "range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
    "date": Shape(
        {**KIND, "timestamp": whole(0, 2**40), "format": string(200)},
        {"url": string(3000), "fallback": string(200), "style": _STYLE},
    ),
}
# An empty section is what the composer itself sends for an empty line.
_SPANS: Final = array(by_type(_INLINE), 1_000, 0)
_SECTION: Final = Shape({**KIND, "elements": _SPANS})
_RICH: Final[dict[str, Rule]] = {
    "rich_text_section": _SECTION,
    "rich_text_quote": Shape({**KIND, "elements": _SPANS}, {"border": whole(0, 1)}),
    "rich_text_preformatted": Shape(
        {**KIND, "elements": array(by_type(_INLINE, ("text", "link")), 1_000, 0)},
        {"border": whole(0, 1), "language": string(50)},
    ),
    "rich_text_list": Shape(
        {**KIND, "style": one_of("bullet", "ordered"), "elements": array(_SECTION, 1_000)},
        {"indent": whole(0, 8), "offset": whole(0, 10_000), "border": whole(0, 1)},
    ),
}

_NAMED: Final[dict[str, Rule]] = {"block_id": ID}
_CONTEXT: Final = {
    "plain_text": plain(2000),
    "mrkdwn": text(2000),
    "image": ELEMENTS["image"],
}

BLOCKS: Final[dict[str, Rule]] = {
    "header": Shape({**KIND, "text": plain(150)}, _NAMED),
    "divider": Shape(KIND, _NAMED),
    "section": either(
        "text",
        "fields",
        Shape(
            KIND,
            {
                **_NAMED,
                "text": text(3000),
                "fields": array(text(2000), 10),
                "accessory": by_type(ELEMENTS, (*ACTION_KINDS, "image")),
                "expand": boolean,
            },
        ),
    ),
    "context": Shape({**KIND, "elements": array(by_type(_CONTEXT), 10)}, _NAMED),
    "actions": Shape({**KIND, "elements": array(by_type(ELEMENTS, ACTION_KINDS), 25)}, _NAMED),
    "input": Shape(
        {**KIND, "label": plain(2000), "element": by_type(ELEMENTS, INPUT_KINDS)},
        {**_NAMED, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": Shape({**KIND, "elements": array(by_type(_RICH), 1_000, 0)}, _NAMED),
    "image": either(
        "image_url",
        "slack_file",
        Shape(
            {**KIND, "alt_text": string(2000)},
            {**_NAMED, "image_url": string(3000), "slack_file": anything, "title": plain(2000)},
        ),
    ),
    # Only of remote files; the content stays where it is.
    "file": Shape({**KIND, "external_id": string(255), "source": one_of("remote")}, _NAMED),
    "markdown": Shape({**KIND, "text": string(12_000)}, _NAMED),
    # A player of another server, which nothing here ever asks.
    "video": Shape(
        {
            **KIND,
            "alt_text": string(2000),
            "title": plain(200),
            "video_url": string(3000),
            "thumbnail_url": string(3000),
        },
        {
            **_NAMED,
            "author_name": string(50),
            "description": plain(200),
            "provider_icon_url": string(3000),
            "provider_name": string(50),
            "title_url": string(3000),
        },
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
        {**KIND, "title": plain(24), "blocks": array(by_type(BLOCKS), 100, 0)},
        {
            **_VIEW,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    ),
    "home": Shape({**KIND, "blocks": array(by_type(BLOCKS), 100, 0)}, {**_VIEW, "title": plain(24)}),
}

# Messages hold 50 blocks, views 100.
MESSAGE: Final = array(by_type(BLOCKS), 50, 0)
VIEW: Final = by_type(VIEWS)
