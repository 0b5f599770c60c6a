"""Listeners that somebody adds to a Gateway from outside: its proxies have them at every moment of an upgrade."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from tests.bed.api import Obj
from tests.bed.bed import Bed
from tests.bed.build import gateway_api
from tests.bed.processes import await_
from tests.bed.versions import BEFORE_NEW, NEW
from tests.e2e.conftest import NEW_REVISION
from tests.e2e.mesh import Namespace, populate
from tests.e2e.operator import Operator
from tests.e2e.prober import Prober
from tests.e2e.proving import wrong_with
from tests.e2e.test_gateways import gateway, rendered_by

OLD_REVISION = BEFORE_NEW.replace(".", "-")
_GATEWAY_API = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/{}"
_EVERY = 0.1
HERE = (
    Namespace("legacy", {"istio-injection": "enabled"}, "istio-injection=enabled"),
    Namespace("labelled", {"istio.io/rev": OLD_REVISION}, f"istio.io/rev={OLD_REVISION}"),
)
ADDED = {"own": 8081, "bare": 8082}
"""ListenerSet to its port."""


class Served:
    """What the proxies of a Gateway have for listeners while the block runs.

    Attributes:
        faults: Each proxy that was in sync with its istiod and lacked a port, with the port.
        looks: At how many proxies in sync.
    """

    def __init__(self, bed: Bed, name: str, ports: tuple[int, ...]) -> None:
        self._bed, self._name, self._ports = bed, name, ports
        self._over = threading.Event()
        self.faults: list[str] = []
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self.faults += self.look()

    def look(self) -> Iterator[str]:
        """One look at all of them."""
        for proxy in self._bed.sidecars.proxies(pod=f"{self._name}-istio-*"):
            if proxy["state"] == "synced":
                self.looks += 1
                lacking = [port for port in self._ports if f"0.0.0.0_{port}" not in proxy["listeners"]]
                if lacking:
                    yield f"{proxy['pod']} of {proxy['istiod']} lacks {lacking}"


def listener_set(name: str, port: int, labels: dict[str, str]) -> Obj:
    """One HTTP listener for Gateway ``labelled/web``."""
    listener = {"name": "extra", "port": port, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "ListenerSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {"parentRef": {"name": "web", "namespace": "labelled"}, "listeners": [listener]},
    }


def added(bed: Bed) -> None:
    """A Gateway of the old revision, and listeners of other namespaces: for that revision by name, and for nobody."""
    web = gateway("web")
    web["spec"]["allowedListeners"] = {"namespaces": {"from": "All"}}
    bed.api.create(_GATEWAY_API.format("labelled", "gateways"), web)
    for name, labels in (("own", {"istio.io/rev": OLD_REVISION}), ("bare", {})):
        bed.api.create(_GATEWAY_API.format("legacy", "listenersets"), listener_set(name, ADDED[name], labels))


def ready(bed: Bed, place: Path) -> tuple[Served, Operator]:
    """A mesh whose Gateway has every listener that others add, and somebody who may plan its upgrade."""
    bed.kubectl("apply", "--server-side", "-f", str(gateway_api()))
    bed.install(BEFORE_NEW, OLD_REVISION)
    populate(bed, HERE)
    added(bed)
    served = Served(bed, "web", (80, ADDED["own"], ADDED["bare"]))
    await_("the Gateway has all listeners", lambda: list(served.look()) == [] and served.looks > 0)
    operator = Operator(bed, place)
    operator.render(NEW)
    return served, operator


def test_the_proxies_of_a_gateway_have_the_listeners_that_others_add_at_every_moment(
    bed: Bed, tmp_path: Path, say: Callable[[str], None]
) -> None:
    served, operator = ready(bed, tmp_path)

    with Prober(bed.api, {n.name: n.about for n in HERE}) as prober, served:
        planned = operator.plan(NEW)
        assert planned.code == 0, planned
        applied = operator.type("apply", "plan.json")
        assert applied.code == 0, applied

    say(
        f"listeners of others at a Gateway: {served.looks} looks at proxies in sync, {len(served.faults)} lacked one"
    )
    assert set(rendered_by(bed).values()) == {NEW_REVISION}
    assert served.faults == []
    assert prober.faults == []
    assert wrong_with(bed, HERE, NEW_REVISION) == []
    sets = bed.api.items(_GATEWAY_API.format("legacy", "listenersets"))
    labels = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in sets}
    assert labels == {"own": {"istio.io/rev": NEW_REVISION}, "bare": {}}
    bed.kubectl("label", "listenersets", "-n", "legacy", "bare", f"istio.io/rev={OLD_REVISION}")
    await_("the watch sees a listener that goes", lambda: list(served.look()) != [])


def test_a_listener_set_made_while_a_run_goes_on_is_read_or_stops_it(bed: Bed, tmp_path: Path) -> None:
    """Labelled for the revision that is left: no step takes it along, so the gate before the Gateway moves names it."""
    served, operator = ready(bed, tmp_path)
    planned = operator.plan(NEW)
    assert planned.code == 0, planned

    with operator.start("apply", "plan.json") as process, served:
        await_("it installs", lambda: operator.has_entered("installing"))
        late = listener_set("late", 8084, {"istio.io/rev": OLD_REVISION})
        bed.api.create(_GATEWAY_API.format("legacy", "listenersets"), late)
        text, _ = process.communicate(timeout=300)

    assert process.returncode == 5, text
    assert "ListenerSet legacy/late was made since the plan" in " ".join(text.split())
    assert served.faults == []
    bed.kubectl("delete", "listenersets", "-n", "legacy", "late")
    assert operator.type("resume").code == 0
    assert set(rendered_by(bed).values()) == {NEW_REVISION}
