"""Request bodies: objects, patches and options in the content types the API server reads."""

from __future__ import annotations

import json
from typing import Any

import orjson
import yaml

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.protobuf import decode_unknown
from upgrader.sandbox.api.wire import JSON, Request
from upgrader.sandbox.errors import ApiError, bad_request, invalid, unsupported_media, wrong
from upgrader.sandbox.store import Obj

PROTOBUF = "application/vnd.kubernetes.protobuf"
_SHOWN = 30
"""Characters of a body that a refusal repeats."""
_OBJECTS = (JSON, "application/yaml", PROTOBUF)
_CUSTOM_OBJECTS = (JSON, "application/yaml")


def media_of(request: Request) -> str:
    """Content type without parameters; JSON when none is named."""
    return request.header("Content-Type").partition(";")[0].strip() or JSON


def read_object(call: Call) -> Obj:
    """The object in the body, with ``kind`` and ``apiVersion`` filled in and its place checked.

    Raises:
        ApiError: 400 for what cannot be understood, 415 for unknown content types.
    """
    resource = call.target.resource
    accepted = _CUSTOM_OBJECTS if resource.crd is not None else _OBJECTS
    obj = parse_body(call.request, accepted, _expected_kind(call))
    return _identified(call, obj)


def _expected_kind(call: Call) -> str:
    named = {"eviction": "Eviction", "scale": "Scale", "binding": "Binding", "token": "TokenRequest"}
    return named.get(call.target.subresource, call.target.resource.kind)


def parse_body(request: Request, accepted: tuple[str, ...], kind: str) -> Obj:
    """The body as a JSON object.

    Raises:
        ApiError: 400 or 415.
    """
    media = media_of(request)
    if media not in accepted:
        raise unsupported_media(accepted)
    if media == PROTOBUF:
        return decode_unknown(request.body)
    text = request.body
    try:
        found = orjson.loads(text) if media == JSON else yaml.safe_load(text)
    except (orjson.JSONDecodeError, yaml.YAMLError) as problem:
        raise _unreadable(text, kind) from problem
    if not isinstance(found, dict):
        raise _unreadable(text, kind)
    return found


def _unreadable(text: bytes, kind: str) -> ApiError:
    shown = text.decode(errors="replace")
    why = f"couldn't get version/kind; json parse error: {_complaint(shown)} ({_summary(shown)})"
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why}")


def _summary(text: str) -> str:
    """The beginning of a body."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _complaint(text: str) -> str:
    """The words of Go's JSON decoder for the place Python stops at."""
    try:
        json.loads(text)
    except json.JSONDecodeError as problem:
        if problem.pos >= len(text):
            return "unexpected end of JSON input"
        before = text[: problem.pos].rstrip()
        sought = "beginning of object key string" if before.endswith("{") else "beginning of value"
        return f"invalid character '{text[problem.pos]}' looking for {sought}"
    return "json: cannot unmarshal value into Go value of type struct"


def _identified(call: Call, obj: Obj) -> Obj:
    """The object with the names the URL implies.

    Raises:
        ApiError: 400 when object and URL disagree.
    """
    resource, kind = call.target.resource, _expected_kind(call)
    if resource.crd is not None and not obj.get("kind"):
        text = call.request.body.decode(errors="replace")

        why = f"Object 'Kind' is missing in '{text}' ({_summary(text)})"
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): {why}")
    told_kind, told_version = obj.get("kind") or kind, obj.get("apiVersion")
    expected = call.target.api_version if kind == resource.kind else told_version
    if told_kind != kind or told_version not in {None, "", expected}:
        raise _other_kind(call, told_kind, told_version or call.target.api_version)
    if not isinstance(obj.get("metadata") or {}, dict):
        raise bad_request(
            f"{kind} in version {call.target.version!r} cannot be handled as a {kind}: bad metadata"
        )
    named = {"kind": kind, "apiVersion": expected or call.target.api_version, **obj}
    named["kind"], named["apiVersion"] = kind, expected or call.target.api_version
    named["metadata"] = placed(call, dict(obj.get("metadata") or {}))
    return named


def _other_kind(call: Call, kind: str, api_version: str) -> ApiError:
    group, _, version = api_version.rpartition("/")
    resource, expected = call.target.resource, _expected_kind(call)
    if group == resource.group and version == call.target.version and resource.crd is None:
        internal = resource.group.partition(".")[0] or "core"
        why = f"converting (v1.{kind}) to ({internal}.{expected}): unknown conversion"
        return bad_request(f'{kind} in version "{version}" cannot be handled as a {expected}: {why}')
    if resource.crd is not None and kind != expected:
        cause = wrong("kind", kind, f"must be {expected}")
        meta = orjson.loads(call.request.body).get("metadata") or {}
        return invalid(kind, str(meta.get("name") or ""), [cause], group)
    if kind == expected and (group == resource.group or resource.crd is not None):
        wanted = call.target.api_version
        return bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({wanted})"
        )
    return bad_request(
        f"no kind {kind!r} is registered for version {api_version!r} as a {expected}".replace("'", '"')
    )


def placed(call: Call, meta: Obj) -> Obj:
    """Metadata with the namespace of the URL.

    Raises:
        ApiError: 400 when the object names another namespace.
    """
    if not call.target.resource.namespaced:
        meta.pop("namespace", None)
        return meta
    told = meta.get("namespace")
    if told and told != call.target.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    meta["namespace"] = call.target.namespace
    return meta


def read_options(call: Call) -> Obj:
    """DeleteOptions of the body, joined with those of the query.

    Raises:
        ApiError: 400 or 415.
    """
    found: Obj = {}
    if call.request.body:
        found = parse_body(call.request, _OBJECTS, "DeleteOptions")
    for name in ("propagationPolicy", "gracePeriodSeconds", "dryRun", "orphanDependents"):
        value: Any = call.request.query.get(name)
        if value in {None, ""} or name in found:
            continue
        found[name] = _typed(name, value)
    return found


def _typed(name: str, value: str) -> Any:
    if name == "gracePeriodSeconds":
        if not value.lstrip("-").isdigit():
            raise bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax')
        return int(value)
    return {"dryRun": [value], "orphanDependents": value == "true"}.get(name, value)
