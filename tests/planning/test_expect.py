"""What `upgrade verify` asks of a mesh."""

from __future__ import annotations

from tests.meshes import mesh, shop
from upgrader.planning.expect import expectations
from upgrader.probes import ControlPlaneReady, GatewaysOn, Injects, Validates, WebhooksResolve, WorkloadsOn


def test_every_part_of_a_mesh_is_asked_about() -> None:
    found = expectations(shop().snapshot())
    kinds = {type(p) for p in found}
    assert {ControlPlaneReady, Injects, Validates, WebhooksResolve, WorkloadsOn, GatewaysOn} <= kinds


def test_a_workload_that_was_bound_anew_is_expected_on_its_new_revision() -> None:
    moved = mesh().plane("1.27.9").plane("1.28.10").namespace("a", rev="1-28-10")
    found = expectations(moved.deployment("a/b", proxies=1, on="1-27-9").snapshot(), ["a"])
    assert [(p.revision, p.image) for p in found if isinstance(p, WorkloadsOn)] == [
        ("1-28-10", "docker.io/istio/proxyv2:1.28.10")
    ]


def test_with_namespaces_only_their_workloads_are_asked_about() -> None:
    found = expectations(shop().snapshot(), ["sandbox"])
    assert [[r.name for r in p.workloads] for p in found if isinstance(p, WorkloadsOn)] == [["httpbin"]]
    assert len(found) == 1


def test_a_frozen_istiod_is_not_expected_to_be_ready() -> None:
    found = expectations(mesh().plane("1.27.9", replicas=0).plane("1.28.10").snapshot())
    assert [p.revision for p in found if isinstance(p, ControlPlaneReady)] == ["1-28-10"]


def test_without_a_validator_an_invalid_object_may_pass() -> None:
    assert [
        p.strict for p in expectations(mesh().plane("1.27.9").snapshot()) if isinstance(p, Validates)
    ] == [False]


def test_the_webhooks_of_a_frozen_istiod_without_proxies_may_lead_nowhere() -> None:
    def ignored(proxies: int) -> list[tuple[str, ...]]:
        made = mesh().plane("1.27.9", replicas=0).plane("1.28.10").namespace("a", rev="1-27-9")
        if proxies:
            made = made.deployment("a/b", proxies=proxies, on="1-27-9")
        found = expectations(made.snapshot())
        return [p.known_dangling for p in found if isinstance(p, WebhooksResolve)]

    assert any("1-27-9" in name for name in ignored(0)[0])
    assert ignored(1) == [()]
