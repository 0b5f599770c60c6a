"""WorkloadsOn, GatewaysOn, WebhooksResolve, RevisionGone."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from upgrader.model.codec import decode, encode
from upgrader.model.failures import Forbidden, Unreachable
from upgrader.model.kinds import (
    DEPLOYMENT,
    ENDPOINTS,
    K8S_GATEWAY,
    LISTENER_SET,
    MUTATING_WEBHOOK,
    POD,
    REPLICA_SET,
    SERVICE,
    Obj,
    Ref,
)
from upgrader.model.step import Verdict
from upgrader.probes import (
    AnyProbe,
    ConfigAccepted,
    ControlPlaneReady,
    GatewaysKnown,
    GatewaysOn,
    InjectionCase,
    Injects,
    ListenersRead,
    NextPodsOn,
    ProxiesConnected,
    ProxiesSynced,
    RevisionGone,
    RevisionIdle,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Mesh

OLD, NEW, ROOT = "1-27-9", "1-28-10", "istio-system"
CART = Ref(DEPLOYMENT, "cart", "shop")
WEB = Ref(K8S_GATEWAY, "web", "ingress")
ON = WorkloadsOn(workloads=(CART,), revision=NEW, image="docker.io/istio/proxyv2:1.28.10")


class TestWorkloads:
    """Every pod, its revision, its image, its readiness, its restarts."""

    def test_pods_on_the_revision_hold(self, mesh: Mesh) -> None:
        assert ON.look(mesh).verdict is Verdict.HOLDS

    def test_a_pod_of_the_other_revision_is_broken(self, mesh: Mesh) -> None:
        mesh.app_pod("cart", "2", OLD)

        assert ON.look(mesh).verdict is Verdict.BROKEN

    def test_one_that_is_going_away_is_pending(self, mesh: Mesh) -> None:
        mesh.app_pod("cart", "2", OLD, going=True)

        assert ON.look(mesh).verdict is Verdict.PENDING

    def test_another_image_is_broken_and_the_same_one_by_digest_is_not(self, mesh: Mesh) -> None:
        mesh.app_pod("cart", "0", NEW, image="docker.io/istio/proxyv2:1.28.10@sha256:00")
        assert ON.look(mesh).verdict is Verdict.HOLDS
        mesh.app_pod("cart", "0", NEW, image="docker.io/istio/proxyv2:1.28.10-distroless")
        assert ON.look(mesh).verdict is Verdict.BROKEN

    def test_a_proxy_that_restarted_is_broken(self, mesh: Mesh) -> None:
        mesh.app_pod("cart", "0", NEW, restarts=1)

        assert ON.look(mesh).verdict is Verdict.BROKEN

    def test_a_pod_that_is_not_ready_is_pending(self, mesh: Mesh) -> None:
        mesh.app_pod("cart", "0", NEW, ready=False)

        assert ON.look(mesh).verdict is Verdict.PENDING

    def test_too_few_pods_are_pending(self, mesh: Mesh) -> None:
        mesh.drop(Ref(POD, "cart-0", "shop"))

        assert ON.look(mesh).verdict is Verdict.PENDING

    def test_a_workload_that_is_gone_does_not_count(self, mesh: Mesh) -> None:
        mesh.drop(CART)

        assert ON.look(mesh).verdict is Verdict.HOLDS

    @pytest.mark.parametrize("what", ["deployments", "replicasets", "pods"])
    def test_what_cannot_be_read_is_pending(self, mesh: Mesh, what: str) -> None:
        mesh.broken[what] = Forbidden("no", status=403)

        assert ON.look(mesh).summary.startswith("could not read")


class TestGateways:
    """Rendered by, rolled out, nothing old left."""

    probe = GatewaysOn(gateways=(WEB,), revision=NEW)

    @pytest.fixture(autouse=True)
    def _web(self, mesh: Mesh) -> None:
        mesh.put(WEB, spec={})
        self.render(mesh, NEW)
        self.pod(mesh, "web-a", NEW)

    @staticmethod
    def render(mesh: Mesh, revision: str) -> None:
        owner = {
            "kind": "Gateway",
            "apiVersion": "gateway.networking.k8s.io/v1",
            "name": "web",
            "uid": f"uid of {WEB}",
        }
        template = {"metadata": {"annotations": {"istio.io/rev": revision}}}
        ref = Ref(DEPLOYMENT, "web-istio", "ingress")
        mesh.workload(ref, {"gw": "web"}, template, metadata={"ownerReferences": [owner]})

    @staticmethod
    def pod(mesh: Mesh, name: str, revision: str) -> None:
        notes, owner = {"istio.io/rev": revision}, Ref(REPLICA_SET, "web-istio-1", "ingress")
        labels = {"gw": "web"}
        mesh.pod(
            Ref(POD, name, "ingress"),
            labels=labels,
            notes=notes,
            owner=owner,
            container="istio-proxy",
            image="p",
        )

    def test_rendered_and_rolled_holds(self, mesh: Mesh) -> None:
        assert self.probe.look(mesh).verdict is Verdict.HOLDS

    def test_rendered_by_the_other_revision_is_pending(self, mesh: Mesh) -> None:
        self.render(mesh, OLD)

        assert self.probe.look(mesh).verdict is Verdict.PENDING

    def test_an_old_pod_that_is_left_is_pending(self, mesh: Mesh) -> None:
        self.pod(mesh, "web-b", OLD)

        assert self.probe.look(mesh).verdict is Verdict.PENDING

    def test_a_gateway_without_its_deployment_is_pending(self, mesh: Mesh) -> None:
        mesh.drop(Ref(DEPLOYMENT, "web-istio", "ingress"))

        assert self.probe.look(mesh).verdict is Verdict.PENDING

    @pytest.mark.parametrize(
        ("addresses", "verdict"),
        [
            ([{"type": "Hostname", "value": "a"}], Verdict.HOLDS),
            ([{"value": "10.0.0.1"}], Verdict.PENDING),
            ([{"type": "IPAddress", "value": "10.0.0.1"}] * 2, Verdict.HOLDS),
        ],
    )
    def test_only_what_istiod_deploys_is_asked(
        self, mesh: Mesh, addresses: list[Obj], verdict: Verdict
    ) -> None:
        mesh.drop(Ref(DEPLOYMENT, "web-istio", "ingress"))
        mesh.put(WEB, spec={"addresses": addresses})

        assert self.probe.look(mesh).verdict is verdict

    @pytest.mark.parametrize("what", ["gateways", "deployments", "replicasets", "pods"])
    def test_what_cannot_be_read_is_pending(self, mesh: Mesh, what: str) -> None:
        mesh.broken[what] = Unreachable("timeout")

        assert self.probe.look(mesh).summary.startswith("could not read")


class TestWebhooks:
    """Service, endpoints, caBundle."""

    probe = WebhooksResolve()

    def test_all_lead_somewhere(self, mesh: Mesh) -> None:
        assert self.probe.look(mesh).verdict is Verdict.HOLDS

    def test_a_service_that_does_not_exist_is_broken_and_named(self, mesh: Mesh) -> None:
        mesh.drop(Ref(SERVICE, f"istiod-{OLD}", ROOT))

        reading = self.probe.look(mesh)
        assert reading.verdict is Verdict.BROKEN
        assert f"istio-sidecar-injector-{OLD}" in reading.summary

    @pytest.mark.parametrize("subsets", [[], [{"notReadyAddresses": [{"ip": "10.0.0.1"}]}]])
    def test_a_service_without_ready_endpoints_is_pending(self, mesh: Mesh, subsets: list[Obj]) -> None:
        mesh.put(Ref(ENDPOINTS, f"istiod-{OLD}", ROOT), subsets=subsets)

        assert self.probe.look(mesh).verdict is Verdict.PENDING

    def test_an_empty_ca_bundle_is_pending(self, mesh: Mesh, make_entry: Callable[..., Obj]) -> None:
        empty = make_entry("rev.namespace.", f"-{OLD}")
        del empty["clientConfig"]["caBundle"]
        mesh.injector(f"istio-sidecar-injector-{OLD}", OLD, [empty])

        assert self.probe.look(mesh).verdict is Verdict.PENDING

    def test_what_led_nowhere_before_does_not_count(self, mesh: Mesh, make_entry: Callable[..., Obj]) -> None:
        mesh.injector("istio-revision-tag-lost", "1-26-8", [make_entry("rev.namespace.", "-1-26-8")], "lost")

        assert self.probe.look(mesh).verdict is Verdict.BROKEN
        assert (
            WebhooksResolve(known_dangling=("istio-revision-tag-lost",)).look(mesh).verdict is Verdict.HOLDS
        )

    def test_an_entry_that_selects_nothing_is_never_called(
        self, mesh: Mesh, make_entry: Callable[..., Obj]
    ) -> None:
        off: Obj = {"matchLabels": {"istio.io/deactivated": "never-match"}}
        entry = {**make_entry("namespace.", "-gone"), "namespaceSelector": off, "objectSelector": off}
        mesh.injector("istio-sidecar-injector", "default", [entry])

        assert self.probe.look(mesh).verdict is Verdict.HOLDS

    def test_webhooks_of_others_are_not_ours_to_judge(self, mesh: Mesh) -> None:
        client = {"service": {"name": "gone", "namespace": "cert-manager"}}
        mesh.put(
            Ref(MUTATING_WEBHOOK, "cert-manager"),
            webhooks=[{"name": "w.cert-manager.io", "clientConfig": client}],
        )

        assert self.probe.look(mesh).verdict is Verdict.HOLDS

    @pytest.mark.parametrize("what", ["mutatingwebhookconfigurations", "services", "endpoints"])
    def test_what_cannot_be_read_is_pending(self, mesh: Mesh, what: str) -> None:
        mesh.broken[what] = Forbidden("no", status=403)

        assert self.probe.look(mesh).summary.startswith("could not read")


class TestGone:
    """After retiring."""

    service = Ref(SERVICE, f"istiod-{OLD}", ROOT)
    injector = Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{OLD}")
    probe = RevisionGone(revision=OLD, objects=(service, injector))

    @pytest.fixture(autouse=True)
    def _retired(self, mesh: Mesh) -> None:
        mesh.drop(self.service)
        mesh.drop(self.injector)
        found = mesh.list(Ref(MUTATING_WEBHOOK, "").kind)
        assert len(found) == 1

    @pytest.fixture
    def gone(self, mesh: Mesh) -> Mesh:
        from upgrader.model.kinds import VALIDATING_WEBHOOK

        mesh.drop(Ref(VALIDATING_WEBHOOK, f"istio-validator-{OLD}-{ROOT}"))
        return mesh

    def test_nothing_left_holds(self, gone: Mesh) -> None:
        assert self.probe.look(gone).verdict is Verdict.HOLDS

    def test_a_webhook_that_still_calls_its_service_is_broken(self, mesh: Mesh) -> None:
        reading = self.probe.look(mesh)

        assert (reading.verdict, f"istio-validator-{OLD}" in reading.summary) == (Verdict.BROKEN, True)

    def test_an_object_that_is_left_is_broken_and_one_on_its_way_is_pending(self, gone: Mesh) -> None:
        gone.put(self.service, spec={})
        assert self.probe.look(gone).verdict is Verdict.BROKEN
        gone.change(self.service, deletionTimestamp="2026-01-01T00:00:00Z")
        assert self.probe.look(gone).verdict is Verdict.PENDING

    @pytest.mark.parametrize("what", ["services", "mutatingwebhookconfigurations"])
    def test_what_cannot_be_read_is_pending(self, gone: Mesh, what: str) -> None:
        gone.broken[what] = Forbidden("no", status=403)

        assert self.probe.look(gone).summary.startswith("could not read")


KNOWN = GatewaysKnown(revision=OLD, known=("ingress/other",))


class TestGatewaysKnown:
    @pytest.fixture(autouse=True)
    def _web(self, mesh: Mesh) -> None:
        owner = {"kind": "Gateway", "apiVersion": "gateway.networking.k8s.io/v1", "name": "web", "uid": "u"}
        made = {
            "ownerReferences": [owner],
            "labels": {"gateway.istio.io/managed": "istio.io-gateway-controller"},
        }
        template = {"metadata": {"annotations": {"istio.io/rev": OLD}}}
        mesh.workload(Ref(DEPLOYMENT, "web-istio", "ingress"), {"gw": "web"}, template, metadata=made)
        mesh.put(WEB, spec={})

    def test_one_that_was_made_since_is_broken_by_name(self, mesh: Mesh) -> None:
        reading = KNOWN.look(mesh)

        assert (reading.verdict, "ingress/web" in reading.summary) == (Verdict.BROKEN, True)

    def test_one_that_the_plan_knows_holds(self, mesh: Mesh) -> None:
        assert GatewaysKnown(revision=OLD, known=("ingress/web",)).look(mesh).verdict is Verdict.HOLDS

    def test_one_that_names_its_revision_follows_nothing(self, mesh: Mesh) -> None:
        mesh.put(WEB, spec={}, metadata={"labels": {"istio.io/rev": OLD}})

        assert KNOWN.look(mesh).verdict is Verdict.HOLDS

    def test_one_of_another_revision_is_not_asked_about(self, mesh: Mesh) -> None:
        assert GatewaysKnown(revision=NEW).look(mesh).verdict is Verdict.HOLDS


ONE_OF_EACH: tuple[AnyProbe, ...] = (
    ON,
    TestGateways.probe,
    KNOWN,
    ListenersRead(revision=OLD, kinds=(LISTENER_SET,)),
    TestWebhooks.probe,
    TestGone.probe,
    RevisionIdle(revision=OLD),
    ProxiesConnected(revision=NEW, version="1.28.10"),
    ProxiesSynced(revision=NEW, version="1.28.10"),
    ControlPlaneReady(revision=NEW, version="1.28.10"),
    Validates(namespace="shop"),
    ConfigAccepted(revision=NEW, old=OLD),
    Injects(cases=(InjectionCase(about="a", namespace="shop", revision=NEW),)),
    NextPodsOn(workloads=(CART,), asked=(CART,), revision=NEW),
)


def test_every_probe_is_in_the_union_and_can_be_stored() -> None:
    assert {type(p) for p in ONE_OF_EACH} == set(get_args(AnyProbe))
    for probe in ONE_OF_EACH:
        assert decode(encode(probe), AnyProbe) == probe  # type: ignore[arg-type]
        assert len(probe.title()) > 8


@pytest.mark.parametrize("probe", ONE_OF_EACH, ids=lambda p: type(p).__name__)
def test_a_dead_api_server_is_pending_for_all_of_them(mesh: Mesh, probe: AnyProbe) -> None:
    everything = [
        "discovery",
        "dry run",
        "fetch",
        "forward",
        "pods",
        "deployments",
        "gateways",
        "listenersets",
        "services",
        "endpoints",
    ]
    everything += ["mutatingwebhookconfigurations", "validatingwebhookconfigurations", "namespaces"]
    mesh.broken = dict.fromkeys(everything, Unreachable("connection refused"))

    reading = probe.look(mesh)
    assert reading.verdict is Verdict.PENDING
    assert "could not read" in reading.summary
