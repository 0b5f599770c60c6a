"""Snapshots that read like the situation they show.

    mesh().plane("1.26.2").namespace("shop", rev="1-26-2").deployment("shop/cart", proxies=3).snapshot()

Planes, tags and namespaces come before the workloads that they bind: a workload's proxies belong to the revision that
would inject them at that moment, unless ``on=`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from tests.building.gateways import Gateways
from tests.building.parts import HUB, ROLLOUT, ROOT, VIRTUAL_SERVICE, image
from tests.building.planes import Planes, entries
from upgrader.model import kinds
from upgrader.model.codec import digest
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import (
    Belonging,
    ClusterId,
    CustomResource,
    Definition,
    Disruption,
    Document,
    Labels,
    Snapshot,
    Unread,
)
from upgrader.model.version import Version

NOW = datetime(2026, 9, 14, 12, 31, tzinfo=UTC)

__all__ = ["HUB", "NOW", "ROLLOUT", "ROOT", "VIRTUAL_SERVICE", "Mesh", "entries", "image", "mesh", "shop"]


class Mesh(Planes, Gateways):
    """Collects parts; ``snapshot`` sorts and freezes them."""

    def resource(
        self,
        name: str,
        *,
        kind: Kind = VIRTUAL_SERVICE,
        labels: Labels | None = None,
        spec: Obj | None = None,
    ) -> Self:
        """An Istio object."""
        namespace, _, short = name.partition("/")
        metadata = {"name": short, "namespace": namespace, "labels": labels or {}}
        body: Obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
        body |= {"spec": spec} if spec is not None else {}
        made = CustomResource(
            ref=Ref(kind, short, namespace),
            uid=f"uid-{kind.kind}-{name}",
            labels=labels or {},
            digest=digest(body),
            body=body,
        )
        return self._add("resources", made)

    def definition(self, name: str, **managers: str) -> Self:
        """A CustomResourceDefinition; ``istio_operator="Apply"`` names an owner (``_`` becomes ``-``)."""
        owners = {key.replace("_", "-"): value for key, value in managers.items()}
        made = Definition(
            name=name, uid=f"uid-{name}", served=("v1",), storage="v1", stored=("v1",), managers=owners
        )
        return self._add("definitions", made)

    def budget(self, name: str, selector: Labels, **fields: Any) -> Self:
        """A PodDisruptionBudget."""
        namespace, _, short = name.partition("/")
        ref = Ref(kinds.PDB, short, namespace)
        return self._add("disruptions", Disruption(ref=ref, selector={"matchLabels": selector}, **fields))

    def belonging(self, ref: Ref, revision: str, component: str) -> Self:
        """An object that an installer made for a control plane."""
        return self._add(
            "belongings", Belonging(ref=ref, uid=f"uid-{ref}", revision=revision, component=component)
        )

    def document(self, kind: Kind, name: str, *, labels: Labels | None = None, **body: Any) -> Self:
        """An object of Kubernetes: ``document(SERVICE, "shop/cart", spec={…})``; ``node-1`` of a kind without namespaces."""
        namespace, _, short = name.rpartition("/")
        metadata: Obj = {"name": short, "labels": labels or {}, "annotations": body.pop("annotations", {})}
        metadata |= {"namespace": namespace} if namespace else {}
        whole: Obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **body}
        made = Document(
            ref=Ref(kind, short, namespace),
            labels=metadata["labels"],
            annotations=metadata["annotations"],
            body=whole,
        )
        return self._add("documents", made)

    def unread(self, what: str, why: str = "forbidden", *, optional: bool = False) -> Self:
        """Something that could not be read."""
        return self._add("unread", Unread(what=what, why=why, optional=optional))

    def having(self, **fields: Any) -> Self:
        """Fields of the Snapshot itself."""
        self._fields |= fields
        return self

    def snapshot(self) -> Snapshot:
        """All of it, frozen."""
        cluster = ClusterId(
            uid="11111111-1111", context="sandbox", server="https://sandbox", version=self._kubernetes
        )
        parts = {name: tuple(_sorted(values)) for name, values in self._parts.items()}
        settings: dict[str, Any] = {"at": NOW, "cluster": cluster, "nodes": 3} | parts
        return Snapshot(**(settings | self._fields))


def _sorted(values: Sequence[Any]) -> list[Any]:
    return sorted(values, key=lambda value: value if isinstance(value, str) else msgspec.json.encode(value))


def mesh(kubernetes: str = "v1.33.4") -> Mesh:
    """An empty cluster to fill."""
    return Mesh(kubernetes)


def shop(version: str = "1.27.9") -> Mesh:
    """A healthy mesh: one plane, a tag, and one namespace for each way of being bound to it."""
    revision = Version.parse(version).revision
    return (
        mesh()
        .plane(version)
        .tag("prod", revision)
        .tag("default", revision)
        .namespace("istio-system")
        .namespace("sandbox", rev=revision)
        .namespace("shop", rev="prod")
        .namespace("payments", injection="enabled")
        .namespace("monitoring")
        .namespace("istio-ingress", rev=revision)
        .deployment("sandbox/httpbin", proxies=2)
        .deployment("shop/frontend", proxies=3)
        .deployment("shop/cart", proxies=2)
        .stateful_set("shop/redis-cart", proxies=3)
        .deployment("payments/api", proxies=2)
        .daemon_set("monitoring/log-agent", proxies=3, template={"istio.io/rev": revision})
        .injected_gateway("istio-ingress/istio-ingressgateway")
        .api_gateway("istio-ingress/web", rev=revision, made_by=revision)
    )
