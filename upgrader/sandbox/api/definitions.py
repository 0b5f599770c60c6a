"""CustomResourceDefinitions: what they must say, and the resource they stand for."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.sandbox.api.kinds.catalogue import Resource, singular_of, version_rank
from upgrader.sandbox.errors import Cause, required, wrong
from upgrader.sandbox.store import Obj


def resource_of_crd(obj: Obj) -> Resource:
    """The resource a stored definition serves; the caller puts it into the catalogue once it is Established."""
    spec = obj["spec"]
    names, group = spec["names"], spec["group"]
    served = [version["name"] for version in spec["versions"] if version.get("served")]
    stored = next(version["name"] for version in spec["versions"] if version.get("storage"))
    below = {name for version in spec["versions"] for name in version.get("subresources") or {}}
    plural, kind = names["plural"], names["kind"]
    return Resource(
        group=group,
        plural=plural,
        kind=kind,
        namespaced=spec["scope"] == "Namespaced",
        versions=tuple(sorted(served, key=version_rank)),
        hub=stored,
        home=(group, plural),
        singular=names.get("singular") or singular_of(kind),
        list_kind=names.get("listKind") or f"{kind}List",
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=frozenset(below),
        generation=True,
        fields=_selectable(spec),
        crd=spec,
    )


def _selectable(spec: Obj) -> tuple[str, ...]:
    paths = [f["jsonPath"].lstrip(".") for v in spec["versions"] for f in v.get("selectableFields") or ()]
    return tuple(dict.fromkeys(paths))


def check_definition(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    """What is wrong with a definition."""
    spec = obj.get("spec") or {}
    names, group = spec.get("names") or {}, spec.get("group")
    for name in ("plural", "kind"):
        if not names.get(name):
            yield required(f"spec.names.{name}")
    expected = f"{names.get('plural', '')}.{group}"
    if obj["metadata"].get("name") != expected:
        told = 'must be spec.names.plural+"."+spec.group'
        yield wrong("metadata.name", obj["metadata"].get("name"), told)
    if not group:
        yield required("spec.group")
    if spec.get("scope") not in {"Cluster", "Namespaced"}:
        choices = 'supported values: "Cluster", "Namespaced"'
        yield Cause(
            "spec.scope", "FieldValueNotSupported", f'Unsupported value: "{spec.get("scope", "")}": {choices}'
        )
    yield from _versions(spec)
    if old is not None:
        yield from _changes(obj, old)


def _versions(spec: Obj) -> Iterator[Cause]:
    versions = spec.get("versions") or []
    if not versions:
        yield required("spec.versions", "must have at least one version")
        return
    stored = [version for version in versions if version.get("storage")]
    if len(stored) != 1:
        names = [version.get("name") for version in versions]
        why = "must have exactly one version marked as storage version"
        yield wrong("spec.versions", names, why)
    seen: set[str] = set()
    for at, version in enumerate(versions):
        name, field = str(version.get("name") or ""), f"spec.versions[{at}]"
        if name in seen:
            yield wrong("spec.versions", name, "must contain unique version names")
        seen.add(name)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            yield required(f"{field}.schema.openAPIV3Schema")
        elif schema.get("type") != "object":
            yield required(f"{field}.schema.openAPIV3Schema.type", "must not be empty at the root")


def _changes(obj: Obj, old: Obj) -> Iterator[Cause]:
    spec, before = obj["spec"], old["spec"]
    for path in (("group",), ("scope",), ("names", "plural"), ("names", "kind")):
        here, there = spec, before
        for part in path:
            here, there = (here or {}).get(part), (there or {}).get(part)
        if here != there:
            yield wrong(f"spec.{'.'.join(path)}", here, "field is immutable")
    known = {version.get("name") for version in spec.get("versions") or ()}
    for at, version in enumerate((obj.get("status") or {}).get("storedVersions") or ()):
        if version not in known:
            why = (
                f"missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions "
                f"until a storage migration ensures no data remains persisted in {version} and removes {version} from "
                "status.storedVersions"
            )
            yield wrong(f"status.storedVersions[{at}]", version, why)
