"""Names, labels, annotations, finalizers: what every object's metadata must keep to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.errors import Cause, forbidden_field, required, wrong
from upgrader.sandbox.store import Obj

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_LABEL_WHY = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_WHY = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
    "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_WHY = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE_WHY = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_WHY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_RBAC = "rbac.authorization.k8s.io"
_OWNER = {
    "apiVersion": "version must not be empty",
    "kind": "must not be empty",
    "name": "must not be empty",
    "uid": "must not be empty",
}
_PLAIN_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
_ANNOTATIONS_LIMIT = 256 * 1024


def check_meta(resource: Resource, obj: Obj, old: Obj | None) -> list[Cause]:
    """What is wrong with the metadata."""
    meta = obj["metadata"]
    return [
        *(_name(resource, meta) if old is None else ()),
        *check_labels(meta.get("labels"), "metadata.labels"),
        *_annotations(meta.get("annotations")),
        *_owners(meta.get("ownerReferences")),
        *_qualified(meta.get("finalizers")),
        *(_finalizers(meta, old) if old is not None else ()),
    ]


def _name(resource: Resource, meta: Obj) -> Iterator[Cause]:
    name = meta.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    yield from name_problems(resource, str(name), "metadata.name")


def name_problems(resource: Resource, name: str, field: str) -> Iterator[Cause]:
    """What is wrong with the name of an object of this resource."""
    if resource.group == _RBAC:
        bad = next((part for part in ("/", "%") if part in name), None)
        if bad or name in {".", ".."}:
            yield wrong(field, name, f"may not contain '{bad}'" if bad else f"may not be '{name}'")
        return
    pattern, why, limit = _SUBDOMAIN, _SUBDOMAIN_WHY, 253
    if resource.home == ("", "namespaces"):
        pattern, why, limit = _LABEL, _LABEL_WHY, 63
    elif resource.home == ("", "services"):
        pattern, why, limit = _LABEL_1035, _LABEL_1035_WHY, 63
    if len(name) > limit:
        yield wrong(field, name, f"must be no more than {limit} bytes")
    if not pattern.fullmatch(name):
        yield wrong(field, name, why)


def check_labels(labels: Any, field: str) -> Iterator[Cause]:
    """What is wrong with a map of labels."""
    if labels is not None and not isinstance(labels, dict):
        yield wrong(field, labels, "must be a map of strings")
        return
    for key, value in (labels or {}).items():
        yield from _key(key, field)
        if not isinstance(value, str):
            yield wrong(field, value, "must be a string")
        else:
            yield from _value(value, field)


@lru_cache(maxsize=4096)
def _value(value: str, field: str) -> tuple[Cause, ...]:
    if len(value) > 63:
        return (wrong(field, value, "must be no more than 63 bytes"),)
    return () if not value or _WORD.fullmatch(value) else (wrong(field, value, _VALUE_WHY),)


@lru_cache(maxsize=4096)
def _key(key: str, field: str) -> tuple[Cause, ...]:
    prefix, slash, name = key.rpartition("/")
    found = []
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        found.append(wrong(field, key, f"prefix part {_SUBDOMAIN_WHY}"))
    if len(name) > 63:
        found.append(wrong(field, key, "name part must be no more than 63 bytes"))
    if not _WORD.fullmatch(name):
        found.append(wrong(field, key, _KEY_WHY))
    return tuple(found)


def _annotations(annotations: Any) -> Iterator[Cause]:
    field = "metadata.annotations"
    if annotations is not None and not isinstance(annotations, dict):
        yield wrong(field, annotations, "must be a map of strings")
        return
    size = 0
    for key, value in (annotations or {}).items():
        yield from _key(key.lower(), field)
        if not isinstance(value, str):
            yield wrong(field, value, "must be a string")
        size += len(key) + len(str(value))
    if size > _ANNOTATIONS_LIMIT:
        yield Cause(field, "FieldValueTooLong", f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes")


def _owners(references: Any) -> Iterator[Cause]:
    field = "metadata.ownerReferences"
    ruling = [each for each in references or () if each.get("controller")]
    if len(ruling) > 1:
        first, second = (f"{each.get('kind')}/{each.get('name')}" for each in ruling[:2])
        why = f'Only one reference can have Controller set to true. Found "true" in references for {first} and {second}'
        yield wrong(field, references, why)
    for reference in references or ():
        for name, why in _OWNER.items():
            if not reference.get(name):
                yield wrong(f"{field}.{name}", reference.get(name, ""), why)


def _qualified(finalizers: Any) -> Iterator[Cause]:
    for at, name in enumerate(finalizers or ()):
        bad = tuple(_key(str(name), "metadata.finalizers"))
        yield from bad
        if not bad and "/" not in str(name) and name not in _PLAIN_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield wrong(f"metadata.finalizers[{at}]", name, why)


def _finalizers(meta: Obj, old: Obj) -> Iterator[Cause]:
    """While an object is being deleted finalizers only go; the server says so twice."""
    if "deletionTimestamp" not in old["metadata"]:
        return
    known = old["metadata"].get("finalizers") or []
    fresh = [name for name in meta.get("finalizers") or () if name not in known]
    if fresh:
        listed = ", ".join(f'"{name}"' for name in fresh)
        why = (
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{"
            + listed
            + "}"
        )
        yield from [forbidden_field("metadata.finalizers", why)] * 2
