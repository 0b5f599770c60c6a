"""What the running control plane was installed with, as far as its installer wrote it down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from upgrader.model.failures import ClusterFailure
from upgrader.model.kinds import CONFIG_MAP, Kind, Obj, Ref
from upgrader.model.snapshot import ControlPlane
from upgrader.model.step import Reader
from upgrader.model.version import UNNAMED, revision_suffix

OPERATOR = "istiooperators.install.istio.io"
_STATE = "installed-state"


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a running installation.

    Attributes:
        spec: As in an IstioOperator: ``values``, ``meshConfig``, ``components`` …
        source: The object it was read from; empty when there is none.
        passed_over: Records that were not used, each with why.
        unread: What could not be read, with why; then nothing is known.
    """

    spec: Obj = {}
    source: str = ""
    passed_over: tuple[str, ...] = ()
    unread: str = ""


def installed_options(reader: Reader, plane: ControlPlane, kinds: Sequence[Kind]) -> Installed:
    """The values that charts of 1.26 and later leave behind, else the IstioOperator of that revision.

    The ConfigMap is written by each rendering; an IstioOperator beside it is older, from a release that still made one.
    """
    suffix, space = revision_suffix(plane.revision), plane.ref.namespace
    try:
        found = reader.get(Ref(CONFIG_MAP, f"values{suffix}", space))
        operators = list(_operators(reader, plane, kinds))
    except ClusterFailure as failure:
        return Installed(unread=failure.message)
    names = [f"IstioOperator {space}/{o['metadata']['name']}" for o in operators]
    source = f"ConfigMap {space}/values{suffix}"
    values = None if found is None else _json((found.get("data") or {}).get("original-values", ""))
    if found is not None and values is None:
        return Installed(unread=f"{source} holds no original-values")
    if values is not None:
        older = tuple(f"{name}: {source} is newer" for name in names)
        return Installed(spec={"values": values}, source=source, passed_over=older)
    if len(operators) > 1:
        return Installed(unread=f"{len(operators)} of them claim this revision: {', '.join(names)}")
    if operators:
        return Installed(spec=dict(operators[0].get("spec") or {}), source=names[0])
    return Installed()


def _operators(reader: Reader, plane: ControlPlane, kinds: Sequence[Kind]) -> Iterator[Obj]:
    kind = next((k for k in kinds if k.resource == OPERATOR), None)
    if kind is None:
        return
    for one in reader.list(kind, namespace=plane.ref.namespace):
        name = one["metadata"]["name"]
        revision = (one.get("spec") or {}).get("revision") or UNNAMED
        if name == f"{_STATE}{revision_suffix(plane.revision)}" or (
            not name.startswith(_STATE) and revision == plane.revision
        ):
            yield one


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
