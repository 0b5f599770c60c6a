"""The steps against an API server with controllers: what they send is accepted, and comes true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import WithFiles
from upgrader.model.change import Patch, Save
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import Conflict
from upgrader.model.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    K8S_GATEWAY,
    MUTATING_WEBHOOK,
    NAMESPACE,
    SERVICE,
    STATEFUL_SET,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.manifest import Manifest, Owned, Part
from upgrader.model.step import Probe, Reading, Verdict, missing
from upgrader.model.version import Version
from upgrader.playbook.manifests import load_releases
from upgrader.probes import (
    ControlPlaneReady,
    GatewaysOn,
    InjectionCase,
    Injects,
    ProxiesConnected,
    ProxiesSynced,
    RevisionGone,
    RevisionIdle,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)
from upgrader.sandbox.charts.manifests import render, render_ingress_gateway, render_version
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.controllers.trouble import Trouble, What
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World
from upgrader.steps import (
    AnyStep,
    ApplyManifests,
    BackUp,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    Restore,
    ScalePlane,
)

pytestmark = pytest.mark.slow

OLD, NEW, VERSION, ROOT = "1-27-9", "1-28-10", "1.28.10", "istio-system"
OLD_IMAGE, IMAGE = "docker.io/istio/proxyv2:1.27.9", "docker.io/istio/proxyv2:1.28.10"
MARK = f"{NEW}.0123abcd"
CART = Ref(DEPLOYMENT, "cart", "shop")
VALIDATOR = Ref(VALIDATING_WEBHOOK, "istiod-default-validator")
WEB = Ref(K8S_GATEWAY, "web", "istio-ingress")
PROD = MoveTag(tag="prod", revision=NEW, source=OLD, parts=("webhook", "service"), create=("service",))
DEFAULT = MoveTag(
    tag="default", revision=NEW, source=OLD, parts=("webhook", "service", "validator"), create=("service",)
)


class Mesh:
    """A world, a run directory, and both hands of the engine without its caution."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.cluster = WithFiles(RestCluster(world.transport()), folder)

    def carry_out(self, step: AnyStep) -> int:
        """Send what is missing until nothing is; how much that was."""
        sent = 0
        for _ in range(5):
            changes = missing(step, self.cluster)
            if not changes:
                return sent
            for change in changes:
                sent += 1
                if isinstance(change, Save):
                    place = self.folder / change.path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(change.text)
                    continue
                try:
                    self.cluster.perform(change)
                except Conflict:
                    break
        raise AssertionError("it never ends")

    def comes_true(self, step: AnyStep, seconds: float = 120.0) -> Reading:
        """Carry out and wait."""
        self.carry_out(step)
        for _ in range(int(seconds)):
            reading = step.verify(self.cluster)
            if reading.verdict is not Verdict.PENDING:
                break
            self.world.advance(1.0)
        assert reading.verdict is Verdict.HOLDS, reading
        assert self.carry_out(step) == 0
        return reading

    def found(self, ref: Ref) -> Obj:
        obj = self.cluster.get(ref)
        assert obj is not None, ref
        return obj

    def edit(self, ref: Ref, body: Obj) -> None:
        """Somebody else's patch."""
        seen = self.found(ref)["metadata"]
        change = Patch(ref, body, seen["uid"], seen["resourceVersion"], "kubectl-edit")
        RestCluster(self.world.transport(agent="kubectl")).perform(change)

    def uid(self, ref: Ref) -> str:
        return str(self.found(ref)["metadata"]["uid"])

    def apply(
        self, part: Part, version: str = VERSION, revision: str = NEW, owner: str = "kubectl"
    ) -> ApplyManifests:
        """The step that installs one part of a release; what is there already belongs to *owner*."""
        release = load_releases(self.folder / "manifests", [Version.parse(version)])[version]
        served = {(k.group, k.kind): k for k in self.cluster.kinds()}
        documents = []
        for one in release.part(part):
            group, _, version_of_kind = one.body["apiVersion"].rpartition("/")
            name, metadata = one.body["kind"], one.body["metadata"]
            guess = Kind(group, version_of_kind, f"{name.lower()}s", name)
            kind = msgspec.structs.replace(served.get((group, name), guess), version=version_of_kind)
            ref = Ref(kind, metadata["name"], metadata.get("namespace", ""))
            there = self.cluster.get(ref) is not None
            manager = owner if there else "upgrader"
            made = Manifest(
                ref=ref, file=one.file, index=one.index, digest=one.digest, existed=there, manager=manager
            )
            documents.append(made)
        return ApplyManifests(version=version, revision=revision, part=part, documents=tuple(documents))

    def restart(self, ref: Ref) -> RestartWorkload:
        return RestartWorkload(ref=ref, uid=self.uid(ref), revision=NEW, image=IMAGE, mark=MARK)


