"""What Slack's own client does with a modal before the app hears of it: collect the inputs and check them."""

from evals.world.slack.blocks import elements_of
from evals.world.slack.wire import JsonObject

# What a person typed or chose, by action id or by block id and action id.
Values = JsonObject


def fill(view: JsonObject, values: Values) -> tuple[JsonObject, dict[str, str]]:
    """``state.values`` of a submission, and the client's complaints by block id (then nothing is sent)."""
    state: JsonObject = {}
    errors: dict[str, str] = {}
    for block in view["blocks"]:
        for element in elements_of(block):
            # These have actions but no value of their own.
            if element["type"] in {"button", "overflow", "image"}:
                continue
            given = _given(values, block["block_id"], element)
            state.setdefault(block["block_id"], {})[element["action_id"]] = _entry(element, given)
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
    initial = element.get("initial_option")
    return initial["value"] if initial else element.get("initial_value")


def _entry(element: JsonObject, given: object) -> JsonObject:
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": str(given) if given not in (None, "") else None}
    if kind == "checkboxes":
        chosen = given if isinstance(given, list) else []
        return {"type": kind, "selected_options": [o for o in options_of(element) if o["value"] in chosen]}
    return {"type": kind, "selected_option": choice(element, given)}


def options_of(element: JsonObject) -> list[JsonObject]:
    """All options of a menu, grouped or not."""
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return list(element.get("options", [])) + grouped


def choice(element: JsonObject, value: object) -> JsonObject | None:
    """The option with this value, or None."""
    return next((option for option in options_of(element) if option["value"] == value), None)


def _complaint(block: JsonObject, element: JsonObject, given: object) -> str | None:
    """Slack's client wording for a required, too short or too long input."""
    if given in (None, "", []):
        return None if block.get("optional") else "This is a required field"
    if element["type"] == "plain_text_input":
        length = len(str(given))
        if length < element.get("min_length", 0):
            return f"Must be at least {element['min_length']} characters"
        if length > element.get("max_length", 3000):
            return f"Must be less than {element.get('max_length', 3000)} characters"
    elif element["type"] != "checkboxes" and choice(element, given) is None:
        return "Choose one of the options"
    return None
