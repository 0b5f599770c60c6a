"""What the client accepts and how objects are put on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import orjson
import yaml

from upgrader.sandbox.api.wire import JSON, Response
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Entry, Obj, encode_bare

_JSON_HEADERS = {"Content-Type": JSON}
_SERVED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_SHAPES = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"})


@dataclass(frozen=True, slots=True)
class Form:
    """The representation chosen: ``shape`` is empty for plain objects, otherwise a kind such as Table."""

    shape: str = ""
    version: str = "v1"
    media: str = JSON


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Form:
    """The first acceptable representation. Protobuf is answered as JSON, which every client reads.

    Raises:
        ApiError: 406.
    """
    if not accept:
        return Form()
    unknown = False
    for clause in accept.split(","):
        media, *rest = [part.strip() for part in clause.split(";")]
        options = dict(part.partition("=")[::2] for part in rest)
        if media in {"*/*", "application/*", _PROTOBUF}:
            media = JSON
        shape = options.get("as", "")
        if media not in {JSON, "application/yaml"}:
            continue
        if shape and shape not in _SHAPES:
            unknown = True
            continue
        return Form(shape, options.get("v", "v1"), media)
    listed = ", ".join(_SERVED)
    if unknown:
        raise ApiError(406, "NotAcceptable", f"only the following media types are accepted: {listed}")
    raise ApiError(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {listed}", {})


@lru_cache(maxsize=1024)
def head(kind: str, api_version: str) -> bytes:
    """The opening of an object's JSON up to the comma after apiVersion."""
    return b'{"kind":' + orjson.dumps(kind) + b',"apiVersion":' + orjson.dumps(api_version) + b","


def join(kind: str, api_version: str, body: bytes) -> bytes:
    """A whole object from its bare body."""
    if body == b"{}":
        return head(kind, api_version)[:-1] + b"}"
    return head(kind, api_version) + body[1:]


def entry_bytes(entry: Entry, kind: str, api_version: str) -> bytes:
    """A stored object as a version that differs in nothing but its name shows it."""
    return join(kind, api_version, entry.body())


def object_bytes(obj: Obj) -> bytes:
    """Any object with ``kind`` and ``apiVersion`` in front."""
    return join(obj["kind"], obj["apiVersion"], encode_bare(obj))


def encode_item(obj: Obj, *, custom: bool) -> bytes:
    """An item of a list: with its kind only when it is a custom resource."""
    return object_bytes(obj) if custom else encode_bare(obj)


def reply(body: bytes, form: Form | None = None, status: int = 200) -> Response:
    """An answer in the media type chosen."""
    if form is not None and form.media != JSON:
        text = yaml.safe_dump(orjson.loads(body), sort_keys=False)
        return Response(status, {"Content-Type": form.media}, text.encode())
    return Response(status, _JSON_HEADERS, body)


def reply_object(obj: Obj, form: Form | None = None, status: int = 200) -> Response:
    """An answer that is one object, not necessarily stored."""
    return reply(object_bytes(obj) if "kind" in obj else orjson.dumps(obj), form, status)


def failure(error: ApiError) -> Response:
    """An answer that is a refusal."""
    if error.text is not None:
        return Response(error.status, {"Content-Type": "text/plain; charset=utf-8"}, error.text.encode())
    headers = dict(_JSON_HEADERS)
    if "retryAfterSeconds" in error.details:
        headers["Retry-After"] = str(error.details["retryAfterSeconds"])
    return Response(error.status, headers, orjson.dumps(error.body()))


def warned(answer: Response, warnings: Sequence[str]) -> Response:
    """An answer that tells warnings beside it, each once, in one header."""
    told = (warning.replace("\\", "\\\\").replace('"', '\\"') for warning in dict.fromkeys(warnings))
    header = ", ".join(f'299 - "{warning}"' for warning in told)
    return msgspec.structs.replace(answer, headers={**answer.headers, "Warning": header})


def success(details: Obj | None = None, status: int = 200) -> Response:
    """A Status that says it worked."""
    body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        body["details"] = details
    if status != 200:
        body["code"] = status
    return Response(status, _JSON_HEADERS, orjson.dumps(body))


def partial(obj: Obj, version: str = "v1") -> Obj:
    """The PartialObjectMetadata of an object."""
    named = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}"}
    return {**named, "metadata": obj["metadata"]}