@pytest.fixture(scope="module")
def loaded() -> World:
    world = World(kubernetes="1.33")
    load(world, "shop")
    return world


@pytest.fixture
def mesh(loaded: World, tmp_path: Path) -> Mesh:
    folder = tmp_path / "manifests" / VERSION
    folder.mkdir(parents=True)
    for name, text in render_version(VERSION).items():
        (folder / name).write_text(text)
    return Mesh(loaded.fork(), tmp_path)


@pytest.fixture
def installed(mesh: Mesh) -> Mesh:
    """The new revision beside the old."""
    mesh.carry_out(BackUp(folder="backup/h1", revision=OLD))
    parts: tuple[Part, ...] = ("crds", "base", "control-plane")
    for part in parts:
        mesh.comes_true(mesh.apply(part))
    return mesh


def owned_by(mesh: Mesh, revision: str) -> tuple[Owned, ...]:
    """What the revision's charts made, Deployment first."""
    found = []
    for kind in sorted(mesh.cluster.kinds(), key=lambda k: k.kind != "Deployment"):
        made_by_controllers = {"pods", "replicasets", "endpoints", "endpointslices", "events", "leases"}
        if kind.plural in made_by_controllers or kind.plural.endswith("reviews") or kind.plural == "bindings":
            continue
        for obj in mesh.cluster.list(kind, labels=f"istio.io/rev={revision}"):
            metadata = obj["metadata"]
            ref = Ref(kind, metadata["name"], metadata.get("namespace", ""))
            if kind not in {NAMESPACE, K8S_GATEWAY}:
                found.append(Owned(ref, metadata["uid"]))
    return tuple(found)


def test_a_backup_of_a_whole_mesh_puts_back_nothing_when_nothing_changed(mesh: Mesh) -> None:
    mesh.comes_true(BackUp(folder="backup/h1", revision=OLD))

    assert mesh.carry_out(Restore(folder="backup/h1")) == 0


def test_a_kind_that_the_groups_preferred_version_lacks_is_backed_up_too(mesh: Mesh) -> None:
    mesh.comes_true(BackUp(folder="backup/h1", revision=OLD))

    assert (mesh.folder / "backup/h1/envoyfilters.networking.istio.io/shop_server-header.yaml").exists()


def test_the_new_revision_serves_beside_the_old(installed: Mesh) -> None:
    case = InjectionCase(
        about="pod label", namespace="monitoring", labels={"istio.io/rev": NEW}, revision=NEW, image=IMAGE
    )
    probes: list[Probe] = [
        ControlPlaneReady(revision=NEW, version=VERSION),
        ControlPlaneReady(revision=OLD, version="1.27.9"),
        Injects(cases=(case,)),
        WebhooksResolve(),
        Validates(namespace="shop"),
        RevisionIdle(revision=NEW),
    ]

    for probe in probes:
        reading = probe.look(installed.cluster)
        assert reading.verdict is Verdict.HOLDS, reading


def test_taking_the_new_revision_away_again_leaves_the_cluster_as_it_was(mesh: Mesh) -> None:
    before = owned_by(mesh, OLD)
    step = mesh.apply("control-plane")
    mesh.comes_true(step)
    made = tuple(Owned(d.ref) for d in step.documents)

    mesh.comes_true(RemoveObjects(revision=NEW, objects=made, why="undo"))

    assert owned_by(mesh, OLD) == before
    assert owned_by(mesh, NEW) == ()
    assert WebhooksResolve().look(mesh.cluster).verdict is Verdict.HOLDS


