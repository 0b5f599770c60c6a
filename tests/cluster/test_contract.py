"""What every cluster promises, asked of the sandbox directly and over HTTP through the official client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.accepting import accepts
from upgrader.cluster.identity import identify, may
from upgrader.cluster.kube import Access, KubeTransport
from upgrader.cluster.port import Cluster
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import ReadOnly, Rehearsal
from upgrader.model.change import Apply, Create, Delete, Patch, Replace
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import Conflict, Forbidden, Invalid
from upgrader.model.kinds import CONFIG_MAP, CRD, DEPLOYMENT, NAMESPACE, Kind, Ref
from upgrader.sandbox.api.definitions import resource_of_crd
from upgrader.sandbox.api.direct import Direct
from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.rest import Api
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.store import Store

SHOP = Ref(NAMESPACE, "shop")
SETTINGS = Ref(CONFIG_MAP, "settings", "shop")
CART = Ref(DEPLOYMENT, "cart", "shop")


@dataclass
class Place:
    """A sandbox without controllers: what is written is exactly what somebody wrote."""

    store: Store
    api: Api


@pytest.fixture
def place() -> Place:
    store = Store(VirtualClock())
    return Place(store, Api(store, kubernetes="1.33"))


@pytest.fixture(params=["direct", pytest.param("http", marks=pytest.mark.slow)])
def cluster(request: pytest.FixtureRequest, place: Place, tmp_path: Path) -> Iterator[RestCluster]:
    if request.param == "direct":
        yield RestCluster(Direct(place.api, lambda: None, "admin", "upgrade/test"))
        return
    with Server(place) as server:
        write_kubeconfig(tmp_path / "config", server.url)
        yield RestCluster(KubeTransport(Access(str(tmp_path / "config"))))


@pytest.fixture(autouse=True)
def shop(cluster: RestCluster) -> None:
    cluster.perform(Create(SHOP, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}))


def settings(**data: str) -> dict[str, Any]:
    metadata = {"name": "settings", "namespace": "shop", "labels": {"a": "1"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def seen(cluster: Cluster, ref: Ref) -> tuple[str, str]:
    found = cluster.get(ref)
    assert found is not None
    return found["metadata"]["uid"], found["metadata"]["resourceVersion"]


def test_what_is_not_there_is_none_and_what_is_not_served_too(cluster: RestCluster) -> None:
    unserved = Kind("networking.istio.io", "v1", "gateways", "Gateway")
    assert cluster.get(SETTINGS) is None
    assert cluster.get(Ref(unserved, "public", "shop")) is None
    assert cluster.list(unserved) == ()
    assert cluster.list(CONFIG_MAP, namespace="nowhere") == []


def test_what_was_created_is_read_with_kind_and_cannot_be_created_again(cluster: RestCluster) -> None:
    stored = cluster.perform(Create(SETTINGS, settings(a="1")))
    assert stored is not None
    assert cluster.get(SETTINGS) == stored
    listed = cluster.list(CONFIG_MAP, namespace="shop", labels="a=1")
    assert [(o["kind"], o["apiVersion"], o["data"]) for o in listed] == [("ConfigMap", "v1", {"a": "1"})]
    assert cluster.list(CONFIG_MAP, labels="a=2") == []
    with pytest.raises(Conflict) as refused:
        cluster.perform(Create(SETTINGS, settings(a="1")))
    assert refused.value.reason == "AlreadyExists"


def test_a_list_is_whole_however_many_pages_it_has(
    cluster: RestCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upgrader.cluster.rest.PAGE", 2)
    for name in "abcde":
        manifest = settings() | {"metadata": {"name": name, "namespace": "shop"}}
        cluster.perform(Create(Ref(CONFIG_MAP, name, "shop"), manifest))
    assert [o["metadata"]["name"] for o in cluster.list(CONFIG_MAP, namespace="shop")] == list("abcde")


def test_an_apply_is_repeated_without_effect_and_never_takes_what_others_own(cluster: RestCluster) -> None:
    first = cluster.perform(Apply(SETTINGS, settings(a="1"), manager="helm"))
    assert cluster.perform(Apply(SETTINGS, settings(a="1"), manager="helm")) == first
    with pytest.raises(Conflict):
        cluster.perform(Apply(SETTINGS, settings(a="2")))
    assert cluster.get(SETTINGS) == first
    assert first is not None
    assert first["metadata"]["managedFields"][0]["manager"] == "helm"


def test_a_patch_is_for_the_very_object_that_was_seen(cluster: RestCluster) -> None:
    cluster.perform(Create(SETTINGS, settings(a="1")))
    uid, version = seen(cluster, SETTINGS)
    body = {"metadata": {"labels": {"a": None, "b": "2"}}}
    with pytest.raises(Conflict):
        cluster.perform(Patch(SETTINGS, body, "another-uid", version))
    patched = cluster.perform(Patch(SETTINGS, body, uid, version))
    assert patched is not None
    assert patched["metadata"]["labels"] == {"b": "2"}
    with pytest.raises(Conflict):
        cluster.perform(Patch(SETTINGS, body | {"data": {"x": "y"}}, uid, version))
    with pytest.raises(Conflict):
        cluster.perform(Replace(SETTINGS, settings(z="9"), uid, version))


def test_a_replace_leaves_nothing_of_the_former(cluster: RestCluster) -> None:
    cluster.perform(Create(SETTINGS, settings(a="1", b="2")))
    replaced = cluster.perform(Replace(SETTINGS, settings(b="3"), *seen(cluster, SETTINGS)))
    assert replaced is not None
    assert replaced["data"] == {"b": "3"}


def test_a_namesake_is_not_deleted_and_a_second_delete_does_no_harm(cluster: RestCluster) -> None:
    cluster.perform(Create(SETTINGS, settings()))
    uid, version = seen(cluster, SETTINGS)
    with pytest.raises(Conflict):
        cluster.perform(Delete(SETTINGS, "another-uid"))
    assert cluster.get(SETTINGS) is not None
    cluster.perform(Delete(SETTINGS, uid))
    assert cluster.get(SETTINGS) is None
    assert cluster.perform(Delete(SETTINGS, uid)) is None
    with pytest.raises(Conflict, match="gone since"):
        cluster.perform(Patch(SETTINGS, {}, uid, version))


def test_a_rehearsal_answers_as_the_write_would_and_stores_nothing(
    cluster: RestCluster, place: Place
) -> None:
    cluster.perform(Create(SETTINGS, settings(a="1")))
    uid, version = seen(cluster, SETTINGS)
    other = Ref(CONFIG_MAP, "other", "shop")
    manifest = settings() | {"metadata": {"name": "other", "namespace": "shop"}}
    before = place.store.revision
    rehearsing = Rehearsal(ReadOnly(cluster))
    for change in (Create(other, manifest), Apply(other, manifest)):
        found = rehearsing.perform(change)
        assert found is not None
        assert found["metadata"]["name"] == "other"
    patched = rehearsing.perform(Patch(SETTINGS, {"data": {"a": "2"}}, uid, version))
    assert patched is not None
    assert patched["data"] == {"a": "2"}
    rehearsing.perform(Delete(SETTINGS, uid))
    assert place.store.revision == before
    with pytest.raises(Conflict):
        rehearsing.perform(Create(SETTINGS, settings()))


def test_a_workload_is_scaled_through_its_subresource(cluster: RestCluster) -> None:
    pods = {
        "metadata": {"labels": {"app": "cart"}},
        "spec": {"containers": [{"name": "cart", "image": "cart:1"}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "cart"}}, "template": pods}
    metadata = {"name": "cart", "namespace": "shop"}
    cluster.perform(
        Create(CART, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    )
    uid, version = seen(cluster, CART)
    cluster.perform(Patch(CART, {"spec": {"replicas": 0}}, uid, version, subresource="scale"))
    found = cluster.get(CART)
    assert found is not None
    assert found["spec"]["replicas"] == 0


def test_a_refusal_by_rbac_is_not_absence(cluster: RestCluster, place: Place) -> None:
    place.api.rbac.deny("admin", verbs=("list", "get"), resources=("configmaps",))
    with pytest.raises(Forbidden, match="cannot list resource"):
        cluster.list(CONFIG_MAP)
    with pytest.raises(Forbidden):
        cluster.get(SETTINGS)
    assert not may(cluster, "list", CONFIG_MAP, namespace="shop")
    assert may(cluster, "create", CONFIG_MAP, namespace="shop")


def test_what_the_server_cannot_accept_is_invalid_and_says_which_field(cluster: RestCluster) -> None:
    broken = settings() | {"metadata": {"name": "Not A Name", "namespace": "shop"}}
    with pytest.raises(Invalid, match=r"metadata\.name"):
        cluster.perform(Create(SETTINGS, broken))


def test_a_kind_is_found_as_soon_as_its_definition_is_there(cluster: RestCluster, place: Place) -> None:
    wanted = Kind("networking.istio.io", "v1", "gateways", "Gateway")
    assert wanted not in cluster.kinds()
    assert {NAMESPACE, CONFIG_MAP, DEPLOYMENT, CRD} <= set(cluster.kinds())
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object"}},
    }
    names = {"plural": "gateways", "singular": "gateway", "kind": "Gateway", "listKind": "GatewayList"}
    spec = {"group": "networking.istio.io", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": "gateways.networking.istio.io"}
    body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata}
    created = cluster.perform(Create(Ref(CRD, metadata["name"]), body | {"spec": spec}))
    assert created is not None
    place.api.catalogue.put(resource_of_crd(created))  # what the controller does that does not run here
    assert wanted in cluster.kinds()


def test_the_cluster_is_known_by_the_uid_of_its_system_namespace(cluster: RestCluster) -> None:
    home = Ref(NAMESPACE, "kube-system")
    found = cluster.get(home)
    if found is None:
        with pytest.raises(UpgradeError, match="UPG-0008"):
            identify(cluster, "here", "http://server")
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        found = cluster.perform(Create(home, body))
    assert found is not None
    with accepts("UPG-0008"):
        identity = identify(cluster, "here", "http://server")
    assert (identity.uid, identity.context) == (found["metadata"]["uid"], "here")
    assert identity.version.startswith("v1.33")


def test_a_kind_is_one_value_wherever_it_was_learnt(cluster: RestCluster) -> None:
    learnt = next(k for k in cluster.kinds() if k.plural == "deployments")
    assert learnt == DEPLOYMENT
    assert msgspec.json.decode(msgspec.json.encode(learnt), type=Kind) == DEPLOYMENT
