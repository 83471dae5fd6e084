"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) as the API server applies them."""

from __future__ import annotations

import jsonpatch
import jsonpointer

from evals.world.kubernetes.errors import BadRequest, Invalid
from evals.world.kubernetes.objects import JsonObject, copied
from evals.world.kubernetes.strategic import strategic_merge

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH)
ALL_PATCH_TYPES = (*PATCH_TYPES, APPLY_PATCH)
CUSTOM_PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
"""Of a kind that was defined by somebody the server does not know how its lists would be merged."""

_MOST_OPERATIONS = 10_000


def patched(current: JsonObject, patch: object, patch_type: str) -> JsonObject:
    """A new object: ``current`` after ``patch``. Raises BadRequest when malformed, Invalid when it
    does not apply.
    """
    if patch_type == JSON_PATCH:
        return _json_patched(current, patch)
    if not isinstance(patch, dict):
        raise BadRequest("json: cannot unmarshal array into Go value of type map[string]interface {}")
    if patch_type == MERGE_PATCH:
        return merge(copied(current), patch)
    return strategic_merge(copied(current), patch)


def merge(target: JsonObject, patch: JsonObject) -> JsonObject:
    """``target`` after a merge patch: null deletes, objects merge, everything else replaces."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            before = target.get(key)
            target[key] = merge(before if isinstance(before, dict) else {}, value)
        else:
            target[key] = value
    return target


def _json_patched(current: JsonObject, patch: object) -> JsonObject:
    if not isinstance(patch, list):
        raise BadRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    # The limit of apiserver's maxJSONPatchOperations.
    if len(patch) > _MOST_OPERATIONS:
        raise BadRequest(
            f"The allowed maximum operations in a JSON patch is {_MOST_OPERATIONS}, got {len(patch)}"
        )
    try:
        result = jsonpatch.JsonPatch(patch).apply(copied(current), in_place=True)
    # TypeError is what jsonpatch raises when a path runs through a scalar.
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError) as error:
        # The real server keeps to itself which operation failed.
        raise Invalid("the server rejected our request due to an error in our request", {}) from error
    if not isinstance(result, dict):
        raise Invalid("the server rejected our request due to an error in our request", {})
    return result
