"""Gateway API gateways, however they come by their revision: never two owners, never none, never emptied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.meshes.building import Site, site
from tests.journeys.meshes.proving import Watched, prove, proxies, remains
from tests.journeys.meshes.refusing import refusal

pytestmark = [pytest.mark.journey, pytest.mark.slow]

HOSTNAME = [{"type": "Hostname", "value": "edge.lab.svc.cluster.local"}]


def with_every_gateway(version: str) -> Site:
    """A Gateway for each way of inheriting a revision, and one that names it."""
    here = site(version, tags=("prod", "default"), gateway_api="1.4.1")
    old = here.release.name
    here.namespace("lab", rev=old).deployment("lab/api", 2).namespace("shop", rev="prod").deployment(
        "shop/cart"
    )
    here.namespace("leg", injection="enabled").deployment("leg/api")
    here.gateway("lab/inherits").gateway("shop/tagged").gateway("leg/default").gateway("plain/own", rev=old)
    return here.gateway("plain/own-tag", rev="prod").wait()


@pytest.mark.parametrize(
    ("old", "new"), [("1.27.9", "1.28.10"), ("1.28.10", "1.29.6"), ("1.29.4", "1.30.3"), ("1.29.6", "1.30.3")]
)
def test_gateways_of_every_inheritance_move_and_are_never_without_configuration(
    old: str, new: str, tmp_path: Path
) -> None:
    here = with_every_gateway(old)
    proof = prove(here, tmp_path, here.manifests(tmp_path, new), backs=1, kills=1)
    assert proof.wrong == []
    assert proof.probes > 1000
    assert proxies(proof.journey.world).keys() == {new}
    assert remains(proof.journey.world, here.release.name) == []
    gateways = proof.journey.world.store.list("gateway.networking.k8s.io", "gateways")
    labels = {g["metadata"]["name"]: g["metadata"].get("labels") for g in gateways}
    assert not labels["inherits"]
    assert labels["own-tag"] == {"istio.io/rev": "prod"}


def test_pins_last_through_two_hops_and_are_gone_at_the_end(tmp_path: Path) -> None:
    here = with_every_gateway("1.28.10")
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6", "1.30.3"), to="1.30")
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.30.3"}


def test_a_new_istiod_with_the_fault_empties_nothing_when_the_run_is_rolled_back(tmp_path: Path) -> None:
    here = with_every_gateway("1.29.6")
    manifests = here.manifests(tmp_path, "1.30.1")
    proof = prove(
        here, tmp_path, manifests, backs=3, allow=("UPG-0104",), reason="nobody runs proxies of 1.28"
    )
    assert proof.wrong == []


@pytest.mark.parametrize("old", ["1.30.1", "1.30.3"])
def test_listeners_of_other_namespaces_are_never_left_out_by_whoever_has_their_gateway(
    old: str, tmp_path: Path
) -> None:
    here = site(old, tags=("default",), gateway_api="1.5.1")
    named = here.release.name
    here.namespace("lab", rev=named).deployment("lab/api", 2).gateway("plain/web").gateway("lab/web")
    here.listener_set("lab/extra", "plain/web").listener_set("plain/more", "lab/web")
    here.listener_set("lab/own", "plain/web", rev=named).wait()
    missing = [name for _, name, _ in here.world.istio.hidden] if here.world.istio else []
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.31.0-rc.0"), backs=3, kills=1)
    assert missing == []
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.31.0-rc.0"}
    sets = proof.journey.world.store.list("gateway.networking.k8s.io", "listenersets")
    labels = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in sets}
    assert labels == {"extra": {}, "more": {}, "own": {"istio.io/rev": "1-31-0-rc-0"}}


def test_a_gateway_with_a_hostname_keeps_its_own_deployment(tmp_path: Path) -> None:
    here = (
        site("1.28.10", gateway_api="1.4.1").namespace("lab", rev="1-28-10").injected_gateway("edge", "lab")
    )
    here.gateway("lab/foreign", addresses=HOSTNAME).wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert len(proof.journey.world.store.list("apps", "deployments", "lab")) == 1


@pytest.mark.parametrize("version", ["1.27.9", "1.28.10"])
def test_a_gateway_without_an_owner_blocks_the_plan_with_its_name(version: str, tmp_path: Path) -> None:
    """Before 1.28 the default validator makes no owner; from then on it does, so there it has to be gone too."""
    here = site(version, gateway_api="1.4.1")
    if version == "1.28.10":
        here.delete(
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istiod-default-validator"
        )
    here.gateway("plain/lost").wait()
    found = refusal(here, tmp_path, "1.28.10" if version == "1.27.9" else "1.29.6")
    assert found["UPG-0326"].subject == "plain/lost"
    assert "istio.io/rev=" in found["UPG-0326"].do[0]


def test_a_gateway_owned_through_the_default_validator_alone_moves_with_it(tmp_path: Path) -> None:
    here = site("1.28.10", gateway_api="1.4.1").gateway("plain/by-validator").wait()
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}


def test_a_waypoint_blocks_the_plan_because_ambient_parts_are_not_moved(tmp_path: Path) -> None:
    here = (
        site("1.28.10", gateway_api="1.4.1", tags=("default",))
        .gateway("plain/way", class_name="istio-waypoint")
        .wait()
    )
    assert "way" in " ".join(refusal(here, tmp_path, "1.29.6")["UPG-0334"].what)


def test_a_gateway_made_since_the_plan_stops_the_run_before_it_is_emptied(tmp_path: Path) -> None:
    here = (
        site("1.28.10", gateway_api="1.4.1", tags=("default",))
        .namespace("leg", injection="enabled")
        .deployment("leg/api")
    )
    here.gateway("plain/known").wait()
    journey = Watched.at(here, tmp_path / "run", here.manifests(tmp_path, "1.29.6"))
    journey.meddle_once("install istiod", lambda: here.gateway("plain/fresh"))
    assert "Gateway plain/fresh was made since the plan" in journey.stopped_with("UPG-0701")
    assert journey.watch.wrong == []


@pytest.mark.parametrize("old", ["1.30.1", "1.30.3"])
def test_listeners_made_since_the_plan_stop_the_run_where_no_step_keeps_them_with_their_gateway(
    old: str, tmp_path: Path
) -> None:
    """An istiod of 1.30.1 leaves what has no label to its owner, so a label moves the one without the other."""
    here = site(old, tags=("default",), gateway_api="1.5.1")
    here.namespace("lab", rev=here.release.name).deployment("lab/api").gateway("plain/web").wait()
    journey = Watched.at(here, tmp_path / "run", here.manifests(tmp_path, "1.31.0-rc.0"))
    journey.meddle_once("install istiod", lambda: here.listener_set("lab/fresh", "plain/web"))
    if old == "1.30.1":
        said = journey.stopped_with("UPG-0701")
        assert "ListenerSet lab/fresh was made since the plan" in said
    else:
        journey.begin(journey.plan())
    assert journey.watch.wrong == []
