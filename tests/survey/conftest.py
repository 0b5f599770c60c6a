"""Objects on a shelf: a reader for the pure parts of the survey, which refuses what it is told to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from upgrader.model import kinds as known
from upgrader.model.change import ApiChange
from upgrader.model.failures import ClusterFailure
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import ClusterId, Snapshot
from upgrader.survey import take

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CLUSTER = ClusterId(uid="c1", context="here", server="https://s", version="v1.33.0")
BUILT_IN = [k for k in vars(known).values() if isinstance(k, Kind) and not k.group.startswith("gateway.")]


class Shelf:
    """A reader of given objects; definitions among them are served.

    Attributes:
        trouble: Asked before each read with kind, namespace and name; what it returns is raised.
        reads: What was read, in order.
    """

    def __init__(self, objects: Iterable[Obj]) -> None:
        self.objects: list[Obj] = []
        self._kinds = list(BUILT_IN)
        self.trouble: Callable[[Kind, str, str], ClusterFailure | None] = lambda *_: None
        self.reads: list[str] = []
        for obj in objects:
            self.put(obj)

    def put(self, obj: Obj) -> None:
        uid = f"u{len(self.objects)}"
        self.objects.append({**obj, "metadata": {"uid": uid, **obj["metadata"]}})
        if obj["kind"] == "CustomResourceDefinition":
            spec = obj["spec"]
            version = next(v["name"] for v in reversed(spec["versions"]) if v.get("served"))
            names = spec["names"]
            self.serve(
                Kind(spec["group"], version, names["plural"], names["kind"], spec["scope"] == "Namespaced")
            )

    def serve(self, kind: Kind) -> None:
        self._kinds.append(kind)

    def kinds(self) -> Sequence[Kind]:
        return self._kinds

    def list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> Sequence[Obj]:
        self._ask(kind, namespace, "", labels)
        key, _, value = labels.partition("=")
        return [
            o
            for o in self.objects
            if self._is(o, kind)
            and namespace in {"", o["metadata"].get("namespace", "")}
            and (not labels or (o["metadata"].get("labels") or {}).get(key) == value)
        ]

    def get(self, ref: Ref) -> Obj | None:
        self._ask(ref.kind, ref.namespace, ref.name)
        for obj in self.objects:
            place = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            if self._is(obj, ref.kind) and place == (ref.namespace, ref.name):
                return obj
        return None

    def rehearse(self, change: ApiChange) -> Obj | None:
        raise AssertionError(f"a survey never writes: {change}")

    def fetch(self, pod: Ref, port: int, path: str) -> str:
        raise AssertionError(f"a survey asks no pod: {pod} {port} {path}")

    def forward(self, pod: Ref, port: int, path: str) -> tuple[int, bytes]:
        raise AssertionError(f"a survey asks no pod: {pod} {port} {path}")

    def saved(self, path: str) -> bytes | None:
        raise AssertionError(f"a survey reads no file: {path}")

    def _ask(self, kind: Kind, namespace: str, name: str, labels: str = "") -> None:
        self.reads.append(f"{kind.resource} {namespace}/{name} {labels}".rstrip())
        trouble = self.trouble(kind, namespace, name)
        if trouble is not None:
            raise trouble

    @staticmethod
    def _is(obj: Obj, kind: Kind) -> bool:
        group = str(obj["apiVersion"]).rpartition("/")[0]
        return obj["kind"] == kind.kind and group == kind.group


@pytest.fixture
def shelf() -> Callable[[Iterable[Obj]], Shelf]:
    return Shelf


@pytest.fixture
def look() -> Callable[[Any], Snapshot]:
    """Survey a reader at a fixed moment."""
    return lambda reader: take(reader, CLUSTER, AT)
