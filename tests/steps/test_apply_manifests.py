"""Documents are applied once, as planned, and never over somebody else's object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from upgrader.model.change import Apply, Create, Patch
from upgrader.model.codec import digest
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    SERVICE,
    VALIDATING_WEBHOOK,
    Obj,
    Ref,
)
from upgrader.model.manifest import MANIFEST_DIGEST, Manifest, Part
from upgrader.model.step import Verdict
from upgrader.steps import ApplyManifests

if TYPE_CHECKING:
    from tests.steps.conftest import Shelf

FILE = "manifests/1.28.10/istiod.yaml"
NEW, ROOT = "1-28-10", "istio-system"
CONFIG = Ref(CONFIG_MAP, f"istio-{NEW}", ROOT)
SERVED = Ref(SERVICE, f"istiod-{NEW}", ROOT)
GATEWAY = Ref(DEPLOYMENT, "istio-ingressgateway", ROOT)

OWNER = {
    "operator.istio.io/managed": "Reconcile",
    "operator.istio.io/component": "Base",
    "operator.istio.io/version": "1.27.9",
    "install.operator.istio.io/owning-resource-namespace": ROOT,
}


def document(ref: Ref, **body: Any) -> Obj:
    metadata: Obj = {"name": ref.name, "labels": {"istio.io/rev": NEW}} | (
        {"namespace": ref.namespace} if ref.namespace else {}
    )
    return {"apiVersion": ref.kind.api_version, "kind": ref.kind.kind, "metadata": metadata, **body}


BODIES = [document(CONFIG, data={"mesh": "{}"}), document(SERVED, spec={"ports": [{"port": 443}]})]


def step_for(
    shelf: Shelf, bodies: list[Obj], refs: list[Ref], part: Part = "control-plane", **more: Any
) -> ApplyManifests:
    shelf.files[FILE] = yaml.safe_dump_all(bodies).encode()
    documents = tuple(
        Manifest(ref=ref, file=FILE, index=i, digest=digest(body), **more)
        for i, (ref, body) in enumerate(zip(refs, bodies, strict=True))
    )
    return ApplyManifests(version="1.28.10", revision=NEW, part=part, documents=documents)


@pytest.mark.parametrize("update", [False, True])
def test_what_istiod_has_filled_into_webhooks_is_left_as_it_is(shelf: Shelf, update: bool) -> None:
    ref = Ref(VALIDATING_WEBHOOK, f"istio-validator-{NEW}-{ROOT}")
    called: Obj = {"service": {"name": "istiod"}}
    hook: Obj = {"name": "rev.validation.istio.io", "failurePolicy": "Ignore", "clientConfig": called}
    filled = hook | {"failurePolicy": "Fail", "clientConfig": called | {"caBundle": "cm9vdA=="}}
    shelf.put(ref, webhooks=[filled])
    step = step_for(shelf, [document(ref, webhooks=[hook])], [ref], existed=True, update=update)

    (change,) = step.diff(step.observe(shelf))

    assert isinstance(change, Apply | Patch)
    (sent,) = (change.manifest if isinstance(change, Apply) else change.body)["webhooks"]
    assert sent["failurePolicy"] == "Fail"
    assert ("caBundle" in sent["clientConfig"]) is update


@pytest.fixture
def step(shelf: Shelf) -> ApplyManifests:
    return step_for(shelf, BODIES, [CONFIG, SERVED])


def test_each_document_is_applied_with_its_digest(shelf: Shelf, step: ApplyManifests) -> None:
    changes = step.diff(step.observe(shelf))

    assert [type(c) for c in changes] == [Apply, Apply]
    shelf.carry_out(step)
    assert shelf.found(CONFIG)["metadata"]["annotations"] == {MANIFEST_DIGEST: step.documents[0].digest}
    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_what_istiod_filled_in_since_is_left_alone(shelf: Shelf, step: ApplyManifests) -> None:
    shelf.carry_out(step)
    shelf.edit(CONFIG, {"data": {"filled": "in"}})

    assert shelf.carry_out(step) == 0


def test_after_a_crash_only_the_rest_is_sent(shelf: Shelf, step: ApplyManifests) -> None:
    shelf.perform(step.diff(step.observe(shelf))[0])

    assert [c.ref for c in step.diff(step.observe(shelf)) if isinstance(c, Apply)] == [SERVED]


def test_an_object_that_somebody_made_since_the_plan_is_drift(shelf: Shelf, step: ApplyManifests) -> None:
    shelf.put(CONFIG, data={})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))
    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_an_object_that_existed_is_taken_over(shelf: Shelf) -> None:
    shelf.put(CONFIG, data={})
    step = step_for(shelf, BODIES[:1], [CONFIG], existed=True, manager="istio-operator")

    (change,) = step.diff(step.observe(shelf))
    assert isinstance(change, Apply)
    assert change.manager == "istio-operator"


def test_an_owner_that_writes_updates_gets_an_update(shelf: Shelf) -> None:
    live = shelf.put(CONFIG, data={"kept": "yes"})
    step = step_for(shelf, BODIES[:1], [CONFIG], existed=True, update=True, manager="helm")

    (change,) = step.diff(step.observe(shelf))
    assert isinstance(change, Patch)
    assert (change.manager, change.uid, change.version) == (
        "helm",
        live["metadata"]["uid"],
        live["metadata"]["resourceVersion"],
    )
    shelf.carry_out(step)
    assert shelf.found(CONFIG)["data"] == {"kept": "yes", "mesh": "{}"}


def test_an_update_of_what_is_not_there_creates_it(shelf: Shelf) -> None:
    step = step_for(shelf, BODIES[:1], [CONFIG], update=True, manager="helm")

    assert isinstance(step.diff(step.observe(shelf))[0], Create)


@pytest.mark.parametrize(
    "text",
    [None, b"", b"a: [", yaml.safe_dump_all([BODIES[1], BODIES[0]]).encode(), b"\xff\xfe\xfa"],
)
def test_a_file_that_is_not_the_planned_one_is_refused(
    shelf: Shelf, step: ApplyManifests, text: bytes | None
) -> None:
    if text is None:
        del shelf.files[FILE]
    else:
        shelf.files[FILE] = text

    with pytest.raises(UpgradeError, match="UPG-0405") as caught:
        step.observe(shelf)
    assert caught.value.exit_code is Exit.BAD_DATA


def test_a_list_counts_as_its_items_and_an_empty_document_as_none(shelf: Shelf) -> None:
    step = step_for(shelf, BODIES, [CONFIG, SERVED])
    listed = {"apiVersion": "v1", "kind": "List", "items": BODIES}
    shelf.files[FILE] = b"---\n---\n" + yaml.safe_dump(listed).encode()

    assert shelf.carry_out(step) == 2


def test_a_definition_must_be_established(shelf: Shelf) -> None:
    ref = Ref(CRD, "virtualservices.networking.istio.io")
    step = step_for(shelf, [document(ref, spec={})], [ref], "crds")
    shelf.carry_out(step)

    assert step.verify(shelf).verdict is Verdict.PENDING
    conditions = [{"type": "Established", "status": "True"}, {"type": "NamesAccepted", "status": "True"}]
    shelf.edit(ref, {"status": {"conditions": conditions}})
    assert step.verify(shelf).verdict is Verdict.HOLDS
    shelf.edit(
        ref, {"status": {"conditions": [{"type": "NamesAccepted", "status": "False", "message": "taken"}]}}
    )
    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_a_deployment_must_have_settled(shelf: Shelf) -> None:
    ref = Ref(DEPLOYMENT, f"istiod-{NEW}", ROOT)
    step = step_for(shelf, [document(ref, spec={"replicas": 1})], [ref])
    shelf.carry_out(step)

    assert step.verify(shelf).verdict is Verdict.PENDING
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    shelf.edit(ref, {"status": counts})
    assert step.verify(shelf).verdict is Verdict.HOLDS


class TestAnIngressGatewayOfIstioctl:
    """Replaced in place, with the labels by which istioctl finds it later."""

    image = "docker.io/istio/proxyv2:1.28.10"

    @pytest.fixture
    def gateway(self, shelf: Shelf) -> ApplyManifests:
        template = {"spec": {"containers": [{"name": "istio-proxy", "image": self.image}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "ingress"}}, "template": template}
        counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
        shelf.put(GATEWAY, metadata={"labels": OWNER}, spec=spec, status=counts)
        body = document(GATEWAY, spec=spec)
        return step_for(shelf, [body], [GATEWAY], "ingress-gateway", existed=True, manager="istio-operator")

    def test_it_keeps_its_owner_labels_with_the_new_version(
        self, shelf: Shelf, gateway: ApplyManifests
    ) -> None:
        (change,) = gateway.diff(gateway.observe(shelf))

        assert isinstance(change, Apply)
        wanted = OWNER | {"operator.istio.io/version": "1.28.10", "istio.io/rev": NEW}
        assert change.manifest["metadata"]["labels"] == wanted
        assert change.manifest["metadata"]["annotations"][MANIFEST_DIGEST] == gateway.documents[0].digest

    def test_its_pods_must_run_the_new_image(self, shelf: Shelf, gateway: ApplyManifests) -> None:
        shelf.carry_out(gateway)
        uid = shelf.found(GATEWAY)["metadata"]["uid"]
        by = {"controller": True, "kind": "Deployment", "name": GATEWAY.name, "uid": uid}
        labels = {"app": "ingress"}
        owner = shelf.put(Ref(REPLICA_SET, "rs", ROOT), metadata={"labels": labels, "ownerReferences": [by]})
        of = {"controller": True, "kind": "ReplicaSet", "name": "rs", "uid": owner["metadata"]["uid"]}
        note = {"istio.io/rev": NEW}

        def pod(image: str) -> None:
            metadata = {"labels": labels, "annotations": note, "ownerReferences": [of]}
            containers = [{"name": "istio-proxy", "image": image}]
            shelf.put(Ref(POD, "rs-a", ROOT), metadata=metadata, spec={"containers": containers})

        pod("docker.io/istio/proxyv2:1.27.9")
        assert gateway.verify(shelf).verdict is Verdict.PENDING
        pod(self.image)
        assert gateway.verify(shelf).verdict is Verdict.HOLDS


def test_the_steps_identity_is_its_documents(step: ApplyManifests) -> None:
    assert step == msgspec.convert(msgspec.to_builtins(step), ApplyManifests)
