"""Create, update and patch: one road from the body to the store."""

from __future__ import annotations

from typing import Any

from upgrader.sandbox.api.access.escalation import check_grant
from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.fields.managed import Writer, updated
from upgrader.sandbox.api.fields.owners import Owners, owners_of
from upgrader.sandbox.api.fields.shapes import shape_of
from upgrader.sandbox.api.fields.zero import zero_of
from upgrader.sandbox.api.rules.book import filled, problems, refilled
from upgrader.sandbox.api.rules.plugins import admit_pod, check_namespace
from upgrader.sandbox.api.rules.prepare import prepare_create, prepare_update
from upgrader.sandbox.api.verbs.bodies import read_object
from upgrader.sandbox.api.verbs.reading import answer
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import ApiError, Cause, already_exists, bad_request, conflict, invalid
from upgrader.sandbox.store import Key, Obj

_LONGEST_NAME = 58
_CONDITIONAL = frozenset(
    {
        "Lease",
        "PodDisruptionBudget",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "CustomResourceDefinition",
    }
)


def writer_of(call: Call, name: str, subresource: str | None = None) -> Writer:
    """Who this call writes as, and what the endpoint ignores."""
    target = call.target
    shape = shape_of(target.resource, target.version)
    where = target.subresource if subresource is None else subresource
    reset: tuple[tuple[str, ...], ...] = (("f:status",),) if target.resource.has_status else ()
    if where == "status":
        reset = (("f:spec",), ("f:metadata",), ("f:data",))
    empty = zero_of(target.resource)
    now = "" if where == "scale" else call.backend.now()
    return Writer(name, target.api_version, where, shape, now, reset, empty)


def create(call: Call) -> Response:
    """Store the object of the body.

    Raises:
        ApiError: anything the API server refuses a create for.
    """
    dry, _ = call.dry_run, call.field_validation
    obj = read_object(call)
    if obj["metadata"].get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    made = created(call, filled(call, call.stored(obj), sent=True), dry=dry)
    return answer(call, call.shown(made), status=201)


def created(call: Call, obj: Obj, *, dry: bool, owned: bool = False) -> Obj:
    """Store a new object in stored form; ``owned`` says that its managedFields are already right.

    Raises:
        ApiError: admission or validation refuses, or it exists.
    """
    resource, meta = call.target.resource, obj["metadata"]
    check_namespace(call, str(meta.get("name") or ""))
    check_grant(call, obj)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = str(meta["generateName"])[:_LONGEST_NAME] + call.store.new_suffix()
    if not owned:
        obj = updated(zero_of(resource), obj, writer_of(call, call.manager), {})
    obj = _admitted(call, "CREATE", obj, None, dry=dry)
    prepare_create(call, obj)
    found = problems(call, obj, None)
    name = obj["metadata"].get("name") or ""
    if found:
        raise invalid(resource.kind, name, found, resource.group)
    key = resource.key(call.target.namespace, name)
    known = call.store.entry(key)
    if known is not None:
        refusal = already_exists(resource.plural, name, resource.group)
        if "deletionTimestamp" in known.obj["metadata"]:
            refusal.message = f"object is being deleted: {refusal.message}"
        raise refusal
    return obj if dry else call.store.put(key, obj)


def _admitted(call: Call, operation: str, obj: Obj, old: Obj | None, *, dry: bool) -> Obj:
    if operation == "CREATE" and call.target.resource.home == ("", "pods"):
        admit_pod(call, obj)
    name = obj["metadata"].get("name") or ""
    after = call.admit(operation, name, obj, old, dry_run=dry)
    if after is None or after is obj:
        return obj
    return refilled(call, after)


def update(call: Call) -> Response:
    """Replace the stored object by that of the body.

    Raises:
        ApiError: 400 for another name, 404, 409 for another revision, and what admission and validation refuse.
    """
    dry, _ = call.dry_run, call.field_validation
    obj = read_object(call)
    name = obj["metadata"].get("name") or ""
    if name != call.target.name:
        raise _other_name(name, call.target.name)
    old = call.entry().obj
    check_revision(call, obj, old, unconditional=_unconditional(call))
    new = filled(call, call.stored(obj), sent=True)
    return answer(call, call.shown(replaced(call, new, old, dry=dry)))


def _unconditional(call: Call) -> bool:
    """Whether a replacement may do without naming the revision it was made from."""
    return call.target.resource.crd is None and call.target.resource.kind not in _CONDITIONAL


def _other_name(name: str, expected: str) -> ApiError:
    if not name:
        return bad_request(
            "the name of the object (empty) does not match the name on the URL".replace("(empty) ", "")
        )
    return bad_request(f"the name of the object ({name}) does not match the name on the URL ({expected})")


def check_revision(call: Call, obj: Obj, old: Obj, *, unconditional: bool = True) -> None:
    """Whether the object was made from the stored one.

    Raises:
        ApiError: 409 for another revision or uid, 422 when a custom resource is replaced without naming a revision.
    """
    resource, meta = call.target.resource, obj["metadata"]
    revision, uid = meta.get("resourceVersion"), meta.get("uid")
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(resource.plural, call.target.name, resource.group, why)
    if revision and revision != old["metadata"]["resourceVersion"]:
        raise conflict(resource.plural, call.target.name, resource.group)
    if not revision and not unconditional:
        why = "Invalid value: 0x0: must be specified for an update"
        cause = Cause("metadata.resourceVersion", "FieldValueInvalid", why)
        raise invalid(resource.kind, call.target.name, [cause], resource.group)


def replaced(call: Call, new: Obj, old: Obj, *, dry: bool, owned: bool = False) -> Obj:
    """Store another state of an object; both in stored form.

    Raises:
        ApiError: admission or validation refuses.
    """
    resource = call.target.resource
    if new != old:
        check_grant(call, new)
    if not owned:
        new = updated(old, new, writer_of(call, call.manager), _owners(call, new, old))
    new = prepare_update(call, {**new, "metadata": dict(new["metadata"])}, old)
    admitted = _admitted(call, "UPDATE", new, old, dry=dry)
    if admitted is not new:
        new = prepare_update(call, admitted, old)
    found = problems(call, new, old)
    if found:
        raise invalid(resource.kind, call.target.name, found, resource.group)
    return settle(call, new, old, dry=dry)


def _owners(call: Call, new: Obj, old: Obj) -> Owners:
    """The owners as the writer leaves them: it may edit them, and forget all with ``[{}]``, but not by a subresource."""
    told = new["metadata"].get("managedFields")
    if not told or call.target.subresource:
        return owners_of(old)
    return {} if told == [{}] else owners_of(new)


def settle(call: Call, new: Obj, old: Obj, *, dry: bool) -> Obj:
    """Store the object, or remove it when nothing holds it back any more."""
    key: Key = call.key
    meta = {**new["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
    new = {**new, "metadata": meta}
    if dry or new == old:
        return new
    if _released(new):
        call.store.remove(key)
        return new
    return call.store.put(key, new)


def _released(obj: Obj) -> bool:
    """Deleted, with no finalizer left and no grace to wait for."""
    meta: dict[str, Any] = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    if obj.get("kind") == "Namespace" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds")
