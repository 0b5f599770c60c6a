"""The rules of a custom resource, taken from its definition."""

from __future__ import annotations

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.rules.shape import copied
from upgrader.sandbox.api.schemas.structural import defaulted, pruned
from upgrader.sandbox.api.schemas.validate import violations
from upgrader.sandbox.errors import Cause, bad_request
from upgrader.sandbox.store import Obj

_OWN = ("apiVersion", "kind", "metadata")


def schema_of(resource: Resource, version: str) -> Obj:
    """The schema of a version; empty when it has none."""
    versions = (resource.crd or {}).get("versions") or ()
    found: Obj = next((v for v in versions if v.get("name") == version), {})
    return (found.get("schema") or {}).get("openAPIV3Schema") or {}


def filled_custom(call: Call, obj: Obj) -> Obj:
    """A copy, pruned and with defaults.

    Raises:
        ApiError: 400 under strict field validation when there are unknown fields.
    """
    schema = schema_of(call.target.resource, call.target.version)
    found = copied(obj)
    unknown: list[str] = []
    for name, value in list(found.items()):
        if name not in _OWN:
            _prune_top(found, name, value, schema, unknown)
    if unknown and call.request.query.get("fieldValidation") == "Strict" and call.request.body:
        told = ", ".join(f'unknown field "{path}"' for path in unknown)
        kind, version = call.target.resource.kind, call.target.version
        raise bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: strict decoding error: {told}'
        )
    defaulted(found, schema)
    return found


def _prune_top(found: Obj, name: str, value: object, schema: Obj, unknown: list[str]) -> None:
    below = (schema.get("properties") or {}).get(name)
    if below is not None:
        pruned(value, below, name, unknown)
    elif not schema.get("x-kubernetes-preserve-unknown-fields"):
        del found[name]
        unknown.append(name)


def check_custom(call: Call, obj: Obj) -> list[Cause]:
    """What the schema of the version the call speaks forbids."""
    schema = schema_of(call.target.resource, call.target.version)
    return violations({name: value for name, value in obj.items() if name not in _OWN}, schema)
