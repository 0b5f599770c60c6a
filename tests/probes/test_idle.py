"""One planted dependant of each kind is found and named; what cannot be read is never "none"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from upgrader.model.failures import Forbidden, Unreachable
from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import (
    CRON_JOB,
    DEPLOYMENT,
    K8S_GATEWAY,
    K8S_GATEWAY_CLASS,
    POD,
    SERVICE,
    STATEFUL_SET,
    VALIDATING_WEBHOOK,
    X_LISTENER_SET,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.step import Verdict
from upgrader.probes import RevisionIdle

if TYPE_CHECKING:
    from tests.probes.conftest import Mesh

OLD, NEW, ROOT = "1-27-9", "1-28-10", "istio-system"
PROBE = RevisionIdle(revision=OLD)
POLICY = Kind("security.istio.io", "v1", "authorizationpolicies", "AuthorizationPolicy")
FILTER = Kind("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter")
LABELS = {"labels": {"istio.io/rev": OLD}}
NEVER: Obj = {"matchLabels": {"istio.io/deactivated": "never-match"}}
BOUND = {"metadata": {"labels": {"istio.io/rev": OLD}}}


@pytest.fixture(autouse=True)
def _served(mesh: Mesh) -> None:
    mesh.served = [POLICY, FILTER, K8S_GATEWAY, X_LISTENER_SET]
    mesh.put(Ref(K8S_GATEWAY_CLASS, "istio"), spec={"controllerName": "istio.io/gateway-controller"})
    mesh.put(Ref(K8S_GATEWAY_CLASS, "other"), spec={"controllerName": "example.com/other"})


def gateway(mesh: Mesh, rev: str | None, class_name: str = "istio") -> None:
    labels = {"labels": {"istio.io/rev": rev} if rev is not None else {}}
    mesh.put(Ref(K8S_GATEWAY, "web", "ingress"), metadata=labels, spec={"gatewayClassName": class_name})


def by_object(mesh: Mesh, make_entry: Callable[..., Obj]) -> None:
    """The entry that lets a workload name its revision itself."""
    entry = make_entry("rev.object.", f"-{OLD}")
    entry["objectSelector"] = {"matchLabels": {"istio.io/rev": OLD}}
    mesh.injector(
        f"istio-sidecar-injector-{OLD}",
        OLD,
        [make_entry("rev.namespace.", f"-{OLD}", ns={"istio.io/rev": OLD}), entry],
    )


@pytest.mark.parametrize("own", [True, False])
def test_a_workload_that_its_istiod_never_injects_does_not_depend_but_a_bound_namespace_does(
    mesh: Mesh, own: bool, make_entry: Callable[..., Obj]
) -> None:
    by_object(mesh, make_entry)
    mesh.put(Ref(DEPLOYMENT, "own", "plain"), spec={"replicas": 0, "template": BOUND})
    settings = {OLD: InjectorSettings(policy="disabled")} if own else msgspec.UNSET
    probe = msgspec.structs.replace(PROBE, settings=settings)
    assert ("Deployment plain/own" in probe.look(mesh).summary) is not own
    mesh.namespace("empty", rev=OLD)
    assert "namespace empty is bound" in probe.look(mesh).summary


PLANTED: dict[str, tuple[Callable[[Mesh], object], str, Verdict]] = {
    "a pod": (lambda m: m.app_pod("cart", "9", OLD), "pod shop/cart-9", Verdict.PENDING),
    "a pod on its way out": (
        lambda m: m.app_pod("cart", "9", OLD, going=True),
        "shop/cart-9",
        Verdict.PENDING,
    ),
    "a namespace": (lambda m: m.namespace("empty", rev=OLD), "namespace empty", Verdict.BROKEN),
    "a workload": (
        lambda m: m.put(Ref(DEPLOYMENT, "own", "plain"), spec={"replicas": 0, "template": BOUND}),
        "Deployment plain/own",
        Verdict.BROKEN,
    ),
    "a stateful set": (
        lambda m: m.put(Ref(STATEFUL_SET, "own", "plain"), spec={"template": BOUND}),
        "StatefulSet plain/own",
        Verdict.BROKEN,
    ),
    "a cron job": (
        lambda m: m.put(Ref(CRON_JOB, "own", "plain"), spec={"jobTemplate": {"spec": {"template": BOUND}}}),
        "CronJob plain/own",
        Verdict.BROKEN,
    ),
    "a gateway of istioctl": (
        lambda m: m.put(
            Ref(DEPLOYMENT, "istio-ingressgateway", ROOT),
            metadata={"labels": {"operator.istio.io/component": "IngressGateways"}},
            spec={
                "replicas": 0,
                "template": {
                    "metadata": {
                        "annotations": {"istio.io/rev": OLD},
                        "labels": {"sidecar.istio.io/inject": "false"},
                    }
                },
            },
        ),
        "istio-ingressgateway is made for it",
        Verdict.BROKEN,
    ),
    "a tag's webhook": (
        lambda m: m.injector("istio-revision-tag-prod", OLD, [], "prod"),
        "tag prod",
        Verdict.BROKEN,
    ),
    "a tag's Service": (
        lambda m: m.put(
            Ref(SERVICE, "istiod-revision-tag-prod", ROOT),
            metadata={"labels": {"app": "istiod", "istio.io/rev": OLD, "istio.io/tag": "prod"}},
        ),
        "tag prod",
        Verdict.BROKEN,
    ),
    "the default validator": (
        lambda m: m.put(
            Ref(VALIDATING_WEBHOOK, "istiod-default-validator"),
            metadata={"labels": {"app": "istiod", "istio.io/rev": OLD}},
            webhooks=[],
        ),
        "istiod-default-validator",
        Verdict.BROKEN,
    ),
    "a Gateway": (lambda m: gateway(m, OLD), "Gateway ingress/web", Verdict.BROKEN),
    "configuration": (
        lambda m: m.put(Ref(POLICY, "only-old", "shop"), metadata=LABELS, spec={}),
        "AuthorizationPolicy shop/only-old",
        Verdict.BROKEN,
    ),
    "listeners of a Gateway": (
        lambda m: m.put(Ref(X_LISTENER_SET, "extra", "shop"), metadata=LABELS, spec={}),
        "XListenerSet shop/extra",
        Verdict.BROKEN,
    ),
    "a connection from elsewhere": (
        lambda m: m.connected(f"istiod-{OLD}-0", {"1.27.9": 1}),
        "1 proxies of 1.27.9",
        Verdict.PENDING,
    ),
}


def test_a_revision_that_nothing_uses_is_idle(mesh: Mesh) -> None:
    reading = PROBE.look(mesh)

    assert reading.verdict is Verdict.HOLDS
    assert set(reading.facts.values()) == {"0"}


@pytest.mark.parametrize("what", PLANTED)
def test_each_kind_of_dependant_is_found_and_named(
    mesh: Mesh, what: str, make_entry: Callable[..., Obj]
) -> None:
    by_object(mesh, make_entry)
    plant, words, verdict = PLANTED[what]
    plant(mesh)

    reading = PROBE.look(mesh)
    assert reading.verdict is verdict
    assert words in reading.summary


@pytest.mark.parametrize("what", PLANTED)
def test_the_same_for_another_revision_does_not_count(
    mesh: Mesh, what: str, make_entry: Callable[..., Obj]
) -> None:
    by_object(mesh, make_entry)
    PLANTED[what][0](mesh)
    other = RevisionIdle(revision="1-26-8")

    assert other.look(mesh).verdict is Verdict.HOLDS


READ = [
    "pods",
    "deployments",
    "statefulsets",
    "daemonsets",
    "cronjobs",
    "namespaces",
    "services",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "gateways",
    "gatewayclasses",
    "authorizationpolicies",
    "discovery",
    "fetch",
]


@pytest.mark.parametrize("what", READ)
@pytest.mark.parametrize("failure", [Forbidden, Unreachable])
def test_what_cannot_be_read_is_pending_and_never_idle(
    mesh: Mesh, what: str, failure: type[Forbidden]
) -> None:
    mesh.broken[what] = failure(f"{what}: no", request=f"GET {what}")

    reading = PROBE.look(mesh)
    assert reading.verdict is Verdict.PENDING
    assert reading.summary.startswith("could not read")


def test_a_finished_pod_does_not_count(mesh: Mesh) -> None:
    mesh.app_pod("cart", "9", OLD, phase="Succeeded")

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_configuration_that_may_name_it_by_consent_does_not_count(mesh: Mesh) -> None:
    mesh.put(Ref(POLICY, "only-old", "shop"), metadata=LABELS, spec={})
    consented = RevisionIdle(revision=OLD, except_for=("AuthorizationPolicy shop/only-old",))

    assert consented.look(mesh).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("name", "namespace", "verdict"),
    [
        ("stats-filter-1.20-1-27-9", ROOT, Verdict.HOLDS),
        ("tcp-stats-filter-1.13-1-27-9", ROOT, Verdict.HOLDS),
        ("stats-filter-1.20-1-27-9", "shop", Verdict.BROKEN),
        ("larger-headers", ROOT, Verdict.BROKEN),
    ],
)
def test_filters_that_the_revision_brought_itself_go_with_it(
    mesh: Mesh, name: str, namespace: str, verdict: Verdict
) -> None:
    mesh.put(Ref(FILTER, name, namespace), metadata=LABELS, spec={})

    assert PROBE.look(mesh).verdict is verdict


def test_a_gateway_of_another_controller_does_not_count(mesh: Mesh) -> None:
    gateway(mesh, OLD, "other")

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_a_gateway_that_names_a_frozen_revision_still_depends_on_it(mesh: Mesh) -> None:
    mesh.plane(OLD, replicas=0)
    mesh.drop(Ref(POD, f"istiod-{OLD}-0", ROOT))
    gateway(mesh, OLD)

    assert PROBE.look(mesh).verdict is Verdict.BROKEN


def test_a_frozen_revision_is_not_asked_for_connections(mesh: Mesh) -> None:
    mesh.plane(OLD, replicas=0)
    mesh.drop(Ref(POD, f"istiod-{OLD}-0", ROOT))

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_a_running_revision_without_pods_cannot_say_that_it_is_idle(mesh: Mesh) -> None:
    mesh.drop(Ref(POD, f"istiod-{OLD}-0", ROOT))

    assert PROBE.look(mesh).verdict is Verdict.PENDING


class TestAnUnnamedRevision:
    """``default`` without a revision, after tag ``default`` has moved to the new one."""

    probe = RevisionIdle(revision="default")

    @pytest.fixture(autouse=True)
    def _mesh(self, mesh: Mesh, make_entry: Callable[..., Obj]) -> None:
        mesh.plane("default", replicas=0, version="1.27.9")
        off = {"namespaceSelector": NEVER, "objectSelector": NEVER}
        mesh.injector("istio-sidecar-injector", "default", [{**make_entry("namespace.", ""), **off}])
        mesh.namespace("legacy", injection="enabled")
        takes_over = make_entry("namespace.", f"-{NEW}", ns={"istio-injection": "enabled"})
        mesh.injector("istio-revision-tag-default", NEW, [takes_over], "default")

    def test_its_injector_that_is_off_binds_nothing(self, mesh: Mesh) -> None:
        assert self.probe.look(mesh).verdict is Verdict.HOLDS

    def test_an_injector_that_is_still_on_binds_its_namespaces(
        self, mesh: Mesh, make_entry: Callable[..., Obj]
    ) -> None:
        on = make_entry("namespace.", "", ns={"istio-injection": "enabled"})
        mesh.injector("istio-sidecar-injector", "default", [on])

        reading = self.probe.look(mesh)
        assert reading.verdict is Verdict.BROKEN
        assert "namespace legacy" in reading.summary

    def test_an_unlabelled_gateway_has_passed_to_the_tags_revision_once_it_is_frozen(
        self, mesh: Mesh
    ) -> None:
        gateway(mesh, None)

        assert self.probe.look(mesh).verdict is Verdict.HOLDS

    def test_while_it_runs_it_still_owns_an_unlabelled_gateway(
        self, mesh: Mesh, make_entry: Callable[..., Obj]
    ) -> None:
        mesh.plane("default", version="1.27.9")
        mesh.injector(
            "istio-sidecar-injector",
            "default",
            [{**make_entry("namespace.", ""), "namespaceSelector": NEVER}],
        )
        gateway(mesh, None)

        assert "Gateway ingress/web" in self.probe.look(mesh).summary
