"""The scale subresource."""

from __future__ import annotations

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import reply_object
from upgrader.sandbox.api.fields.patches import APPLY_PATCH
from upgrader.sandbox.api.rules.book import filled
from upgrader.sandbox.api.verbs.bodies import read_object
from upgrader.sandbox.api.verbs.patching import patched_by, sort_of
from upgrader.sandbox.api.verbs.writing import check_revision, replaced
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import bad_request, invalid, wrong
from upgrader.sandbox.store import Obj

_META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
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
        raise bad_request("apply of a Scale is not supported here: apply the object itself")
    return _write(call, patched_by(call, media, scale_of(call.entry().obj)))


def _write(call: Call, scale: Obj) -> Response:
    old = call.entry().obj
    check_revision(call, {"metadata": scale.get("metadata") or {}}, old)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        cause = wrong("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", call.target.name, [cause], "autoscaling")
    new = filled(call, {**old, "spec": {**old["spec"], "replicas": replicas}})
    new["spec"]["replicas"] = replicas
    return reply_object(scale_of(replaced(call, new, old, dry=call.dry_run)))


def scale_of(obj: Obj) -> Obj:
    """The autoscaling/v1 Scale of a workload; a count of zero is left out, as the server does."""
    meta = {name: obj["metadata"][name] for name in _META if name in obj["metadata"]}
    replicas = obj["spec"].get("replicas", 0)
    status: Obj = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    selector = _text(obj["spec"].get("selector") or {})
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
