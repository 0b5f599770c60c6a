"""The scale subresource."""

from __future__ import annotations

import msgspec

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import reply_object
from upgrader.sandbox.api.fields.managed import Writer, applied
from upgrader.sandbox.api.fields.owners import Manager, Owned, Owners, owners_of, with_owners
from upgrader.sandbox.api.fields.patches import APPLY_PATCH
from upgrader.sandbox.api.fields.sets import LEAF, FieldSet, difference, intersection
from upgrader.sandbox.api.fields.shapes import PLAIN
from upgrader.sandbox.api.rules.book import filled
from upgrader.sandbox.api.verbs.bodies import read_object
from upgrader.sandbox.api.verbs.patching import applier_of, configuration, patched_by, sort_of
from upgrader.sandbox.api.verbs.writing import check_revision, replaced
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import invalid, wrong
from upgrader.sandbox.store import Obj

_META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_VERSION = "autoscaling/v1"
_REPLICAS: FieldSet = {"f:spec": {"f:replicas": LEAF}}
_OPERATORS = {"In": "in", "NotIn": "notin"}


def get(call: Call) -> Response:
    """The Scale of the object."""
    return reply_object(scale_of(call.entry().obj))


def update(call: Call) -> Response:
    """Another number of replicas.

    Raises:
        ApiError: 404, 409, 422.
    """
    return _write(call, read_object(call))


def patch(call: Call) -> Response:
    """Another number of replicas, as a patch of the Scale.

    Raises:
        ApiError: 400, 404, 409, 415, 422.
    """
    media = sort_of(call)
    if media == APPLY_PATCH:
        return _apply(call)
    return _write(call, patched_by(call, media, scale_of(call.entry().obj)))


def _write(call: Call, scale: Obj) -> Response:
    old = call.entry().obj
    check_revision(call, {"metadata": scale.get("metadata") or {}}, old)
    new = _scaled(call, old, scale)
    return reply_object(scale_of(replaced(call, new, old, dry=call.dry_run)))


def _scaled(call: Call, old: Obj, scale: Obj) -> Obj:
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        cause = wrong("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", call.target.name, [cause], "autoscaling")
    new = filled(call, {**old, "spec": {**old["spec"], "replicas": replicas}})
    new["spec"]["replicas"] = replicas
    return new


def _apply(call: Call) -> Response:
    """Whoever applies a Scale owns the replicas of the object, and of the object nothing else.

    Source: k8s.io/apimachinery, pkg/util/managedfields/scalehandler.go.
    """
    name, force = applier_of(call)
    config = configuration(call, _VERSION, "Scale")
    old = call.entry().obj
    check_revision(call, config, old)
    parents = owners_of(old)
    writer = Writer(name, _VERSION, "scale", PLAIN, call.backend.now(), (("f:status",),))
    scale = applied(with_owners(scale_of(old), _of_scale(parents)), config, writer, force=force)
    owners = _of_parent(parents, owners_of(scale), call.target.api_version)
    new = with_owners(_scaled(call, old, scale), owners)
    return reply_object(scale_of(replaced(call, new, old, dry=call.dry_run, owned=True)))


def _seen(manager: Manager) -> Manager:
    return msgspec.structs.replace(manager, version=_VERSION if manager.version else "")


def _of_scale(parents: Owners) -> Owners:
    """Who owns the replicas, as the Scale tells it."""
    return {
        _seen(manager): Owned(_REPLICAS, _VERSION, owned.time)
        for manager, owned in parents.items()
        if intersection(owned.fields, _REPLICAS)
    }


def _of_parent(parents: Owners, scales: Owners, version: str) -> Owners:
    """The owners of the object once those of its Scale are settled."""
    found: Owners = {}
    left = dict(scales)
    for manager, owned in parents.items():
        keeps = left.pop(_seen(manager), None) is not None
        fields = owned.fields if keeps else difference(owned.fields, _REPLICAS)
        found[manager] = msgspec.structs.replace(owned, fields=fields)
    for manager, owned in left.items():
        mine = msgspec.structs.replace(manager, version=version if manager.version else "")
        found[mine] = Owned(_REPLICAS, version, owned.time)
    return found


def scale_of(obj: Obj) -> Obj:
    """The autoscaling/v1 Scale of a workload; a count of zero is left out, as the server does."""
    meta = {name: obj["metadata"][name] for name in _META if name in obj["metadata"]}
    replicas = obj["spec"].get("replicas", 0)
    status: Obj = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    told = (obj.get("status") or {}).get("selector")
    selector = told if isinstance(told, str) else _text(obj["spec"].get("selector") or {})
    if selector:
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


def _text(selector: Obj) -> str:
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or ():
        key, operator = term["key"], term["operator"]
        if operator in _OPERATORS:
            terms.append(f"{key} {_OPERATORS[operator]} ({','.join(sorted(term.get('values') or ()))})")
        else:
            terms.append(key if operator == "Exists" else f"!{key}")
    return ",".join(terms)
