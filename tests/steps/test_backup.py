"""A backup is whole or it is none; what is put back is what was there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from upgrader.model.change import Create, Replace, Save
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import Forbidden
from upgrader.model.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HPA,
    MUTATING_WEBHOOK,
    NAMESPACE,
    ROLE,
    SERVICE,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.step import Verdict
from upgrader.steps import BackUp, Restore

if TYPE_CHECKING:
    from tests.steps.conftest import Planes, Shelf

OLD, ROOT = "1-27-9", "istio-system"
VS = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
ROUTE = Kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
OPERATOR = Kind("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator")
ALERT = Kind("monitoring.example.com", "v1", "alerts", "Alert")
SHOP = Ref(VS, "shop", "shop")
GATEWAY = Ref(DEPLOYMENT, "istio-ingressgateway", ROOT)
INJECTOR = Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{OLD}")
STEP = BackUp(folder="backup/h1", revision=OLD)


@pytest.fixture
def mesh(planes: Planes) -> Shelf:
    shelf = planes.shelf
    planes.tag("prod", OLD)
    shelf.served = [VS, ROUTE, OPERATOR, ALERT, HPA]
    managed = [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {}}]
    spec = {"hosts": ["shop"], "http": [{"retries": {"attempts": 2}}]}
    shelf.put(SHOP, metadata={"managedFields": managed}, spec=spec, status={"observed": 1})
    shelf.put(Ref(ROUTE, "frontend", "shop"), spec={})
    shelf.put(Ref(OPERATOR, "installed-state", ROOT), spec={})
    shelf.put(Ref(ALERT, "not-ours", "shop"), spec={})
    shelf.put(Ref(NAMESPACE, "shop"), metadata={"labels": {"istio.io/rev": "prod"}})
    shelf.put(Ref(NAMESPACE, "quiet"), metadata={"labels": {"team": "x"}})
    shelf.put(Ref(CONFIG_MAP, f"istio-{OLD}", ROOT), data={"mesh": "{}"})
    shelf.put(Ref(CONFIG_MAP, "unrelated", ROOT), data={})
    of_gateway = {"labels": {"operator.istio.io/component": "IngressGateways"}}
    template = {"metadata": {"labels": {"istio.io/rev": OLD}}}
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    shelf.put(GATEWAY, metadata=of_gateway, spec={"replicas": 1, "template": template}, status=counts)
    shelf.put(Ref(HPA, "istio-ingressgateway", ROOT), metadata=of_gateway, spec={"minReplicas": 1})
    shelf.put(Ref(ROLE, "istio-ingressgateway-sds", ROOT), metadata=of_gateway)
    return shelf


def index(shelf: Shelf) -> set[str]:
    found = json.loads(shelf.files["backup/h1/index.json"])
    return {f"{o['kind']} {o['namespace']}/{o['name']}".replace(" /", " ") for o in found["objects"]}


def test_everything_a_restore_could_need_is_there_and_nothing_else(mesh: Shelf) -> None:
    mesh.carry_out(STEP)

    assert index(mesh) == {
        "VirtualService shop/shop",
        "HTTPRoute shop/frontend",
        f"IstioOperator {ROOT}/installed-state",
        "MutatingWebhookConfiguration istio-sidecar-injector-1-27-9",
        "MutatingWebhookConfiguration istio-sidecar-injector-1-28-10",
        "MutatingWebhookConfiguration istio-revision-tag-prod",
        f"ValidatingWebhookConfiguration istio-validator-1-27-9-{ROOT}",
        f"ValidatingWebhookConfiguration istio-validator-1-28-10-{ROOT}",
        f"Service {ROOT}/istiod-revision-tag-prod",
        "Namespace shop",
        f"ConfigMap {ROOT}/istio-1-27-9",
        f"Deployment {ROOT}/istio-ingressgateway",
        f"HorizontalPodAutoscaler {ROOT}/istio-ingressgateway",
        f"Role {ROOT}/istio-ingressgateway-sds",
    }
    reading = STEP.verify(mesh)
    assert (reading.verdict, reading.facts["objects"]) == (Verdict.HOLDS, "14")
    (record,) = json.loads(mesh.files["backup/h1/workloads.json"])
    assert (record["name"], record["labels"]) == ("istio-ingressgateway", {"istio.io/rev": OLD})


def test_the_index_is_written_last(mesh: Shelf) -> None:
    changes = STEP.diff(STEP.observe(mesh))

    assert isinstance(changes[-1], Save)
    assert changes[-1].path == "backup/h1/index.json"


def test_a_copy_has_neither_status_nor_managed_fields(mesh: Shelf) -> None:
    mesh.carry_out(STEP)

    copy = yaml.safe_load(mesh.files["backup/h1/virtualservices.networking.istio.io/shop_shop.yaml"])
    assert copy["spec"]["http"] == [{"retries": {"attempts": 2}}]
    assert "status" not in copy
    assert "managedFields" not in copy["metadata"]


def test_a_backup_that_is_whole_is_never_made_again(mesh: Shelf) -> None:
    mesh.carry_out(STEP)
    mesh.edit(SHOP, {"spec": {"hosts": ["changed"]}})

    assert mesh.carry_out(STEP) == 0
    assert STEP.verify(mesh).verdict is Verdict.HOLDS


def test_half_a_backup_is_made_anew(mesh: Shelf) -> None:
    for change in STEP.diff(STEP.observe(mesh))[:5]:
        mesh.perform(change)

    assert STEP.verify(mesh).verdict is Verdict.BROKEN
    assert mesh.carry_out(STEP) > 5
    assert STEP.verify(mesh).verdict is Verdict.HOLDS


def test_what_cannot_be_read_is_not_left_out(mesh: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = mesh.list

    def refusing(kind: Kind, **more: str) -> object:
        if kind == ROUTE:
            raise Forbidden("httproutes is forbidden", status=403)
        return listed(kind, **more)

    monkeypatch.setattr(mesh, "list", refusing)

    with pytest.raises(Forbidden):
        STEP.observe(mesh)


@pytest.mark.parametrize("damage", ["gone", "edited"])
def test_a_damaged_copy_breaks_the_backup_and_is_not_put_back(mesh: Shelf, damage: str) -> None:
    mesh.carry_out(STEP)
    file = "backup/h1/virtualservices.networking.istio.io/shop_shop.yaml"
    if damage == "gone":
        del mesh.files[file]
    else:
        mesh.files[file] = mesh.files[file].replace(b"attempts: 2", b"attempts: 9")

    assert STEP.verify(mesh).verdict is Verdict.BROKEN
    assert file in STEP.verify(mesh).summary
    with pytest.raises(UpgradeError, match="UPG-0802"):
        Restore(folder="backup/h1").observe(mesh)


def test_a_damaged_index_is_said_to_be_so(mesh: Shelf) -> None:
    mesh.carry_out(STEP)
    mesh.files["backup/h1/index.json"] = b'{"schema": "upgrader.backup/v1", "objects": '

    assert STEP.verify(mesh).verdict is Verdict.BROKEN
    with pytest.raises(UpgradeError, match="UPG-0802"):
        STEP.observe(mesh)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "UPPER:case", "..", "x" * 250, "sp ace", "ünï"])
def test_no_name_leads_out_of_the_folder_or_meets_another(mesh: Shelf, name: str) -> None:
    mesh.put(Ref(VS, name, "shop"), spec={})
    mesh.carry_out(STEP)

    entries = json.loads(mesh.files["backup/h1/index.json"])["objects"]
    (file,) = [e["file"] for e in entries if e["name"] == name]
    assert len(file.split("/")) == 2
    assert ".." not in file
    assert len(file) < 200
    assert len({e["file"] for e in entries}) == len(entries)
    assert Restore(folder="backup/h1").diff(Restore(folder="backup/h1").observe(mesh)) == ()


class TestPuttingBack:
    """Restore: what differs, what is missing, what is equal."""

    refs = (SHOP, GATEWAY, INJECTOR)
    step = Restore(folder="backup/h1", refs=refs)

    @pytest.fixture
    def saved(self, mesh: Shelf) -> Shelf:
        mesh.served = [
            VS,
            ROUTE,
            OPERATOR,
            ALERT,
            HPA,
            DEPLOYMENT,
            MUTATING_WEBHOOK,
            NAMESPACE,
            CONFIG_MAP,
            SERVICE,
            ROLE,
        ]
        mesh.carry_out(STEP)
        return mesh

    def test_what_is_equal_is_left_alone_whatever_the_server_wrote(self, saved: Shelf) -> None:
        noise: Obj = {"metadata": {"generation": 7, "annotations": {}}, "status": {"observedGeneration": 7}}
        saved.edit(GATEWAY, noise)
        saved.edit(GATEWAY, {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "3"}}})
        saved.edit(GATEWAY, {"spec": {"replicas": 5}, "status": {"replicas": 5, "updatedReplicas": 5}})
        saved.edit(GATEWAY, {"status": {"availableReplicas": 5}})

        assert self.step.diff(self.step.observe(saved)) == ()
        assert self.step.verify(saved).verdict is Verdict.HOLDS

    def test_what_differs_is_replaced_conditionally(self, saved: Shelf) -> None:
        saved.edit(SHOP, {"spec": {"hosts": ["changed"]}})

        (change,) = self.step.diff(self.step.observe(saved))
        assert isinstance(change, Replace)
        assert change.uid == saved.found(SHOP)["metadata"]["uid"]
        assert change.version == saved.found(SHOP)["metadata"]["resourceVersion"]
        assert self.step.verify(saved).verdict is Verdict.PENDING
        saved.carry_out(self.step)
        assert saved.found(SHOP)["spec"]["hosts"] == ["shop"]
        assert self.step.verify(saved).verdict is Verdict.HOLDS

    def test_what_is_missing_is_created_without_its_former_identity(self, saved: Shelf) -> None:
        saved.drop(SHOP)

        (change,) = self.step.diff(self.step.observe(saved))
        assert isinstance(change, Create)
        assert set(change.manifest["metadata"]) <= {"name", "namespace", "labels", "annotations"}
        assert saved.carry_out(self.step) == 1
        assert saved.carry_out(self.step) == 0

    def test_after_a_crash_only_the_rest_is_put_back(self, saved: Shelf) -> None:
        saved.drop(SHOP)
        saved.edit(INJECTOR, {"webhooks": []})
        saved.perform(self.step.diff(self.step.observe(saved))[0])

        assert len(self.step.diff(self.step.observe(saved))) == 1

    def test_the_number_of_replicas_stays_as_it_is(self, saved: Shelf) -> None:
        saved.edit(
            GATEWAY, {"spec": {"replicas": 5, "template": {"metadata": {"labels": {"istio.io/rev": "x"}}}}}
        )
        saved.carry_out(self.step)

        assert saved.found(GATEWAY)["spec"]["replicas"] == 5
        assert saved.found(GATEWAY)["spec"]["template"]["metadata"]["labels"] == {"istio.io/rev": OLD}

    def test_a_kind_that_is_not_served_any_more_is_broken(self, saved: Shelf) -> None:
        saved.served.remove(VS)

        assert self.step.diff(self.step.observe(saved)) == ()
        reading = self.step.verify(saved)
        assert reading.verdict is Verdict.BROKEN
        assert "virtualservices.networking.istio.io" in reading.summary

    def test_another_served_version_gets_the_same_content(self, saved: Shelf) -> None:
        newer = Kind("networking.istio.io", "v2", "virtualservices", "VirtualService")
        saved.served[saved.served.index(VS)] = newer

        (change,) = Restore(folder="backup/h1", refs=(SHOP,)).diff(
            Restore(folder="backup/h1", refs=(SHOP,)).observe(saved)
        )
        assert isinstance(change, Create)
        assert change.manifest["apiVersion"] == "networking.istio.io/v2"
        assert change.ref.kind == newer

    def test_a_kind_of_kubernetes_goes_back_in_the_version_of_its_copy_whatever_the_server_prefers(
        self, saved: Shelf
    ) -> None:
        scaler = Ref(HPA, "istio-ingressgateway", ROOT)
        saved.served[saved.served.index(HPA)] = Kind("autoscaling", "v1", HPA.plural, HPA.kind)
        saved.edit(scaler, {"spec": {"minReplicas": 3}})
        step = Restore(folder="backup/h1", refs=(scaler,))

        (change,) = step.diff(step.observe(saved))
        assert isinstance(change, Replace)
        assert (change.ref.kind, change.manifest["apiVersion"]) == (HPA, "autoscaling/v2")
        assert saved.carry_out(step) == 1
        assert step.verify(saved).verdict is Verdict.HOLDS

    def test_what_the_backup_does_not_have_cannot_be_put_back(self, saved: Shelf) -> None:
        step = Restore(folder="backup/h1", refs=(Ref(VS, "stranger", "shop"),))

        with pytest.raises(UpgradeError, match="UPG-0802"):
            step.observe(saved)

    def test_without_a_backup_nothing_is_put_back(self, saved: Shelf) -> None:
        with pytest.raises(UpgradeError, match="UPG-0802"):
            Restore(folder="backup/h2").observe(saved)

    def test_all_of_it_round_trips(self, saved: Shelf) -> None:
        before = saved.state()
        every = Restore(folder="backup/h1")
        for change in every.diff(every.observe(saved)):
            pytest.fail(f"{change} although nothing changed")
        saved.edit(SHOP, {"spec": {"hosts": None}})
        saved.edit(INJECTOR, {"metadata": {"labels": {"app": None}}})
        saved.carry_out(every)
        after = saved.state()
        for side in (before, after):
            for obj in side.values():
                obj["metadata"].pop("managedFields", None)
                obj.pop("status", None)
        assert after == before
