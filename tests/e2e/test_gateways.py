"""Gateway API gateways under their real controller: one owner at every moment, so each Deployment is written once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tests.bed.api import Obj
from tests.bed.bed import Bed
from tests.bed.build import gateway_api
from tests.bed.processes import await_
from tests.bed.versions import NEW, OLD
from tests.e2e.conftest import NEW_REVISION, OLD_REVISION
from tests.e2e.mesh import Namespace, populate
from tests.e2e.operator import Operator
from tests.e2e.prober import Prober
from tests.e2e.proving import wrong_with

_DEPLOYMENTS = "/apis/apps/v1/deployments"
_GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways"
UNLABELLED, OWN, INHERITING, TAGGED = "unlabelled", "own", "inheriting", "tagged"


class Rewrites:
    """How often the specification of each Deployment of a Gateway was written anew while the block ran."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._over = threading.Event()
        self._generations: dict[str, set[int]] = {}

    def __enter__(self) -> Self:
        for one in managed(self._bed):
            self._note(one)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def most(self) -> int:
        """Of the Deployment that was written most often."""
        return max(max(found) - min(found) for found in self._generations.values())

    def _watch(self) -> None:
        for event in self._bed.api.watch(_DEPLOYMENTS, self._over):
            if _is_managed(event["object"]):
                self._note(event["object"])

    def _note(self, deployment: Obj) -> None:
        metadata = deployment["metadata"]
        self._generations.setdefault(metadata["name"], set()).add(metadata["generation"])


def managed(bed: Bed) -> list[Obj]:
    """Deployments that istiod made for Gateways."""
    return [one for one in bed.api.items(_DEPLOYMENTS) if _is_managed(one)]


def _is_managed(deployment: Obj) -> bool:
    return "gateway.istio.io/managed" in deployment["metadata"].get("labels", {})


def gateway(name: str, labels: dict[str, str] | None = None) -> Obj:
    """A Gateway of one HTTP listener, which istiod deploys."""
    listener = {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"gatewayClassName": "istio", "listeners": [listener]},
    }


def rendered_by(bed: Bed) -> dict[str, str]:
    """Name of each managed Deployment to the revision that rendered it."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["annotations"]["istio.io/rev"]
        for one in managed(bed)
    }


@pytest.fixture
def definitions(bed: Bed) -> Bed:
    """A cluster with the Gateway API."""
    bed.kubectl("apply", "--server-side", "-f", str(gateway_api()))
    return bed


@pytest.mark.parametrize("old", [OLD_REVISION, ""], ids=["named", "unnamed"])
def test_no_deployment_of_a_gateway_is_rewritten_more_than_once(
    definitions: Bed, tmp_path: Path, old: str, say: Callable[[str], None]
) -> None:
    bed, revision = definitions, old or "default"
    bed.install(OLD, old)
    here: tuple[Namespace, ...] = (
        Namespace("legacy", {"istio-injection": "enabled"}, "istio-injection=enabled"),
    )
    if old:
        bed.istioctl(OLD, "tag", "set", "prod", "--revision", old)
        here += (Namespace("labelled", {"istio.io/rev": old}, f"istio.io/rev={old}"),)
    populate(bed, here)
    for namespace, name, labels in _gateways(old):
        bed.api.create(_GATEWAYS.format(namespace), gateway(name, labels))
    count = len(_gateways(old))
    await_("every Gateway has a Deployment", lambda: list(rendered_by(bed).values()) == [revision] * count)
    operator = Operator(bed, tmp_path)
    operator.render(NEW)

    with Prober(bed.api, {n.name: n.about for n in here}) as prober, Rewrites(bed) as rewrites:
        planned = operator.plan(NEW)
        assert planned.code == 0, planned
        applied = operator.type("apply", "plan.json")
        assert applied.code == 0, applied

    say(
        f"{count} Gateways from {revision}: rewritten at most {rewrites.most} time(s), {len(prober.faults)} probes failed"
    )
    assert set(rendered_by(bed).values()) == {NEW_REVISION}
    assert rewrites.most == 1
    assert prober.faults == []
    assert wrong_with(bed, here, NEW_REVISION) == []


def _gateways(old: str) -> list[tuple[str, str, dict[str, str]]]:
    if not old:
        return [("legacy", UNLABELLED, {})]
    return [
        ("legacy", UNLABELLED, {}),
        ("legacy", OWN, {"istio.io/rev": old}),
        ("legacy", TAGGED, {"istio.io/rev": "prod"}),
        ("labelled", INHERITING, {}),
    ]
