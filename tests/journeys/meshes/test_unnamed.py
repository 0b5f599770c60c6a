"""An istiod without a revision: it answers to the name ``default`` itself, so nothing else may while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.meshes.building import INJECT, REV, Site, site
from tests.journeys.meshes.proving import Watched, prove, proxies

pytestmark = [pytest.mark.journey, pytest.mark.slow]


def filled(here: Site, *, gateways: bool = True) -> Site:
    """A namespace or a workload for each way of being bound to an istiod without a revision."""
    here.namespace("leg", injection="enabled").deployment("leg/api", 2).workload(
        "StatefulSet", "leg/db", replicas=2
    )
    here.namespace("obj").deployment("obj/asks", 2, labels={INJECT: "true"}).deployment("obj/not")
    here.deployment("obj/named", labels={REV: "default"}).namespace("rev", rev="default").deployment(
        "rev/api"
    )
    here.namespace("off", injection="disabled").deployment("off/api", labels={INJECT: "true"})
    if gateways:
        here.gateway("leg/gw").gateway("plain/gw").gateway("plain/own", rev="default").gateway("rev/gw")
    return here.wait()


@pytest.mark.parametrize(
    ("old", "new", "kubernetes", "tags", "gateways"),
    [
        ("1.20.8", "1.21.6", "1.29", (), True),
        ("1.27.9", "1.28.10", "1.33", (), True),
        ("1.27.9", "1.28.10", "1.33", (), False),
        ("1.27.9", "1.28.10", "1.33", ("default", "prod"), True),
        ("1.29.6", "1.30.3", "1.33", (), True),
        ("1.29.6", "1.30.3", "1.33", ("default",), True),
    ],
)
def test_it_is_left_for_a_named_one_without_a_moment_in_between(
    old: str, new: str, kubernetes: str, tags: tuple[str, ...], gateways: bool, tmp_path: Path
) -> None:
    here = site(old, "", tags=tags, gateway_api="1.4.1" if gateways else "", kubernetes=kubernetes)
    filled(here, gateways=gateways)
    proof = prove(here, tmp_path, here.manifests(tmp_path, new), backs=1, kills=1)
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {new}
    world = proof.journey.world
    (istiod,) = world.store.list("apps", "deployments", "istio-system")
    assert istiod["metadata"]["labels"][REV] == new.replace(".", "-")
    default = world.store.get(
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "istio-revision-tag-default")
    )
    assert default is not None
    assert default["metadata"]["labels"]["istio.io/tag"] == "default"


def test_with_an_ingress_gateway_of_istioctl_too(tmp_path: Path) -> None:
    here = filled(
        site("1.27.9", "", gateway_api="1.4.1", installer="istioctl", manager="istio-operator").ingress()
    )
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.28.10", ingress=True), backs=1)
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.28.10"}


def test_nobody_checks_configuration_and_it_is_left_so(tmp_path: Path) -> None:
    here = site("1.28.10", "")
    here.delete(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istiod-default-validator"
    )
    proof = prove(filled(here, gateways=False), tmp_path, here.manifests(tmp_path, "1.29.6"), backs=1)
    assert proof.wrong == []


def test_namespaces_injected_by_default_stay_so_when_the_default_tag_takes_over(tmp_path: Path) -> None:
    here = site("1.28.10", "")
    name = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector"
    found = here.local.get(name)
    assert found is not None
    absent = [{"key": key, "operator": "DoesNotExist"} for key in ("istio-injection", REV)]
    kept = {
        "key": "kubernetes.io/metadata.name",
        "operator": "NotIn",
        "values": ["kube-system", "istio-system", "istio-upgrade"],
    }
    every = found["webhooks"][0] | {
        "name": "auto.sidecar-injector.istio.io",
        "namespaceSelector": {"matchExpressions": [*absent, kept]},
        "objectSelector": {"matchExpressions": [{"key": INJECT, "operator": "DoesNotExist"}]},
    }
    here.local.update(name, found | {"webhooks": [*found["webhooks"], every]})
    here.namespace("any").deployment("any/api", 2).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}


def test_a_gateway_made_since_the_plan_is_named_and_never_fought_over(tmp_path: Path) -> None:
    here = (
        site("1.29.6", "", gateway_api="1.4.1")
        .namespace("leg", injection="enabled")
        .deployment("leg/api")
        .wait()
    )
    journey = Watched.at(here, tmp_path / "run", here.manifests(tmp_path, "1.30.3"))
    journey.meddle_once("restart leg/api", lambda: here.gateway("plain/fresh"))
    assert "Gateway plain/fresh is its own" in journey.stopped_with("UPG-0701")
    assert journey.watch.wrong == []
    here.patch(
        "/apis/gateway.networking.k8s.io/v1/namespaces/plain/gateways/fresh",
        {"metadata": {"labels": {REV: "1-30-3"}}},
    )
    here.wait()
    assert journey.resume(journey.only_run()) == "done"
    assert journey.watch.wrong == []


def test_two_hops_end_on_a_named_revision_with_the_default_tag(tmp_path: Path) -> None:
    here = filled(site("1.27.9", "", gateway_api="1.4.1"))
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.28.10", "1.29.6"), to="1.29")
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}
