"""What Slack's own client does with inputs before the app hears of them: collect them and check them."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from evals.world.slack.blocks import elements_of
from evals.world.slack.wire import JsonObject

# What a person typed or chose, by action id or by block id and action id.
Values = JsonObject

# Element type: (the field that carries what was chosen, the field of its initial value).
# https://docs.slack.dev/reference/views/#view_submission_events
FIELDS: Final[dict[str, tuple[str, str]]] = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", ""),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
}
# These have actions but no value of their own in a form.
_WITHOUT_VALUE: Final = frozenset({"button", "overflow", "image"})
_URL: Final = re.compile(r"https?://[^\s/]+\S*")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def fill(view: JsonObject, values: Values) -> tuple[JsonObject, dict[str, str]]:
    """``state.values`` of a view or message, and the client's complaints by block id."""
    state: JsonObject = {}
    errors: dict[str, str] = {}
    for block in view.get("blocks", []):
        for element in elements_of(block):
            if element["type"] in _WITHOUT_VALUE or element["type"] not in FIELDS:
                continue
            given = _given(values, block["block_id"], element)
            state.setdefault(block["block_id"], {})[element["action_id"]] = entry(element, given)
            if block["type"] == "input" and (complaint := _complaint(block, element, given)):
                errors[block["block_id"]] = complaint
    return state, errors


def _given(values: Values, block_id: str, element: JsonObject) -> object:
    # By block first: two blocks may use the same action id.
    nested = values.get(block_id)
    if isinstance(nested, dict) and element["action_id"] in nested:
        return nested[element["action_id"]]
    if element["action_id"] in values:
        return values[element["action_id"]]
    initial = element.get(FIELDS[element["type"]][1])
    if isinstance(initial, list):
        return [one["value"] if isinstance(one, dict) else one for one in initial]
    # A menu is asked by value; what an external one offers is known as a whole only.
    if isinstance(initial, dict) and "value" in initial and element["type"] != "external_select":
        return initial["value"]
    return initial


def entry(element: JsonObject, given: object) -> JsonObject:
    """What Slack says of one element: its type and, under the field of its kind, what was chosen."""
    name, _ = FIELDS[element["type"]]
    return {"type": element["type"], name: _chosen(element, name, given)}


def _chosen(element: JsonObject, name: str, given: object) -> object:
    if name == "selected_option":
        return choice(element, given)
    if name.endswith("s"):
        chosen = given if isinstance(given, list) else []
        return (
            [o for o in options_of(element) if o["value"] in chosen] if name == "selected_options" else chosen
        )
    if given in (None, ""):
        return None
    if name == "selected_date_time":
        return int(str(given))
    if name == "rich_text_value" and isinstance(given, str):
        return _rich(given)
    return given if name == "rich_text_value" else str(given)


def _rich(text: str) -> JsonObject:
    """Typed text as the composer sends it: one section without styles."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def options_of(element: JsonObject) -> list[JsonObject]:
    """All options of a menu, grouped or not."""
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return list(element.get("options", [])) + grouped


def choice(element: JsonObject, value: object) -> JsonObject | None:
    """The option with this value, or None."""
    # What an external menu offered is known to the client alone, which holds the whole option.
    if element["type"] == "external_select":
        return value if isinstance(value, dict) and {"text", "value"} <= value.keys() else None
    return next((option for option in options_of(element) if option["value"] == value), None)


def _complaint(block: JsonObject, element: JsonObject, given: object) -> str | None:
    """Slack's client wording for a required input left empty, or one that is not what it asks for."""
    if given in (None, "", []):
        return None if block.get("optional") else "This is a required field"
    kind, text = element["type"], str(given)
    if kind == "plain_text_input":
        return _length(element, text)
    if kind == "number_input":
        return _number(element, text)
    right = {
        "url_text_input": (_URL.fullmatch(text), "Must be a valid URL"),
        "email_text_input": (_EMAIL.fullmatch(text), "Must be a valid email address"),
        "static_select": (choice(element, given), "Choose one of the options"),
        "external_select": (choice(element, given), "Choose one of the options"),
        "radio_buttons": (choice(element, given), "Choose one of the options"),
    }
    found, complaint = right.get(kind, (True, ""))
    return None if found else complaint


def _length(element: JsonObject, text: str) -> str | None:
    if len(text) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters"
    if len(text) > element.get("max_length", 3000):
        return f"Must be less than {element.get('max_length', 3000)} characters"
    return None


def _number(element: JsonObject, text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "Must be a number"
    # "NaN" and "Infinity" are numbers to Python and to nobody who fills in a form.
    if not number.is_finite():
        return "Must be a number"
    if not element.get("is_decimal_allowed") and number != number.to_integral_value():
        return "Must be a whole number"
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Must be at least {element['min_value']}"
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Must be at most {element['max_value']}"
    return None
