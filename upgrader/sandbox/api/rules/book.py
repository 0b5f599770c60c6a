"""Where a kind's rules are looked up: custom resources by their schema, built-in kinds in tables."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.fields.compare import repeated
from upgrader.sandbox.api.fields.shapes import shape_of
from upgrader.sandbox.api.rules.defaults import default
from upgrader.sandbox.api.rules.metadata import check_meta
from upgrader.sandbox.api.rules.shape import copied
from upgrader.sandbox.api.rules.validation import check
from upgrader.sandbox.api.schemas.builtin import Mistyped, known_builtin, undeclared
from upgrader.sandbox.api.schemas.custom import check_custom, known_custom, undeclared_custom
from upgrader.sandbox.api.schemas.notice import notice, refuse_untyped, undecoded
from upgrader.sandbox.errors import Cause
from upgrader.sandbox.store import Obj


def filled(call: Call, obj: Obj, *, sent: bool = False) -> Obj:
    """A copy of an object in stored form with its defaults and without the fields its kind does not have.

    Args:
        call: Whose target tells the kind.
        obj: Not changed.
        sent: It is what the client sent, so that it hears of unknown fields.

    Raises:
        ApiError: 400 or 422 under strict field validation when the client sent unknown fields, and always for fields
            of another type.
    """
    resource, unknown = call.target.resource, list[str]()
    if resource.crd is not None:
        found = known_custom(resource, call.target.version, obj, unknown)
        unknown.sort()
    else:
        try:
            found = known_builtin(resource, obj, unknown)
        except Mistyped as problem:
            raise undecoded(call, str(problem), obj) from problem
    if sent and unknown:
        notice(call, unknown, obj)
    found.setdefault("metadata", {})
    if resource.crd is None:
        default(resource, found)
    return found


def refilled(call: Call, obj: Obj) -> Obj:
    """A copy of an object as admission left it, with defaults for what admission added."""
    if call.target.resource.crd is not None:
        return filled(call, obj)
    found = copied(obj)
    default(call.target.resource, found)
    return found


def check_declared(call: Call, config: Obj) -> None:
    """Refuse an object to be applied, in the version of the call, that has fields its kind does not have, or keys twice.

    Raises:
        ApiError: 500, which is what the server says.
    """
    target = call.target
    shape = shape_of(target.resource, target.version)
    look = undeclared if target.resource.crd is None else undeclared_custom
    unknown = look(target.resource, target.version, config, shape)
    problems = [f"{path}: field not declared in schema" for path in unknown]
    refuse_untyped(call, problems or list(repeated(config, shape)))


def problems(call: Call, obj: Obj, old: Obj | None) -> Sequence[Cause]:
    """What is wrong with an object in stored form."""
    found = check_meta(call.target.resource, obj, old)
    if call.target.resource.crd is not None:
        return [*found, *check_custom(call.target.resource, call.target.version, obj)]
    return [*found, *check(call.target.resource, obj, old)]
