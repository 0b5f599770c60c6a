"""JSON patch and JSON merge patch."""

from __future__ import annotations

from typing import Any, ClassVar

import jsonpatch
import jsonpointer
import orjson

from upgrader.sandbox.errors import ApiError, bad_request
from upgrader.sandbox.store import Obj

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def load_patch(body: bytes) -> Any:
    """The patch document.

    Raises:
        ApiError: 400.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise bad_request(f"error decoding patch: {problem}") from problem


def json_patch(obj: Obj, operations: Any) -> Obj:
    """A patched copy.

    Raises:
        ApiError: 422 when an operation cannot be carried out or a test fails, 400 when the patch is no list.
    """
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    try:
        patched: Obj = _Patch(operations).apply(obj)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as problem:
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", message, {}) from problem
    return patched


def go_text(value: Any) -> str:
    """JSON as Go's ``%v`` writes it: ``map[a:1 b:[x y]]``."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if value is None:
        return "<nil>"
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


class _Replace(jsonpatch.ReplaceOperation):
    """As the API server's library has it: a member that is not there is put there."""

    def apply(self, obj: Any) -> Any:
        place, part = self.pointer.to_last(obj)
        if isinstance(place, dict) and part is not None:
            place[part] = self.operation["value"]
            return obj
        return super().apply(obj)


class _Patch(jsonpatch.JsonPatch):
    operations: ClassVar[Any] = {**jsonpatch.JsonPatch.operations, "replace": _Replace}


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386; unchanged parts are shared with the target, not copied."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