def test_a_namespace_bound_by_label_moves_and_comes_back(installed: Mesh) -> None:
    place = Ref(NAMESPACE, "sandbox")
    workload = Ref(DEPLOYMENT, "httpbin", "sandbox")
    before = installed.found(workload)["spec"]
    labels: dict[str, str | None] = {"istio.io/rev": NEW}
    move = RelabelNamespace(
        namespace="sandbox",
        uid=installed.uid(place),
        revision=NEW,
        labels=labels,
        before={"istio.io/rev": OLD},
    )
    restart = installed.restart(workload)
    installed.comes_true(move)
    reading = installed.comes_true(restart)

    assert "2 of 2 pods on 1-28-10" in reading.summary
    on = WorkloadsOn(workloads=(workload,), revision=NEW, image=IMAGE)
    assert on.look(installed.cluster).verdict is Verdict.HOLDS
    assert ProxiesConnected(revision=NEW, version=VERSION).look(installed.cluster).facts["connected"] == "2"
    synced = ProxiesSynced(revision=NEW, version=VERSION).look(installed.cluster)
    assert (synced.verdict, synced.facts["synced"]) == (Verdict.HOLDS, "2")

    installed.comes_true(msgspec.structs.replace(move, revision=OLD, labels=move.before, before=move.labels))
    back = msgspec.structs.replace(restart, revision=OLD, image=OLD_IMAGE, mark=None, before=MARK)
    installed.comes_true(back)
    assert installed.found(workload)["spec"] == before


def test_a_tag_moves_with_all_that_is_bound_by_it(installed: Mesh) -> None:
    installed.comes_true(PROD)
    for ref in (CART, Ref(STATEFUL_SET, "redis-cart", "shop")):
        installed.comes_true(installed.restart(ref))

    service = installed.found(Ref(SERVICE, "istiod-revision-tag-prod", ROOT))
    assert service["metadata"]["labels"]["istio.io/rev"] == NEW
    assert (
        service["spec"]["selector"]
        == installed.found(Ref(SERVICE, f"istiod-{NEW}", ROOT))["spec"]["selector"]
    )
    case = InjectionCase(about="shop", namespace="shop", revision=NEW, image=IMAGE)
    assert Injects(cases=(case,)).look(installed.cluster).verdict is Verdict.HOLDS


def test_the_default_tag_takes_its_validator_along(installed: Mesh) -> None:
    installed.comes_true(DEFAULT)

    assert Validates(namespace="payments").look(installed.cluster).verdict is Verdict.HOLDS
    case = InjectionCase(about="payments", namespace="payments", revision=NEW, image=IMAGE)
    assert Injects(cases=(case,)).look(installed.cluster).verdict is Verdict.HOLDS
    assert WebhooksResolve().look(installed.cluster).verdict is Verdict.HOLDS


def test_a_stale_patch_is_refused_by_the_server(installed: Mesh) -> None:
    (change,) = installed.restart(CART).diff(installed.found(CART))
    installed.edit(CART, {"metadata": {"annotations": {"a": "b"}}})

    assert isinstance(change, Patch)
    with pytest.raises(Conflict):
        installed.cluster.perform(change)


