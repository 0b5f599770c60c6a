"""What a client hears of the fields nobody knows: nothing, warnings or a refusal, as it asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.fields.patches import STRATEGIC_PATCH
from upgrader.sandbox.errors import ApiError, bad_request, invalid, wrong
from upgrader.sandbox.store import Obj


def notice(call: Call, unknown: Sequence[str], obj: Obj) -> None:
    """Tell of fields that were dropped from an object the client sent.

    Raises:
        ApiError: under ``fieldValidation=Strict``; 400, and 422 for a patch.
    """
    told = [f'unknown field "{path}"' for path in unknown]
    if call.field_validation == "Warn":
        call.warnings.extend(told)
    elif call.field_validation == "Strict" and told:
        raise _refusal(call, f"strict decoding error: {', '.join(told)}", obj)


def _refusal(call: Call, why: str, obj: Obj) -> ApiError:
    if call.verb == "patch":
        media = call.request.header("Content-Type").partition(";")[0].strip()
        patch = orjson.loads(call.request.body)
        shown = go_text(patch) if media == STRATEGIC_PATCH else orjson.dumps(obj).decode()
        return invalid("", "", [wrong("patch", shown, why)])
    kind, version = call.target.resource.kind, call.target.version
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def go_text(value: Any) -> str:
    """JSON as Go's ``%v`` writes it: ``map[a:1 b:[x y]]``."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if value is None:
        return "<nil>"
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def refuse_undeclared(call: Call, config: Obj, undeclared: Iterable[str]) -> None:
    """Refuse an applied object with fields its kind does not have; no option makes the server drop them.

    Raises:
        ApiError: 500, which is what the server says.
    """
    problems = [f"{path}: field not declared in schema" for path in undeclared]
    if not problems:
        return
    told = problems[0] if len(problems) == 1 else "\n".join(["errors:", *(f"  {each}" for each in problems)])
    target, name = call.target, config["metadata"]["name"]
    kind = f"{target.resource.group}/{target.version}, Kind={target.resource.kind}"
    message = f"failed to create typed patch object ({target.namespace}/{name}; {kind}): {told}"
    raise ApiError(500, "", message)
