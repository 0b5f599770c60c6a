"""Where a kind's rules are looked up: custom resources by their schema, built-in kinds in tables."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.protobuf.strict import refuse_unknown
from upgrader.sandbox.api.rules.defaults import default
from upgrader.sandbox.api.rules.metadata import check_meta
from upgrader.sandbox.api.rules.shape import tidied
from upgrader.sandbox.api.rules.validation import check
from upgrader.sandbox.api.schemas.custom import check_custom, filled_custom
from upgrader.sandbox.errors import Cause
from upgrader.sandbox.store import Obj


def filled(call: Call, obj: Obj) -> Obj:
    """A copy of an object in stored form with its defaults; of custom resources unknown fields are gone.

    Raises:
        ApiError: 400 under strict field validation when there are unknown fields.
    """
    if call.target.resource.crd is not None:
        return filled_custom(call, obj)
    refuse_unknown(call, obj)
    found = tidied(obj)
    found.setdefault("metadata", {})
    default(call.target.resource, found)
    return found


def problems(call: Call, obj: Obj, old: Obj | None) -> Sequence[Cause]:
    """What is wrong with an object in stored form."""
    found = check_meta(call.target.resource, obj, old)
    if call.target.resource.crd is not None:
        return [*found, *check_custom(call, obj)]
    return [*found, *check(call.target.resource, obj, old)]
