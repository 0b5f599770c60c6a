"""DELETE of one object and of collections."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import encode_item, reply, success
from upgrader.sandbox.api.rules.plugins import check_deletable
from upgrader.sandbox.api.verbs.bodies import read_options
from upgrader.sandbox.api.verbs.reading import answer, list_bytes, selection
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.clock import stamp
from upgrader.sandbox.errors import Cause, conflict, invalid, unsupported, wrong
from upgrader.sandbox.store import Obj

_ANSWERS_OBJECT = frozenset(
    {
        "pods",
        "services",
        "serviceaccounts",
        "persistentvolumes",
        "persistentvolumeclaims",
        "podtemplates",
        "resourcequotas",
    }
)
_POLICIES = ("Foreground", "Background", "Orphan")
_DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_HOLDING = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


def delete(call: Call) -> Response:
    """Delete the named object, or mark it while finalizers or its grace period hold it.

    Raises:
        ApiError: 404, 409 for unmet preconditions, 422, or what admission refuses.
    """
    options = read_options(call)
    dry = _dry(call, options)
    old = call.entry().obj
    gone, last = deleted(call, old, options, dry=dry)
    resource = call.target.resource
    if gone and resource.home == ("", "pods"):
        ended = {"deletionTimestamp": call.backend.now(), "deletionGracePeriodSeconds": 0}
        last = {**last, "metadata": {**last["metadata"], **ended}}
    if not gone or resource.home[1] in _ANSWERS_OBJECT:
        return answer(call, call.shown(last))
    details = {"name": call.target.name, "group": resource.group, "kind": resource.plural}
    details |= {"uid": old["metadata"]["uid"]}
    return success({name: value for name, value in details.items() if value})


def _dry(call: Call, options: Obj) -> bool:
    asked = options.get("dryRun") or []
    if asked and asked != ["All"]:
        raise invalid("DeleteOptions", "", [unsupported("dryRun", asked, ["All"])], "meta.k8s.io")
    return call.dry_run or bool(asked)


def deleted(call: Call, old: Obj, options: Obj, *, dry: bool) -> tuple[bool, Obj]:
    """Whether the object is gone now, and its last state.

    Raises:
        ApiError: 403, 409, 422.
    """
    check_deletable(call)
    _check_preconditions(call, old, options)
    call.admit("DELETE", call.target.name, None, old, dry_run=dry)
    marked = _marked(call, old, options)
    if marked is None:
        if not dry:
            call.store.remove(call.key)
        return True, old
    if marked == old:
        return False, old
    return False, marked if dry else call.store.put(call.key, marked)


def _check_preconditions(call: Call, old: Obj, options: Obj) -> None:
    wanted = options.get("preconditions") or {}
    meta, kind, group = old["metadata"], call.target.resource.kind, call.target.resource.group
    uid, revision = wanted.get("uid"), wanted.get("resourceVersion")
    if uid is not None and uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind, meta["name"], group, why)
    if revision is not None and revision != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({revision}) does not match the ResourceVersion in record "
            f"({meta['resourceVersion']}). The object might have been modified"
        )
        raise conflict(kind, meta["name"], group, why)


def _marked(call: Call, old: Obj, options: Obj) -> Obj | None:
    """The object marked as deleted; None when nothing holds it."""
    meta = old["metadata"]
    finalizers = _finalizers(call, meta, options)
    grace = _grace(call, old, options)
    held = bool(finalizers) or (
        old["kind"] == "Namespace" and bool((old.get("spec") or {}).get("finalizers"))
    )
    if not held and grace == 0:
        return None
    known = meta.get("deletionGracePeriodSeconds")
    if (
        "deletionTimestamp" in meta
        and (known is None or known <= grace)
        and finalizers == meta.get("finalizers", [])
    ):
        return old
    moment = call.store.clock.now() + timedelta(seconds=grace)
    when = meta.get("deletionTimestamp") if known is not None and known <= grace else None
    fresh = {**meta, "deletionTimestamp": when or stamp(moment), "deletionGracePeriodSeconds": grace}
    if finalizers:
        fresh["finalizers"] = finalizers
    if "generation" in meta and "deletionTimestamp" not in meta:
        fresh["generation"] = meta["generation"] + 1
    found = {**old, "metadata": fresh}
    if old["kind"] == "Namespace":
        del fresh["deletionGracePeriodSeconds"]
        found["status"] = {**(old.get("status") or {}), "phase": "Terminating"}
    return found


def _finalizers(call: Call, meta: Obj, options: Obj) -> list[str]:
    policy = _policy(options)
    known = list(meta.get("finalizers") or ())
    if (
        call.target.resource.home == _DEFINITIONS
        and "deletionTimestamp" not in meta
        and _CLEANUP not in known
    ):
        known.append(_CLEANUP)
    holding = _HOLDING.get(policy)
    if holding and holding not in known and call.target.resource.kind != "Namespace":
        known.append(holding)
    return known


def _policy(options: Obj) -> str:
    """What becomes of dependents.

    Raises:
        ApiError: 422.
    """
    told, orphan = options.get("propagationPolicy"), options.get("orphanDependents")
    field = "propagationPolicy"
    if told and orphan is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        raise invalid("DeleteOptions", "", [wrong(field, told, why)], "meta.k8s.io")
    if told and told not in _POLICIES:
        listed = ", ".join(f'"{each}"' for each in (*_POLICIES, "nil"))
        why = f'Unsupported value: "{told}": supported values: {listed}'
        raise invalid("DeleteOptions", "", [Cause(field, "FieldValueNotSupported", why)], "meta.k8s.io")
    return told or ("Orphan" if orphan else "Background")


def _grace(call: Call, old: Obj, options: Obj) -> int:
    """Seconds a running pod has left; 0 for everything else."""
    if call.target.resource.home != ("", "pods"):
        return 0
    spec, status, told = old["spec"], old.get("status") or {}, options.get("gracePeriodSeconds")
    if not spec.get("nodeName") or status.get("phase") in {"Succeeded", "Failed"}:
        return 0
    return max(0, int(spec.get("terminationGracePeriodSeconds", 30) if told is None else told))


def delete_collection(call: Call) -> Response:
    """Delete every object the selectors choose.

    Raises:
        ApiError: 400, 422, or what admission refuses.
    """
    options = read_options(call)
    dry, chosen = _dry(call, options), selection(call)
    bodies: list[bytes] = []
    for obj in list(call.store.list(*call.target.resource.home, call.target.namespace or None)):
        if chosen is not None and not chosen(obj):
            continue
        meta = obj["metadata"]
        one = msgspec.structs.replace(call.target, name=meta["name"], namespace=meta.get("namespace", ""))
        _, last = deleted(Call(call.backend, call.request, one, "delete"), obj, options, dry=dry)
        bodies.append(encode_item(call.shown(last), custom=call.target.resource.crd is not None))
    meta = {"resourceVersion": str(call.store.revision)}
    return reply(list_bytes(call.target.resource.list_kind, call.target.api_version, meta, bodies))
