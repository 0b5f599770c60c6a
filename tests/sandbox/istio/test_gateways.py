"""Gateways that istiod deploys: who owns one, how it moves, what a careless move costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from upgrader.sandbox.charts.manifests import render_gateway_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.istio.conftest import Mesh

GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/app/gateways/web"
NAMESPACE = "/api/v1/namespaces/app"
OLD, NEW = "1-28-10", "1-29-6"
pytestmark = pytest.mark.slow
MERGE = "application/merge-patch+json"


def _both(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    mesh.tag("default", "1.28.10")
    mesh.install("1.29.6")


def test_a_gateway_is_deployed_with_the_names_labels_and_marks_of_istiod(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway({"team": "edge"})
    made = mesh.deployment()
    assert made is not None
    labels = made["metadata"]["labels"]
    assert labels["gateway.istio.io/managed"] == "istio.io-gateway-controller"
    assert labels["gateway.networking.k8s.io/gateway-name"] == "web"
    assert labels["team"] == "edge"
    template = made["spec"]["template"]
    assert template["metadata"]["annotations"]["istio.io/rev"] == OLD
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert template["spec"]["containers"][0]["image"] == "docker.io/istio/proxyv2:1.28.10"
    assert made["metadata"]["ownerReferences"][0]["apiVersion"] == "gateway.networking.k8s.io/v1beta1"
    managers = {(m["manager"], m["operation"]) for m in made["metadata"]["managedFields"]}
    assert ("istio.io/gateway-controller", "Apply") in managers
    for path in (
        "/api/v1/namespaces/app/services/web-istio",
        "/api/v1/namespaces/app/serviceaccounts/web-istio",
    ):
        assert mesh.get(path)["metadata"]["ownerReferences"][0]["kind"] == "Gateway"


def test_a_gateway_says_accepted_and_programmed_once_its_pods_serve(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    gateway = mesh.get(GATEWAY)
    told = {c["type"]: c["status"] for c in gateway["status"]["conditions"]}
    assert told == {"Accepted": "True", "Programmed": "True"}
    assert gateway["metadata"]["annotations"]["gateway.istio.io/controller-version"] == "5"


def test_installing_another_revision_touches_no_gateway(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    mesh.tag("default", "1.28.10")
    mesh.gateway()
    before = mesh.get(GATEWAY), mesh.deployment()
    mesh.install("1.29.6")
    mesh.world.advance(30)
    assert (mesh.get(GATEWAY), mesh.deployment()) == before


_MOVES: dict[str, Callable[[Mesh], None]] = {
    "own label": lambda mesh: mesh.label(GATEWAY, rev=NEW),
    "namespace label": lambda mesh: mesh.label(NAMESPACE, rev=NEW),
    "default tag": lambda mesh: mesh.tag("default", "1.29.6"),
}


@pytest.mark.parametrize("move", list(_MOVES))
def test_a_change_of_owner_rolls_the_gateway_exactly_once(mesh: Mesh, move: str) -> None:
    _both(mesh)
    mesh.gateway()
    assert (mesh.rendered_by(), mesh.templates()) == (OLD, 1)
    _MOVES[move](mesh)
    mesh.world.advance(60)
    assert (mesh.rendered_by(), mesh.templates()) == (NEW, 2)
    made = mesh.deployment()
    assert made is not None
    assert made["status"]["observedGeneration"] == mesh.generation()
    assert made["status"]["availableReplicas"] == made["status"]["updatedReplicas"] == 1
    settled = made
    mesh.world.advance(60)
    assert mesh.deployment() == settled


def test_a_tag_moves_the_gateways_that_are_bound_to_it(mesh: Mesh) -> None:
    _both(mesh)
    mesh.tag("prod", "1.28.10")
    mesh.gateway({"istio.io/rev": "prod"})
    assert mesh.rendered_by() == OLD
    mesh.tag("prod", "1.29.6")
    mesh.world.advance(60)
    assert (mesh.rendered_by(), mesh.templates()) == (NEW, 2)


def test_a_gateway_s_own_label_goes_before_that_of_its_namespace(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway({"istio.io/rev": OLD})
    mesh.label(NAMESPACE, rev=NEW)
    mesh.tag("default", "1.29.6")
    mesh.world.advance(60)
    assert (mesh.rendered_by(), mesh.templates()) == (OLD, 1)


def test_a_gateway_whose_label_nobody_answers_to_is_not_deployed(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway({"istio.io/rev": "gone"})
    assert mesh.deployment() is None


def test_without_a_default_tag_the_revision_of_the_default_validator_owns_from_1_28_on(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    mesh.gateway()
    assert mesh.rendered_by() == OLD


def test_without_a_default_tag_nobody_owns_an_unlabelled_gateway_before_1_28(mesh: Mesh) -> None:
    mesh.install("1.27.9")
    mesh.gateway()
    assert mesh.deployment() is None


def test_a_half_moved_tag_makes_two_owners_fight_until_it_is_whole(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    path = "/api/v1/namespaces/istio-system/services/istiod-revision-tag-default"
    before = mesh.generation()
    mesh.label(path, rev=NEW)
    mesh.world.advance(4)
    assert mesh.generation() - before >= 15
    assert [(name, owners) for _, name, owners in mesh.istiods.fights] == [("app/web", (OLD, NEW))]
    mesh.tag("default", "1.29.6")
    mesh.world.advance(30)
    after = mesh.generation()
    mesh.world.advance(30)
    assert (mesh.generation(), mesh.rendered_by()) == (after, NEW)


def test_an_unnamed_revision_and_a_default_tag_fight_over_unlabelled_gateways(mesh: Mesh) -> None:
    mesh.install("1.28.10", "")
    mesh.install("1.29.6")
    mesh.gateway()
    before = mesh.generation()
    mesh.tag("default", "1.29.6")
    mesh.world.advance(2)
    assert mesh.generation() - before >= 8
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(30)
    after = mesh.generation()
    mesh.world.advance(30)
    assert (mesh.generation(), mesh.rendered_by()) == (after, NEW)


def test_the_base_of_a_new_release_alone_makes_a_second_owner_where_no_default_tag_exists(mesh: Mesh) -> None:
    mesh.install("1.28.10", "")
    mesh.install("1.29.6")
    mesh.gateway()
    assert mesh.istiods.fights == []
    mesh.base("1.29.6")
    assert [owners for _, _, owners in mesh.istiods.fights] == [(NEW, "default")]


def test_a_frozen_unnamed_revision_does_not_fight(mesh: Mesh) -> None:
    mesh.install("1.28.10", "")
    mesh.install("1.29.6")
    mesh.gateway()
    mesh.scale("istiod", 0)
    mesh.tag("default", "1.29.6")
    mesh.world.advance(60)
    assert (mesh.rendered_by(), mesh.templates()) == (NEW, 2)
    assert mesh.istiods.fights == []
    assert mesh.istiods.emptied == []


def test_an_old_istiod_with_the_fault_empties_a_gateway_that_leaves_it(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    assert mesh.istiods.emptied == []
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(60)
    assert [(name, revision) for _, name, revision in mesh.istiods.emptied] == [("app/web", OLD)]


def test_an_old_istiod_that_is_frozen_empties_nothing(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    mesh.scale("istiod-1-28-10", 0)
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(60)
    assert mesh.rendered_by() == NEW
    assert mesh.istiods.emptied == []


def test_thawing_the_old_istiod_before_the_gateway_has_rolled_empties_it_after_all(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    mesh.scale("istiod-1-28-10", 0)
    body = orjson.dumps({"metadata": {"annotations": {"sandbox.upgrader/trouble": "never-ready"}}})
    mesh.local.patch("/apis/apps/v1/namespaces/app/deployments/web-istio", body, MERGE)
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(30)
    mesh.scale("istiod-1-28-10", 1)
    assert [revision for _, _, revision in mesh.istiods.emptied] == [OLD]


def test_an_old_istiod_without_the_fault_empties_nothing(mesh: Mesh) -> None:
    mesh.install("1.29.6")
    mesh.tag("default", "1.29.6")
    mesh.install("1.30.3")
    mesh.gateway()
    mesh.label(GATEWAY, rev="1-30-3")
    mesh.world.advance(60)
    assert mesh.rendered_by() == "1-30-3"
    assert mesh.istiods.emptied == []


def _listeners(mesh: Mesh) -> None:
    mesh.builder.apply(render_gateway_api("1.5.1"), "kubectl")
    mesh.builder.wait()
    mesh.local.create(
        "/apis/gateway.networking.k8s.io/v1/namespaces/app/listenersets",
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "ListenerSet",
            "metadata": {"name": "extra", "namespace": "app"},
            "spec": {"parentRef": {"name": "web"}},
        },
    )
    mesh.world.advance(5)


def test_an_istiod_with_the_fault_leaves_out_listeners_whose_namespace_goes_elsewhere(mesh: Mesh) -> None:
    mesh.install("1.30.1")
    mesh.tag("default", "1.30.1")
    mesh.gateway()
    _listeners(mesh)
    assert mesh.istiods.hidden == []
    mesh.label(GATEWAY, rev="1-30-1")
    mesh.label("/api/v1/namespaces/app", rev="1-31-0-rc-0")
    mesh.world.advance(5)
    assert [(name, revision) for _, name, revision in mesh.istiods.hidden] == [
        ("ListenerSet app/extra", "1-30-1")
    ]


def test_a_fixed_istiod_leaves_out_only_what_is_labelled_for_another(mesh: Mesh) -> None:
    mesh.install("1.30.3")
    mesh.tag("default", "1.30.3")
    mesh.gateway()
    _listeners(mesh)
    mesh.label("/api/v1/namespaces/app", rev="1-31-0-rc-0")
    mesh.label(GATEWAY, rev="1-30-3")
    assert mesh.istiods.hidden == []
    mesh.label("/apis/gateway.networking.k8s.io/v1/namespaces/app/listenersets/extra", rev="default")
    mesh.world.advance(5)
    assert [name for _, name, _ in mesh.istiods.hidden] == ["ListenerSet app/extra"]


def test_a_waypoint_keeps_its_name_and_is_never_emptied(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway(kind="istio-waypoint")
    assert mesh.rendered_by("web") == OLD
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(60)
    assert mesh.rendered_by("web") == NEW
    assert mesh.istiods.emptied == []


def test_a_gateway_with_a_hostname_address_is_not_deployed(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway(addresses=[{"type": "Hostname", "value": "edge.app.svc.cluster.local"}])
    assert mesh.deployment() is None
    assert mesh.get(GATEWAY)["status"]["conditions"][0]["status"] == "True"


def test_an_edit_by_hand_is_taken_back_by_the_owner(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    body = {"spec": {"template": {"metadata": {"annotations": {"istio.io/rev": "mine"}}}}}
    mesh.local.patch("/apis/apps/v1/namespaces/app/deployments/web-istio", orjson.dumps(body), MERGE)
    mesh.world.settle()
    assert mesh.rendered_by() == OLD


def test_a_replica_count_set_by_hand_survives_a_change_of_owner(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    body = orjson.dumps({"spec": {"replicas": 3}})
    mesh.local.patch("/apis/apps/v1/namespaces/app/deployments/web-istio", body, MERGE)
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(60)
    made = mesh.deployment()
    assert made is not None
    assert made["spec"]["replicas"] == made["status"]["availableReplicas"] == 3


def test_a_deployment_of_somebody_else_with_that_name_is_left_alone(mesh: Mesh) -> None:
    _both(mesh)
    container = {"name": "x", "image": "x:1"}
    mine = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web-istio", "namespace": "app"},
        "spec": {
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}},
        },
    }
    mesh.builder.create(mine)
    mesh.gateway()
    made = mesh.deployment()
    assert made is not None
    assert [c["name"] for c in made["spec"]["template"]["spec"]["containers"]] == ["x"]


def test_a_gateway_of_a_later_controller_is_left_alone(mesh: Mesh) -> None:
    _both(mesh)
    mesh.gateway()
    mesh.local.patch(
        GATEWAY,
        orjson.dumps({"metadata": {"annotations": {"gateway.istio.io/controller-version": "6"}}}),
        MERGE,
    )
    mesh.label(GATEWAY, rev=NEW)
    mesh.world.advance(30)
    assert mesh.rendered_by() == OLD
