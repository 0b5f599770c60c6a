"""PATCH: four sorts of patches on one road to the store."""

from __future__ import annotations

import orjson
import yaml

from upgrader.sandbox.api.access.escalation import check_grant
from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.fields.lastapplied import KUBECTL, with_last_applied
from upgrader.sandbox.api.fields.managed import applied
from upgrader.sandbox.api.fields.patches import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    json_patch,
    load_patch,
    merge_patch,
)
from upgrader.sandbox.api.fields.shapes import shape_of
from upgrader.sandbox.api.fields.strategic import strategic_patch
from upgrader.sandbox.api.rules.book import check_declared, filled
from upgrader.sandbox.api.rules.shape import copied, tidied
from upgrader.sandbox.api.verbs.again import applied_before, remember_apply
from upgrader.sandbox.api.verbs.bodies import media_of, placed
from upgrader.sandbox.api.verbs.reading import answer
from upgrader.sandbox.api.verbs.writing import check_revision, created, replaced, writer_of
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import (
    ApiError,
    bad_request,
    conflict,
    forbidden_field,
    invalid,
    not_found,
    required,
    unsupported_media,
    wrong,
)
from upgrader.sandbox.store import Obj

_BUILTIN = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
_CUSTOM = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


def sort_of(call: Call) -> str:
    """The patch's content type.

    Raises:
        ApiError: 415.
    """
    media, custom = media_of(call.request), call.target.resource.crd is not None
    if media not in _BUILTIN:
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    if custom and media not in _CUSTOM:
        raise unsupported_media(_CUSTOM)
    return media


def patch(call: Call) -> Response:
    """Change the stored object as the patch says; apply creates it when it is missing.

    Raises:
        ApiError: 400, 404, 409, 415, 422.
    """
    media, dry, _ = sort_of(call), call.dry_run, call.field_validation
    if media == APPLY_PATCH:
        return _apply(call, dry=dry)
    if call.request.query.get("force"):
        why = "may not be specified for non-apply patch"
        raise invalid("PatchOptions", "", [forbidden_field("force", why)], "meta.k8s.io")
    old = call.entry().obj
    shown = call.shown(old)
    patched = patched_by(call, media, shown)
    _check_identity(call, patched)
    meta = {name: value for name, value in patched["metadata"].items() if name != "uid"}
    check_revision(call, {"metadata": meta}, old)
    _check_uid(call, patched, old)
    new = filled(call, call.stored(patched), sent=True)
    return answer(call, call.shown(replaced(call, new, old, dry=dry)))


def patched_by(call: Call, media: str, shown: Obj) -> Obj:
    """A patched copy of an object as the client sees it.

    Raises:
        ApiError: 400 or 422.
    """
    document = load_patch(call.request.body)
    if media == JSON_PATCH:
        return json_patch(shown, document)
    if not isinstance(document, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    if media == MERGE_PATCH:
        merged: Obj = merge_patch(shown, document)
        return merged
    done: Obj = strategic_patch(shown, document, shape_of(call.target.resource, call.target.version))
    return done


def _check_identity(call: Call, patched: Obj) -> None:
    meta = patched.get("metadata")
    if not isinstance(meta, dict):
        raise bad_request("metadata must be an object")
    if meta.get("name") != call.target.name:
        told = meta.get("name") or ""
        raise bad_request(
            f"the name of the object ({told}) does not match the name on the URL ({call.target.name})"
        )
    if (
        patched.get("kind") != call.target.resource.kind
        or patched.get("apiVersion") != call.target.api_version
    ):
        raise bad_request("the object's kind and apiVersion cannot be changed")
    placed(call, dict(meta))


def _check_uid(call: Call, patched: Obj, old: Obj) -> None:
    """Unlike an update, a patch that names another uid is no conflict but invalid; the server says so twice."""
    uid, resource = patched["metadata"].get("uid"), call.target.resource
    if uid and uid != old["metadata"]["uid"]:
        causes = [wrong("metadata.uid", uid, "field is immutable")] * 2
        raise invalid(resource.kind, call.target.name, causes, resource.group)


def applier_of(call: Call) -> tuple[str, bool]:
    """Who applies, and whether by force.

    Raises:
        ApiError: 422 for an apply without a manager.
    """
    name, force = call.request.query.get("fieldManager", ""), call.request.query.get("force") in {"true", "1"}
    if not name:
        cause = required("fieldManager", "is required for apply patch")
        raise invalid("PatchOptions", "", [cause], "meta.k8s.io")
    return name, force


def _apply(call: Call, *, dry: bool) -> Response:
    name, force = applier_of(call)
    entry = call.store.entry(call.key)
    if entry is not None and applied_before(call, entry.obj, name):
        return answer(call, call.shown(entry.obj))
    told = configuration(call, call.target.api_version, call.target.resource.kind)
    check_declared(call, told)
    config = call.stored(told)
    writer = writer_of(call, name)
    if entry is None:
        _refuse_missing(call, config)
        check_grant(call, config)
        call.backend.rbac.require(call.ask("create"))
        empty = {"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {}}
        made = created(call, filled(call, applied(empty, config, writer, force=force)), dry=dry, owned=True)
        return answer(call, call.shown(made), status=201)
    old = entry.obj
    check_revision(call, config, old)
    new = applied(old, config, writer, force=force)
    new = filled(call, with_last_applied(new, told) if name == KUBECTL else new)
    done = replaced(call, new, old, dry=dry, owned=True)
    if not dry:
        remember_apply(call, config, done, name)
    return answer(call, call.shown(done))


def _refuse_missing(call: Call, config: Obj) -> None:
    resource, meta = call.target.resource, config["metadata"]
    if call.target.subresource:
        raise not_found(resource.plural, call.target.name, resource.group)
    if meta.get("uid"):
        why = "StorageError: invalid object, the resource may have been deleted"
        raise conflict(resource.plural, call.target.name, resource.group, why)


def configuration(call: Call, api_version: str, kind: str) -> Obj:
    """The applied object of this kind, complete and in its place.

    Raises:
        ApiError: 400.
    """
    text = call.request.body
    try:
        config = orjson.loads(text) if text[:1] == b"{" else yaml.safe_load(text)
    except (orjson.JSONDecodeError, yaml.YAMLError) as problem:
        raise bad_request(f"error decoding YAML: {problem}") from problem
    if not isinstance(config, dict) or not isinstance(config.get("metadata") or {}, dict):
        raise bad_request("error decoding YAML: not an object")
    _check_versions(config, api_version, kind)
    meta = placed(call, dict(config.get("metadata") or {}))
    if meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if meta.setdefault("name", call.target.name) != call.target.name:
        told = meta["name"]
        raise bad_request(
            f"the name of the object ({told}) does not match the name on the URL ({call.target.name})"
        )
    config = {**config, "metadata": meta}
    if call.target.resource.crd is not None:
        return copied(config)
    found: Obj = tidied(config)
    return found | {name: {} for name, value in config.items() if value == {}}


def _check_versions(config: Obj, api_version: str, kind: str) -> None:
    if not config.get("kind"):
        raise bad_request("invalid object type: /, Kind=")
    if config.get("apiVersion") != api_version:
        told = config.get("apiVersion", "")
        raise bad_request(
            f"Incorrect version specified in apply patch. Specified patch version: {told}, expected: {api_version}"
        )
    if config["kind"] != kind:
        raise bad_request(f"Incorrect kind specified in apply patch: {config['kind']}")