def test_a_whole_hop_by_hand_leaves_no_trace_of_the_old_revision(installed: Mesh) -> None:
    for step in moves(installed):
        installed.comes_true(step)
    istiod = Ref(DEPLOYMENT, f"istiod-{OLD}", ROOT)
    installed.comes_true(
        ScalePlane(ref=istiod, uid=installed.uid(istiod), revision=OLD, replicas=0, before=1)
    )
    installed.comes_true(RelabelGateway(ref=WEB, uid=installed.uid(WEB), revision=NEW, value=NEW, before=OLD))
    assert GatewaysOn(gateways=(WEB,), revision=NEW).look(installed.cluster).verdict is Verdict.HOLDS

    idle = RevisionIdle(revision=OLD).look(installed.cluster)
    assert idle.verdict is Verdict.HOLDS, idle
    objects = owned_by(installed, OLD)
    installed.comes_true(RemoveObjects(revision=OLD, objects=objects))

    gone = RevisionGone(revision=OLD, objects=tuple(o.ref for o in objects))
    for probe in (
        gone,
        WebhooksResolve(),
        Validates(namespace="shop"),
        ControlPlaneReady(revision=NEW, version=VERSION),
    ):
        reading = probe.look(installed.cluster)
        assert reading.verdict is Verdict.HOLDS, reading


def moves(mesh: Mesh) -> Iterator[AnyStep]:
    """Everything that is bound to the old revision, gateways of istiod's aside."""
    for name in ("sandbox", "istio-ingress"):
        yield RelabelNamespace(
            namespace=name,
            uid=mesh.uid(Ref(NAMESPACE, name)),
            revision=NEW,
            labels={"istio.io/rev": NEW},
            before={"istio.io/rev": OLD},
        )
    yield PROD
    yield DEFAULT
    for kind in (DEPLOYMENT, STATEFUL_SET):
        for obj in mesh.cluster.list(kind):
            metadata = obj["metadata"]
            ref = Ref(kind, metadata["name"], metadata["namespace"])
            if ref.namespace in {"sandbox", "shop", "payments", "istio-ingress"} and ref.name != "web-istio":
                yield mesh.restart(ref)
    labels: dict[str, str | None] = {"istio.io/rev": NEW}
    for ref in (Ref(DEPLOYMENT, "prometheus", "monitoring"), Ref(DAEMON_SET, "log-agent", "monitoring")):
        own = msgspec.structs.replace(mesh.restart(ref), labels=labels, labels_before={"istio.io/rev": OLD})
        yield own


def test_an_injector_that_was_put_back_serves_again(installed: Mesh) -> None:
    ref = Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{OLD}")
    installed.world.local().delete(
        f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{ref.name}"
    )
    case = InjectionCase(about="sandbox", namespace="sandbox", revision=OLD, image=OLD_IMAGE)
    assert Injects(cases=(case,)).look(installed.cluster).verdict is Verdict.BROKEN

    installed.comes_true(Restore(folder="backup/h1", refs=(ref,)))

    assert Injects(cases=(case,)).look(installed.cluster).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("what", "word"), [("crash-loop", "CrashLoopBackOff"), ("image-pull", "ImagePullBackOff")]
)
def test_a_restart_that_does_not_come_up_is_broken_with_the_containers_reason(
    installed: Mesh, what: What, word: str
) -> None:
    installed.comes_true(PROD)
    installed.world.troubles.begin(
        "Deployment", "shop", "cart", Trouble(what, revision=installed.world.store.revision)
    )
    step = installed.restart(CART)
    installed.carry_out(step)
    for _ in range(300):
        reading = step.verify(installed.cluster)
        if reading.verdict is not Verdict.PENDING:
            break
        installed.world.advance(1.0)

    assert reading.verdict is Verdict.BROKEN
    assert word in reading.summary


def test_a_restart_before_its_tag_has_moved_is_broken_and_names_the_old_revision(installed: Mesh) -> None:
    step = installed.restart(CART)
    installed.carry_out(step)

    assert "injected by 1-27-9, not by 1-28-10" in step.verify(installed.cluster).summary


def test_a_gateway_whose_label_somebody_chose_is_named_with_its_writer(installed: Mesh) -> None:
    step = RelabelGateway(ref=WEB, uid=installed.uid(WEB), revision=NEW, value=NEW, before=OLD)
    installed.edit(WEB, {"metadata": {"labels": {"istio.io/rev": "prod"}}})

    with pytest.raises(UpgradeError) as caught:
        step.diff(step.observe(installed.cluster))
    assert "kubectl-edit" in "\n".join(caught.value.what)


