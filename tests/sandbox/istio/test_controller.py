"""What running istiods do to the cluster around them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from upgrader.sandbox.charts.manifests import render
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.istio.authority import ROOT
from upgrader.sandbox.scenarios.expand import namespace

if TYPE_CHECKING:
    from tests.sandbox.istio.conftest import Mesh

HOOKS = "/apis/admissionregistration.k8s.io/v1"
INJECTOR = f"{HOOKS}/mutatingwebhookconfigurations/istio-sidecar-injector-1-28-10"
VALIDATOR = f"{HOOKS}/validatingwebhookconfigurations/istio-validator-1-28-10-istio-system"
DEFAULT = f"{HOOKS}/validatingwebhookconfigurations/istiod-default-validator"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/istio-gateway-deployment-1-28-10"

pytestmark = pytest.mark.slow


def _bundles(mesh: Mesh, path: str) -> set[str]:
    return {hook["clientConfig"].get("caBundle", "") for hook in mesh.get(path)["webhooks"]}


def _policies(mesh: Mesh, path: str) -> set[str]:
    return {hook["failurePolicy"] for hook in mesh.get(path)["webhooks"]}


def _begin(mesh: Mesh) -> None:
    """Install 1.28.10 without letting its pods become ready."""
    files = render(mesh.release("1.28.10"))
    mesh.builder.apply(files["crds.yaml"], "kubectl")
    mesh.builder.wait()
    mesh.builder.apply(files["base.yaml"] + files["istiod.yaml"], "kubectl")
    mesh.world.settle()


def test_webhooks_get_their_certificate_and_validators_close_once_istiod_is_ready(mesh: Mesh) -> None:
    _begin(mesh)
    assert _bundles(mesh, INJECTOR) == {""}
    assert _policies(mesh, VALIDATOR) == _policies(mesh, DEFAULT) == {"Ignore"}
    mesh.builder.wait()
    root = base64.b64encode(ROOT.encode()).decode()
    assert _bundles(mesh, INJECTOR) == _bundles(mesh, VALIDATOR) == _bundles(mesh, DEFAULT) == {root}
    assert _policies(mesh, VALIDATOR) == _policies(mesh, DEFAULT) == {"Fail"}


def test_what_istiod_updates_it_updates_under_its_own_name(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    managers = {(m["manager"], m["operation"]) for m in mesh.get(VALIDATOR)["metadata"]["managedFields"]}
    assert ("pilot-discovery", "Update") in managers


def test_a_tag_gets_the_certificate_of_its_revision_and_one_that_leads_nowhere_gets_none(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    mesh.tag("prod", "1.28.10")
    mesh.tag("next", "1.29.6")
    assert _bundles(mesh, f"{HOOKS}/mutatingwebhookconfigurations/istio-revision-tag-prod") != {""}
    assert _bundles(mesh, f"{HOOKS}/mutatingwebhookconfigurations/istio-revision-tag-next") == {""}


def test_a_lease_is_held_while_an_istiod_of_the_revision_lives_and_stays_behind_without_holder(
    mesh: Mesh,
) -> None:
    mesh.install("1.28.10")
    assert mesh.get(LEASE)["spec"]["holderIdentity"].startswith("istiod-1-28-10-")
    mesh.scale("istiod-1-28-10", 0)
    assert mesh.get(LEASE)["spec"]["holderIdentity"] == ""
    mesh.scale("istiod-1-28-10", 1)
    assert mesh.get(LEASE)["spec"]["holderIdentity"].startswith("istiod-1-28-10-")


def test_every_namespace_gets_the_root_certificate_but_those_that_are_never_injected(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    mesh.builder.create(namespace("later", {}))
    mesh.world.settle()
    for name in ("app", "istio-system", "later"):
        found = mesh.get(f"/api/v1/namespaces/{name}/configmaps/istio-ca-root-cert")
        assert found["data"] == {"root-cert.pem": ROOT}
    assert mesh.local.get("/api/v1/namespaces/kube-system/configmaps/istio-ca-root-cert") is None


def test_a_root_certificate_that_somebody_deletes_comes_back(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    path = "/api/v1/namespaces/app/configmaps/istio-ca-root-cert"
    mesh.local.delete(path)
    mesh.world.settle()
    assert mesh.local.get(path) is not None


def test_two_revisions_sign_with_one_root(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    path = "/api/v1/namespaces/istio-system/secrets/istio-ca-secret"
    before = mesh.get(path)
    mesh.install("1.29.6")
    assert mesh.get(path) == before


def test_no_secret_is_made_where_a_certificate_is_plugged_in(mesh: Mesh) -> None:
    other = base64.b64encode(ROOT.replace("MIIB", "MIIC").encode()).decode()
    mesh.builder.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "cacerts", "namespace": "istio-system"},
            "data": {"root-cert.pem": other},
        }
    )
    mesh.install("1.28.10")
    assert mesh.local.get("/api/v1/namespaces/istio-system/secrets/istio-ca-secret") is None
    assert _bundles(mesh, INJECTOR) == {other}


def test_gateway_classes_are_made_and_accepted(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    for name in ("istio", "istio-remote", "istio-waypoint"):
        found = mesh.get(f"/apis/gateway.networking.k8s.io/v1/gatewayclasses/{name}")
        assert found["status"]["conditions"][0]["type"] == "Accepted"


def test_a_fork_of_a_world_knows_what_its_istiods_did(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    mesh.scale("istiod-1-28-10", 0)
    other = mesh.world.fork()
    other.advance(60)
    path = LEASE.rpartition("/")[2]
    lease = other.store.get(("coordination.k8s.io", "leases", "istio-system", path))
    assert lease is not None
    assert lease == mesh.get(LEASE)
    assert other.istio is not None
    assert other.istio.emptied == mesh.istiods.emptied


@pytest.mark.parametrize("lag", [0.0, 0.3])
def test_a_fork_taken_in_the_middle_of_a_fight_goes_on_with_it(mesh_class: type[Mesh], lag: float) -> None:
    mesh = mesh_class(lag=lag)
    mesh.install("1.28.10", "")
    mesh.install("1.29.6")
    mesh.gateway()
    mesh.tag("default", "1.29.6")
    mesh.world.advance(1.1)
    twin = mesh.world.fork()
    assert twin.next_due() == mesh.world.next_due()
    for world in (mesh.world, twin):
        world.advance(3.3)
    assert twin.istio is not None
    assert len(twin.istio.fights) == 1
    assert twin.istio.fights == mesh.istiods.fights
    assert dict(twin.index.everything()) == dict(mesh.world.index.everything())


def test_an_istiod_hears_of_changes_only_after_the_lag(mesh_class: type[Mesh]) -> None:
    mesh = mesh_class(lag=0.5)
    mesh.install("1.28.10")
    mesh.builder.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "late"}})
    path = "/api/v1/namespaces/late/configmaps/istio-ca-root-cert"
    mesh.world.advance(0.4)
    assert mesh.local.get(path) is None
    mesh.world.advance(0.2)
    assert mesh.local.get(path) is not None


def test_a_wrong_resource_is_refused_once_the_validator_is_closed(mesh: Mesh) -> None:
    mesh.install("1.28.10")
    wrong = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "x", "namespace": "app"},
        "spec": {"hosts": []},
    }
    with pytest.raises(ApiError, match="denied the request: configuration is invalid"):
        mesh.builder.create(wrong)
