from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from upgrader.model.failures import Forbidden
from upgrader.model.kinds import POD, Ref
from upgrader.model.step import Verdict
from upgrader.probes import ProxiesConnected

if TYPE_CHECKING:
    from tests.probes.conftest import Mesh

OLD, NEW = "1-27-9", "1-28-10"
PROBE = ProxiesConnected(revision=NEW, version="1.28.10")
ISTIOD = f"istiod-{NEW}-0"


def test_as_many_connections_as_ready_pods_hold(mesh: Mesh) -> None:
    reading = PROBE.look(mesh)

    assert (reading.verdict, dict(reading.facts)) == (Verdict.HOLDS, {"connected": "2", "ready": "2"})


def test_more_connections_than_pods_hold_for_machines_outside_connect_too(mesh: Mesh) -> None:
    mesh.connected(ISTIOD, {"1.28.10": 5})

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_fewer_connections_than_pods_are_pending(mesh: Mesh) -> None:
    mesh.connected(ISTIOD, {"1.28.10": 1})

    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_connections_of_another_proxy_version_do_not_count(mesh: Mesh) -> None:
    mesh.connected(ISTIOD, {"1.27.9": 2})

    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_connections_are_added_up_over_all_istiod_pods(mesh: Mesh) -> None:
    mesh.plane(NEW, replicas=2)
    mesh.connected(f"istiod-{NEW}-0", {"1.28.10": 1})
    mesh.connected(f"istiod-{NEW}-1", {"1.28.10": 1})

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_pods_that_are_not_ready_or_of_the_other_revision_are_not_expected(mesh: Mesh) -> None:
    mesh.app_pod("cart", "2", NEW, ready=False)
    mesh.app_pod("cart", "3", OLD)
    mesh.app_pod("cart", "4", NEW, phase="Succeeded")

    assert PROBE.look(mesh).facts["ready"] == "2"


def test_no_connection_at_all_is_zero_beside_pilot_info(mesh: Mesh) -> None:
    mesh.connected(ISTIOD, {})

    assert PROBE.look(mesh).facts["connected"] == "0"


@pytest.mark.parametrize("text", ["", "<html>", 'pilot_xds{version="1.28.10"} 2\n'])
def test_an_answer_without_pilot_info_is_no_answer(mesh: Mesh, text: str) -> None:
    mesh.answers[f"{ISTIOD} /metrics"] = text

    reading = PROBE.look(mesh)
    assert (reading.verdict, "could not read" in reading.summary) == (Verdict.PENDING, True)


def test_one_silent_istiod_of_two_is_pending(mesh: Mesh) -> None:
    mesh.plane(NEW, replicas=2)
    mesh.connected(f"istiod-{NEW}-0", {"1.28.10": 2})
    del mesh.answers[f"istiod-{NEW}-1 /metrics"]

    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_an_istiod_without_pods_is_pending(mesh: Mesh) -> None:
    mesh.drop(Ref(POD, ISTIOD, "istio-system"))

    assert PROBE.look(mesh).verdict is Verdict.PENDING


@pytest.mark.parametrize("what", ["pods", "fetch"])
def test_what_cannot_be_read_is_pending(mesh: Mesh, what: str) -> None:
    mesh.broken[what] = Forbidden("no", status=403, request=what)

    assert PROBE.look(mesh).summary.startswith("could not read")