def test_a_reader_without_rights_gets_pending_and_never_a_pass(mesh: Mesh) -> None:
    mesh.world.api.rbac.deny("stranger", verbs=("list",))
    cluster = RestCluster(mesh.world.transport(user="stranger"))
    for probe in (
        RevisionIdle(revision="1-99-0"),
        WebhooksResolve(),
        ControlPlaneReady(revision=OLD, version="1.27.9"),
    ):
        reading = probe.look(cluster)
        assert reading.verdict is Verdict.PENDING
        assert reading.summary.startswith("could not read")


@pytest.fixture(scope="module")
def old_world() -> World:
    world = World(kubernetes="1.24")
    load(world, "legacy")
    return world


class TestWithoutARevision:
    """1.12 as istioctl left it: unnamed, with an ingress gateway in place."""

    hop = ("1.13.9", "1-13-9")
    gateway = Ref(DEPLOYMENT, "istio-ingressgateway", ROOT)
    unnamed = Ref(MUTATING_WEBHOOK, "istio-sidecar-injector")
    case = InjectionCase(
        about="legacy", namespace="billing", revision="1-13-9", image="docker.io/istio/proxyv2:1.13.9"
    )
    tag = MoveTag(
        tag="default",
        revision="1-13-9",
        source="default",
        parts=("webhook", "validator"),
        create=("webhook",),
        deactivate=True,
    )

    @pytest.fixture
    def legacy(self, old_world: World, tmp_path: Path) -> Mesh:
        version, revision = self.hop
        folder = tmp_path / "manifests" / version
        folder.mkdir(parents=True)
        release = Release(version, revision, kubernetes="1.24", installer="istioctl")
        for name, text in render(release).items():
            (folder / name).write_text(text)
        (folder / "ingress.yaml").write_text(render_ingress_gateway(release))
        mesh = Mesh(old_world.fork(), tmp_path)
        mesh.comes_true(BackUp(folder="backup/h1", revision="default"))
        parts: tuple[Part, ...] = ("base", "control-plane")
        for part in parts:
            mesh.comes_true(mesh.apply(part, version, revision, "istio-operator"))
        return mesh

    def test_the_default_tag_takes_over_and_can_be_undone(self, legacy: Mesh) -> None:
        before = legacy.found(self.unnamed)["webhooks"]
        legacy.comes_true(self.tag)
        assert Injects(cases=(self.case,)).look(legacy.cluster).verdict is Verdict.HOLDS
        assert Validates(namespace="billing").look(legacy.cluster).verdict is Verdict.HOLDS

        legacy.comes_true(Restore(folder="backup/h1", refs=(self.unnamed, VALIDATOR)))
        made = Owned(Ref(MUTATING_WEBHOOK, "istio-revision-tag-default"))
        legacy.comes_true(RemoveObjects(revision="1-13-9", objects=(made,), why="undo"))

        assert legacy.found(self.unnamed)["webhooks"] == before
        back = msgspec.structs.replace(self.case, revision="default", image="docker.io/istio/proxyv2:1.12.9")
        assert Injects(cases=(back,)).look(legacy.cluster).verdict is Verdict.HOLDS

    def test_the_ingress_gateway_is_replaced_in_place_and_can_be_put_back(self, legacy: Mesh) -> None:
        service = Ref(SERVICE, "istio-ingressgateway", ROOT)
        address = legacy.found(service)["spec"]["clusterIP"]
        step = legacy.apply("ingress-gateway", *self.hop, "istio-operator")
        legacy.comes_true(step)

        labels = legacy.found(self.gateway)["metadata"]["labels"]
        assert labels["operator.istio.io/version"] == "1.13.9"
        assert labels["operator.istio.io/managed"] == "Reconcile"
        assert legacy.found(service)["spec"]["clusterIP"] == address

        refs = tuple(d.ref for d in step.documents)
        legacy.comes_true(Restore(folder="backup/h1", refs=refs))
        assert legacy.found(self.gateway)["metadata"]["labels"]["operator.istio.io/version"] == "1.12.9"
