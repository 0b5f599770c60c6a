"""What a client hears of the fields nobody knows: nothing, warnings or a refusal, as it asked."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import yaml

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.fields.patches import STRATEGIC_PATCH, go_text
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
        raise undecoded(call, f"strict decoding error: {', '.join(told)}", obj)


def undecoded(call: Call, why: str, obj: Obj) -> ApiError:
    """What the server says of an object that its decoder does not take: 400, and 422 for a patch."""
    if call.verb == "patch":
        media = call.request.header("Content-Type").partition(";")[0].strip()
        patch = orjson.loads(call.request.body)
        shown = go_text(patch) if media == STRATEGIC_PATCH else _sorted(obj)
        return invalid("", "", [wrong("patch", shown, why)])
    kind, version = call.target.resource.kind, call.target.version
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def _sorted(obj: Obj) -> str:
    """JSON as Go writes a map."""
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS).decode()


def refuse_untyped(call: Call, problems: Sequence[str]) -> None:
    """Refuse an applied object that its schema does not fit; no option makes the server drop anything.

    Raises:
        ApiError: 500, which is what the server says.
    """
    if not problems:
        return
    told = problems[0] if len(problems) == 1 else "\n".join(["errors:", *(f"  {each}" for each in problems)])
    target = call.target
    meta = (yaml.safe_load(call.request.body) or {}).get("metadata") or {}
    place = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
    kind = f"{target.resource.group}/{target.version}, Kind={target.resource.kind}"
    message = f"failed to create typed patch object ({place}; {kind}): {told}"
    raise ApiError(500, "", message)
