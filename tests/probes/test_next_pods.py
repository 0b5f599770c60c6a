"""NextPodsOn: what is resolved from the webhooks that are there, and what dry runs of whole templates say to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from upgrader.model.failures import ClusterFailure, Denied, Forbidden, Invalid, Unreachable
from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import DEPLOYMENT, MUTATING_WEBHOOK, NAMESPACE, Obj, Ref
from upgrader.model.step import Verdict
from upgrader.probes import NextPodsOn

if TYPE_CHECKING:
    from tests.probes.conftest import Mesh

OLD, NEW, THIRD = "1-27-9", "1-28-10", "1-29-6"
IMAGE = "docker.io/istio/proxyv2:1.28.10"
CART = Ref(DEPLOYMENT, "cart", "shop")
TEMPLATES = "inject.istio.io/templates"
QUOTA = Forbidden('pods "upgrade-probe-1" is forbidden: exceeded quota: small, requested: cpu=1', status=403)
PSA = Forbidden('pods "upgrade-probe-1" is forbidden: violates PodSecurity "baseline:latest"', status=403)
RBAC = Forbidden('pods is forbidden: User "ana" cannot create resource "pods"', status=403)
NO_DRY_RUN = Denied('admission webhook "vault.example.com" does not support dry run')
UNKNOWN = Denied(
    'admission webhook "rev.namespace.sidecar-injector.istio.io" denied the request: template "x" not found'
)
NOT_CALLED = Denied(
    'Internal error occurred: failed calling webhook "rev.namespace.sidecar-injector.istio.io"'
)


def template(name: str, notes: dict[str, str] | None = None, labels: dict[str, str] | None = None) -> Obj:
    metadata = {"labels": {"app": name} | (labels or {}), "annotations": notes or {}}
    return {"metadata": metadata, "spec": {"containers": [{"name": name, "image": name}]}}


def injected(revision: str, image: str = IMAGE) -> Callable[[Obj], Obj]:
    def answer(pod: Obj) -> Obj:
        notes = pod["metadata"].get("annotations", {}) | {"istio.io/rev": revision}
        pod["metadata"]["annotations"] = notes
        pod["spec"]["containers"].append({"name": "istio-proxy", "image": image})
        return pod

    return answer


def refused(failure: ClusterFailure, *, small: bool = True) -> Callable[[Obj], Obj]:
    """Every pod is refused, or with *small* False only pods of the workloads themselves."""

    def answer(pod: Obj) -> Obj:
        if small or pod["spec"]["containers"][0]["name"] != "probe":
            raise failure
        return injected(NEW)(pod)

    return answer


def asks(*names: str, **fields: Any) -> NextPodsOn:
    refs = tuple(Ref(DEPLOYMENT, name, "shop") for name in names or ("cart",))
    usual: dict[str, Any] = {"revision": NEW, "image": IMAGE, "former": OLD, "versions": {NEW: "1.28.10"}}
    return NextPodsOn(workloads=refs, asked=refs[:1], **(usual | fields))


@pytest.fixture(autouse=True)
def _made(mesh: Mesh) -> None:
    mesh.app("cart", NEW, template=template("cart"))
    mesh.dry_run = injected(NEW)


def test_a_pod_of_the_template_itself_is_sent(mesh: Mesh) -> None:
    assert asks().look(mesh).verdict is Verdict.HOLDS
    (pod,) = mesh.asked
    assert pod["spec"] == template("cart")["spec"]
    assert pod["metadata"]["labels"] == {"app": "cart"}
    assert pod["metadata"]["namespace"] == "shop"


def test_workloads_that_ask_alike_are_one_pod_however_many_they_are(mesh: Mesh) -> None:
    names = [f"app-{number}" for number in range(40)]
    for number, name in enumerate(names):
        notes = {TEMPLATES: "custom"} if number % 2 else {}
        mesh.app(name, NEW, template=template(name, notes | {"example.com/build": name}))
    reading = asks(*names).look(mesh)
    assert (reading.verdict, len(mesh.asked)) == (Verdict.HOLDS, 2)
    assert reading.summary == "next pods of 40 workloads get 1-28-10, by 2 dry-run pods"


@pytest.mark.parametrize(
    "different",
    [
        {"labels": {"team": "never-injected"}},
        {"notes": {"sidecar.istio.io/inject": "true"}},
        {"notes": {"sidecar.istio.io/proxyImageType": "debug"}},
    ],
)
def test_what_decides_about_injection_is_asked_about_by_itself(mesh: Mesh, different: dict[str, Any]) -> None:
    mesh.app("other", NEW, template=template("other", **different))
    asks("cart", "other", image="", also=("team",)).look(mesh)
    assert len(mesh.asked) == 2


def test_what_an_istiod_refuses_by_itself_is_expected_without_a_proxy_and_proved(mesh: Mesh) -> None:
    refusing = {NEW: InjectorSettings(never=({"matchLabels": {"app": "cart"}},))}
    mesh.app("web", NEW, template=template("web"))
    mesh.dry_run = lambda pod: pod if pod["metadata"]["labels"]["app"] == "cart" else injected(NEW)(pod)
    assert asks("cart", revision="", settings=refusing).look(mesh).verdict is Verdict.HOLDS
    assert len(mesh.asked) == 1
    told = asks("cart", "web", settings=refusing).look(mesh)
    assert "came nobody (neverInjectSelector of istiod 1-28-10 matches)" in told.summary
    assert len(mesh.asked) == 2
    assert asks("cart", revision="").look(mesh).verdict is Verdict.BROKEN


def test_the_workload_that_the_plan_names_is_the_one_whose_pod_is_sent(mesh: Mesh) -> None:
    mesh.app("basket", NEW, template=template("basket"))
    msgspec.structs.replace(asks("basket", "cart"), asked=(CART,)).look(mesh)
    assert [pod["metadata"]["labels"]["app"] for pod in mesh.asked] == ["cart"]


def test_labels_that_the_restart_sets_are_those_of_the_pod(mesh: Mesh) -> None:
    mesh.app("named", OLD, template=template("named", labels={"istio.io/rev": OLD, "gone": "x"}))
    asks("named", labels={"istio.io/rev": NEW, "gone": None}).look(mesh)
    assert mesh.asked[0]["metadata"]["labels"] == {"app": "named", "istio.io/rev": NEW}


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (injected(THIRD), THIRD),
        (lambda pod: pod, "no proxy"),
        (injected(NEW, "docker.io/istio/proxyv2:1.28.9"), "docker.io/istio/proxyv2:1.28.9"),
        (refused(UNKNOWN), "refusal"),
        (refused(PSA), "refusal"),
        (refused(PSA, small=False), "refusal"),
        (refused(Invalid("spec.containers: invalid quantity", status=422)), "refusal"),
    ],
)
def test_another_answer_is_told_with_workload_and_what_was_expected(
    mesh: Mesh, answer: Callable[[Obj], Obj], came: str
) -> None:
    mesh.dry_run = answer
    reading = asks().look(mesh)
    assert reading.verdict is Verdict.BROKEN
    assert "shop/cart" in reading.summary
    assert (reading.facts["workload"], came in reading.facts["came"]) == ("shop/cart", True)
    assert reading.facts["expected"] in (NEW, IMAGE)


def test_the_former_answer_is_waited_out_for_servers_hear_of_a_move_one_after_another(mesh: Mesh) -> None:
    mesh.dry_run = injected(OLD)
    reading = asks().look(mesh)
    assert (reading.verdict, reading.facts["came"]) == (Verdict.PENDING, OLD)
    assert asks(former=THIRD).look(mesh).verdict is Verdict.BROKEN


@pytest.mark.parametrize("failure", [RBAC, NOT_CALLED, Unreachable("timeout"), QUOTA, NO_DRY_RUN])
def test_what_could_not_be_asked_is_pending_and_no_difference(mesh: Mesh, failure: ClusterFailure) -> None:
    mesh.dry_run = refused(failure)
    reading = asks().look(mesh)
    assert (reading.verdict, "came" in reading.facts) == (Verdict.PENDING, False)
    assert failure.message in reading.summary


@pytest.mark.parametrize("failure", [QUOTA, NO_DRY_RUN])
def test_where_the_pod_is_refused_for_its_size_or_its_neighbours_a_smaller_one_is_asked_and_that_is_said(
    mesh: Mesh, failure: ClusterFailure
) -> None:
    mesh.app("cart", NEW, template=template("cart", labels={"sidecar.istio.io/inject": "true"}))
    mesh.dry_run = refused(failure, small=False)
    reading = asks(image="registry.corp/proxy-of-its-own:1").look(mesh)
    assert reading.verdict is Verdict.HOLDS
    assert failure.message in reading.summary
    assert mesh.asked[1]["metadata"]["labels"] == {"sidecar.istio.io/inject": "true"}


def test_two_injectors_are_found_though_one_proxy_comes(mesh: Mesh, make_entry: Callable[..., Obj]) -> None:
    entry = make_entry("rev.namespace.", f"-{THIRD}", ns={"istio.io/rev": NEW})
    mesh.injector("another", THIRD, [entry])
    reading = asks().look(mesh)
    assert (reading.verdict, reading.facts["injectors"]) == (Verdict.BROKEN, "2")
    assert "1-28-10 and 1-29-6" in reading.facts["came"]
    assert mesh.asked == []


@pytest.mark.parametrize("namespace", [{"rev": "gone"}, {"rev": OLD}, {}])
def test_labels_that_lead_elsewhere_now_are_noticed_before_a_pod_is_sent(
    mesh: Mesh, namespace: dict[str, str]
) -> None:
    mesh.namespace("shop", **namespace)
    assert asks().look(mesh).verdict is Verdict.BROKEN
    assert mesh.asked == []


def test_a_template_that_refuses_since_the_plan_was_made_is_noticed(mesh: Mesh) -> None:
    mesh.app("cart", NEW, template=template("cart", {"sidecar.istio.io/inject": "false"}))
    reading = asks().look(mesh)
    assert (reading.verdict, reading.facts["injectors"]) == (Verdict.BROKEN, "0")


class TestSpared:
    """Workloads that are to stay without a proxy."""

    probe = asks(revision="", image="", former="")

    @pytest.fixture(autouse=True)
    def _out(self, mesh: Mesh) -> None:
        mesh.app("cart", "", template=template("cart", labels={"sidecar.istio.io/inject": "false"}))
        entry = mesh.list(MUTATING_WEBHOOK)
        for webhook in entry:
            refuses = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
            hooks = [h | {"objectSelector": {"matchExpressions": [refuses]}} for h in webhook["webhooks"]]
            mesh.injector(webhook["metadata"]["name"], webhook["metadata"]["labels"]["istio.io/rev"], hooks)

    def test_none_is_as_expected(self, mesh: Mesh) -> None:
        mesh.dry_run = lambda pod: pod
        assert self.probe.look(mesh).verdict is Verdict.HOLDS
        assert self.probe.title() == "next pods of 1 workload get no proxy, by 1 dry-run pod"

    def test_one_is_told(self, mesh: Mesh) -> None:
        reading = self.probe.look(mesh)
        assert (reading.verdict, reading.facts["expected"]) == (Verdict.BROKEN, "no proxy")

    def test_nobody_injects_what_is_refused_and_that_is_said(self, mesh: Mesh) -> None:
        mesh.dry_run = refused(PSA)
        reading = self.probe.look(mesh)
        assert reading.verdict is Verdict.HOLDS
        assert "violates PodSecurity" in reading.summary


def test_what_is_gone_does_not_count(mesh: Mesh) -> None:
    mesh.change(CART, deletionTimestamp="2026-01-01T00:00:00Z")
    assert asks().look(mesh).verdict is Verdict.HOLDS
    mesh.drop(CART)
    assert asks().look(mesh).verdict is Verdict.HOLDS
    mesh.app("cart", NEW, template=template("cart"))
    mesh.dry_run = refused(Invalid('namespaces "shop" not found', status=404))
    assert asks().look(mesh).verdict is Verdict.PENDING
    mesh.drop(Ref(NAMESPACE, "shop"))
    assert asks().look(mesh).verdict is Verdict.HOLDS


def test_several_differences_are_all_counted_and_the_first_are_told(mesh: Mesh) -> None:
    mesh.dry_run = injected(THIRD)
    names = [f"app-{number}" for number in range(5)]
    for name in names:
        mesh.app(name, NEW, template=template(name, {TEMPLATES: name}))
    summary = asks(*names).look(mesh).summary
    assert "shop/app-2" in summary
    assert summary.endswith("; and 2 more")
