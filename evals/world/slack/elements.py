"""Block Kit's elements as a table: what can be clicked, chosen and typed, and how long everything may be.

Limits: https://docs.slack.dev/reference/block-kit/block-elements and /composition-objects. A kind outside
the table is ``unsupported type``, as Slack answers for what it does not know.
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
KIND: Final[dict[str, Rule]] = {"type": anything}
_COMMON: Final[dict[str, Rule]] = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": boolean}
_HINT: Final[dict[str, Rule]] = {**_COMMON, "placeholder": plain(150)}
_MENU_OPTION: Final = option(plain(75))
# Radio buttons and checkboxes may carry mrkdwn; menus may not.
_LIST_OPTION: Final = option(text(75))
_GROUP: Final = Shape({"label": plain(75), "options": array(_MENU_OPTION, 100)})

_TEXT: Final[dict[str, Rule]] = {
    "action_id": ID,
    "initial_value": string(3000, 0),
    "placeholder": plain(150),
    "dispatch_action_config": anything,
    "focus_on_load": boolean,
}
OFFER: Final = array(_MENU_OPTION, 100, 0)
_OPTIONS: Final[dict[str, Rule]] = {"options": array(_MENU_OPTION, 100), "option_groups": array(_GROUP, 100)}
_SELECTED: Final = whole(1, 100)
_ID_OF: Final = string(20)

# Lists of people, channels and conversations are filled by the client, so only what is chosen first is named.
_FROM_DIRECTORY: Final[dict[str, Rule]] = {
    "users_select": Shape(KIND, {**_HINT, "initial_user": _ID_OF}),
    "channels_select": Shape(KIND, {**_HINT, "initial_channel": _ID_OF, "response_url_enabled": boolean}),
    "conversations_select": Shape(
        KIND,
        {
            **_HINT,
            "initial_conversation": _ID_OF,
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": anything,
        },
    ),
    "multi_users_select": Shape(
        KIND, {**_HINT, "initial_users": array(_ID_OF, 100), "max_selected_items": _SELECTED}
    ),
    "multi_channels_select": Shape(
        KIND, {**_HINT, "initial_channels": array(_ID_OF, 100), "max_selected_items": _SELECTED}
    ),
    "multi_conversations_select": Shape(
        KIND,
        {
            **_HINT,
            "initial_conversations": array(_ID_OF, 100),
            "default_to_current_conversation": boolean,
            "max_selected_items": _SELECTED,
            "filter": anything,
        },
    ),
}

ELEMENTS: Final[dict[str, Rule]] = {
    "button": Shape(
        {**KIND, "text": plain(75)},
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
        KIND,
        {**_TEXT, "multiline": boolean, "min_length": whole(0, 3000), "max_length": whole(1, 3000)},
    ),
    "number_input": Shape(
        {**KIND, "is_decimal_allowed": boolean},
        {**_TEXT, "min_value": string(100), "max_value": string(100)},
    ),
    "url_text_input": Shape(KIND, _TEXT),
    "email_text_input": Shape(KIND, _TEXT),
    "rich_text_input": Shape(KIND, {**_TEXT, "initial_value": anything}),
    "datepicker": Shape(KIND, {**_HINT, "initial_date": string(10, 10)}),
    "timepicker": Shape(KIND, {**_HINT, "initial_time": string(5, 5), "timezone": string(100)}),
    "datetimepicker": Shape(KIND, {**_COMMON, "initial_date_time": whole(10**9, 10**10 - 1)}),
    "static_select": either(
        "options", "option_groups", Shape(KIND, {**_HINT, **_OPTIONS, "initial_option": _MENU_OPTION})
    ),
    # Its options come from the app while somebody types.
    "external_select": Shape(
        KIND, {**_HINT, "initial_option": _MENU_OPTION, "min_query_length": whole(0, 100)}
    ),
    "multi_static_select": either(
        "options",
        "option_groups",
        Shape(
            KIND,
            {
                **_HINT,
                **_OPTIONS,
                "initial_options": array(_MENU_OPTION, 100),
                "max_selected_items": _SELECTED,
            },
        ),
    ),
    **_FROM_DIRECTORY,
    "overflow": Shape(
        {**KIND, "options": array(_MENU_OPTION, 5)},
        {"action_id": ID, "confirm": CONFIRM},
    ),
    "radio_buttons": Shape(
        {**KIND, "options": array(_LIST_OPTION, 10)},
        {**_COMMON, "initial_option": _LIST_OPTION},
    ),
    "checkboxes": Shape(
        {**KIND, "options": array(_LIST_OPTION, 10)},
        {**_COMMON, "initial_options": array(_LIST_OPTION, 10)},
    ),
    "image": either(
        "image_url",
        "slack_file",
        Shape({**KIND, "alt_text": string(2000)}, {"image_url": string(3000), "slack_file": anything}),
    ),
    # Starts a workflow, of which this workspace has none: it is taken and shown, and cannot be pressed.
    "workflow_button": Shape(
        {**KIND, "text": plain(75), "workflow": anything}, {"action_id": ID, "style": anything}
    ),
}
_TYPED: Final = tuple(name for name in ELEMENTS if name.endswith("_input"))
# Which elements may stand where differs: a text input never stands in an actions block.
ACTION_KINDS: Final = tuple(name for name in ELEMENTS if name not in {*_TYPED, "image"})
INPUT_KINDS: Final = tuple(
    name for name in ELEMENTS if name not in {"button", "overflow", "image", "workflow_button"}
)
