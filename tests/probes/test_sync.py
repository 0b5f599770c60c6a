"""Whether proxies are in sync, as istiods of every release tell it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgrader.model.failures import (
    ClusterFailure,
    Forbidden,
    Invalid,
    ServerTrouble,
    Unauthorized,
    Unforwardable,
    Unreachable,
)
from upgrader.model.kinds import POD, Ref
from upgrader.model.step import Verdict
from upgrader.probes import ProxiesSynced
from upgrader.probes.sync.syncz import NotSyncz, State, parse

if TYPE_CHECKING:
    from tests.probes.conftest import Mesh

OLD, NEW = "1-27-9", "1-28-10"
PROBE = ProxiesSynced(revision=NEW, version="1.28.10")
ISTIOD = f"istiod-{NEW}-0"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def told(proxy: str, *, acked: str = "n1", error: str = "", sent: str = "n1", **more: Any) -> dict[str, Any]:
    """One proxy as istiods since 1.23 tell it: its clusters are in sync, its listeners as said."""
    listener = {"sent": sent, "acked": acked, "lastError": error, "sentTime": "2026-01-05T09:00:00Z"}
    resources = {
        CLUSTER: {"sent": "c", "acked": "c"},
        LISTENER: {k: v for k, v in listener.items() if v},
    }
    return {
        "cluster_id": "Kubernetes",
        "proxy": proxy,
        "proxy_type": "sidecar",
        "resources": resources,
        **more,
    }


def before_1_23(proxy: str, **nonces: str) -> dict[str, str]:
    """One proxy as istiod 1.12 tells it."""
    usual = {"cluster_sent": "a", "cluster_acked": "a", "listener_sent": "b", "listener_acked": "b"}
    return {"proxy": proxy, "istio_version": "1.12.9", **usual, **nonces}


def say(mesh: Mesh, *entries: dict[str, Any], istiod: str = ISTIOD) -> None:
    mesh.synced[istiod] = [json.dumps(entries).encode()]


BOTH = told("cart-0.shop"), told("cart-1.shop")


def test_every_ready_pod_in_sync_holds_and_says_so(mesh: Mesh) -> None:
    say(mesh, *BOTH)

    reading = PROBE.look(mesh)
    assert (reading.verdict, dict(reading.facts)) == (
        Verdict.HOLDS,
        {"connected": "2", "ready": "2", "synced": "2", "stale": "0", "rejecting": "0"},
    )
    assert reading.summary == f"2 proxies of 1.28.10 connected to {NEW}, all in sync"


def test_a_pod_that_is_not_told_of_is_missing_by_name_however_many_others_there_are(mesh: Mesh) -> None:
    say(mesh, BOTH[0], told("vm-1.shop"), told("vm-2.shop"))

    reading = PROBE.look(mesh)
    assert reading.verdict is Verdict.PENDING
    assert reading.summary == f"1 ready proxy is not connected to {NEW}: cart-1.shop"
    assert (reading.facts["connected"], reading.facts["ready"]) == ("1", "2")


def test_a_rejection_is_broken_with_the_proxy_and_the_first_line(mesh: Mesh) -> None:
    say(
        mesh,
        BOTH[0],
        told("cart-1.shop", acked="n0", error="\nError adding listener 0.0.0.0_80\nsecond line"),
    )

    reading = PROBE.look(mesh)
    assert reading.verdict is Verdict.BROKEN
    assert reading.summary == (
        f"1 proxy rejects its configuration from {NEW}: cart-1.shop: Listener: Error adding listener 0.0.0.0_80"
    )
    assert reading.facts["rejecting"] == "1"


def test_a_pod_that_cannot_become_ready_for_it_rejects_its_configuration_is_broken(mesh: Mesh) -> None:
    mesh.app_pod("cart", "2", NEW, ready=False)
    say(mesh, *BOTH, told("cart-2.shop", acked="", error="no"))

    assert PROBE.look(mesh).verdict is Verdict.BROKEN


def test_a_pod_that_is_not_ready_yet_need_not_be_connected(mesh: Mesh) -> None:
    mesh.app_pod("cart", "2", NEW, ready=False)
    say(mesh, *BOTH)

    assert PROBE.look(mesh).facts["ready"] == "2"


def test_what_a_proxy_of_another_revision_rejects_is_not_blamed_on_this_one(mesh: Mesh) -> None:
    mesh.app_pod("cart", "2", OLD)
    say(mesh, *BOTH, told("cart-2.shop", error="no"))

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_a_pod_on_its_way_out_is_neither_waited_for_nor_blamed(mesh: Mesh) -> None:
    mesh.app_pod("cart", "2", NEW, going=True)
    say(mesh, *BOTH, told("cart-2.shop", error="no"))

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


@pytest.mark.parametrize("acked", ["", "n0"])
def test_one_that_has_not_taken_the_last_push_twice_is_pending(mesh: Mesh, acked: str) -> None:
    say(mesh, BOTH[0], told("cart-1.shop", acked=acked))

    reading = PROBE.look(mesh)
    assert reading.verdict is Verdict.PENDING
    assert reading.summary == f"1 proxy has not taken the last push of {NEW}: cart-1.shop"
    assert mesh.forwarded == [ISTIOD, ISTIOD]


def test_one_that_keeps_up_with_pushes_is_not_stale_though_each_look_finds_one_on_its_way(mesh: Mesh) -> None:
    mesh.synced[ISTIOD] = [
        json.dumps([BOTH[0], told("cart-1.shop", sent="n2", acked="n1")]).encode(),
        json.dumps(
            [told("cart-0.shop", sent="n9", acked="n8"), told("cart-1.shop", sent="n3", acked="n2")]
        ).encode(),
    ]

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_nobody_is_asked_twice_when_all_is_well(mesh: Mesh) -> None:
    say(mesh, *BOTH)
    PROBE.look(mesh)

    assert mesh.forwarded == [ISTIOD]


def test_a_type_that_was_never_sent_is_not_waited_for_but_a_proxy_that_was_sent_nothing_is(
    mesh: Mesh,
) -> None:
    idle = {CLUSTER: {"sent": "c", "acked": "c"}, LISTENER: {}}
    say(mesh, BOTH[0], {"proxy": "cart-1.shop", "resources": idle})
    assert PROBE.look(mesh).verdict is Verdict.HOLDS

    say(mesh, BOTH[0], {"proxy": "cart-1.shop"})
    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_each_proxy_is_at_one_of_several_istiods_and_all_of_them_are_asked(mesh: Mesh) -> None:
    mesh.plane(NEW, replicas=2)
    say(mesh, BOTH[0])
    assert PROBE.look(mesh).verdict is Verdict.PENDING

    say(mesh, BOTH[1], istiod=f"istiod-{NEW}-1")
    assert PROBE.look(mesh).verdict is Verdict.HOLDS


@pytest.mark.parametrize("dead", [{"acked": "n0"}, {"acked": "n0", "error": "no"}])
def test_two_connections_that_disagree_are_waited_for(mesh: Mesh, dead: dict[str, str]) -> None:
    mesh.plane(NEW, replicas=2)
    say(mesh, *BOTH)
    say(mesh, told("cart-1.shop", **dead), istiod=f"istiod-{NEW}-1")

    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_a_namesake_in_a_remote_cluster_does_not_stand_for_our_pod(mesh: Mesh) -> None:
    place = mesh.app_pod("cart", "1", NEW)
    pod = mesh.get(place)
    assert pod is not None
    pod["spec"]["containers"][0]["env"] = [{"name": "ISTIO_META_CLUSTER_ID", "value": "east"}]
    mesh.put(place, metadata=pod["metadata"], spec=pod["spec"], status=pod["status"])
    say(mesh, BOTH[0], told("cart-1.shop", cluster_id="west"))
    assert PROBE.look(mesh).facts["connected"] == "1"

    say(mesh, BOTH[0], told("cart-1.shop", cluster_id="east"))
    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_a_gateway_is_expected_like_any_other_proxy(mesh: Mesh) -> None:
    say(mesh, *BOTH)
    labels = {"gateway.istio.io/managed": "istio.io-gateway-controller"}
    image = "docker.io/istio/proxyv2:1.28.10"
    notes = {"istio.io/rev": NEW}
    mesh.pod(
        Ref(POD, "web-istio-0", "ingress"), labels=labels, notes=notes, container="istio-proxy", image=image
    )
    assert PROBE.look(mesh).summary.endswith(": web-istio-0.ingress")

    say(mesh, *BOTH, told("web-istio-0.ingress", proxy_type="router"))
    assert PROBE.look(mesh).verdict is Verdict.HOLDS


class TestBefore123:
    """Without ``resources``: fields by type, and a rejection looks like no answer."""

    def test_equal_nonces_hold(self, mesh: Mesh) -> None:
        say(mesh, before_1_23("cart-0.shop"), before_1_23("cart-1.shop"))

        assert PROBE.look(mesh).verdict is Verdict.HOLDS

    @pytest.mark.parametrize("kind", ["cluster", "listener", "route", "endpoint", "extensionconfig"])
    def test_any_other_is_pending(self, mesh: Mesh, kind: str) -> None:
        nonces = {f"{kind}_sent": "x", f"{kind}_acked": "y"}
        say(mesh, before_1_23("cart-0.shop"), before_1_23("cart-1.shop", **nonces))

        assert PROBE.look(mesh).verdict is Verdict.PENDING


class TestUnseen:
    """Who may not look is told so, and goes by number as before."""

    @pytest.mark.parametrize(
        ("failure", "word"),
        [
            (
                Forbidden('cannot get resource "pods/portforward"', status=403),
                "not allowed to use pods/portforward",
            ),
            (Unforwardable("no preferred addresses found", status=500), "no preferred addresses found"),
        ],
    )
    def test_without_right_or_kubelet_the_number_decides_and_the_words_say_so(
        self, mesh: Mesh, failure: ClusterFailure, word: str
    ) -> None:
        mesh.synced[ISTIOD] = [failure]

        reading = PROBE.look(mesh)
        assert reading.verdict is Verdict.HOLDS
        assert "could not be seen" in reading.summary
        assert "in sync" not in reading.summary.replace("whether they are in sync could not be seen", "")
        assert word in reading.summary
        assert word in reading.facts["sync"]
        assert "synced" not in reading.facts

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_debug_pages_that_are_switched_off_are_the_same(self, mesh: Mesh, status: int) -> None:
        mesh.synced[ISTIOD] = [(status, b"404 page not found\n")]

        reading = PROBE.look(mesh)
        assert (reading.verdict, "could not be seen" in reading.summary) == (Verdict.HOLDS, True)

    def test_and_too_few_by_number_are_still_pending(self, mesh: Mesh) -> None:
        mesh.synced[ISTIOD] = [(404, b"")]
        mesh.connected(ISTIOD, {"1.28.10": 1})

        assert PROBE.look(mesh).verdict is Verdict.PENDING


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("did not finish its answer"),
        Unauthorized("no", status=401),
        ServerTrouble("busy", status=503),
        Invalid('pods "istiod" not found', status=404, reason="NotFound"),
        (500, b"oops"),
        (503, b""),
        (500, b'[{"proxy": "cart-0.shop", "cluster_sent": "a", "cluster_acked": "a"}]'),
        (302, b""),
        (200, b"<html>"),
        (200, b""),
        (200, b'{"proxy": "cart-0.shop"}'),
        (200, b'[{"proxy": "cart-0.shop"'),
        (200, b'[{"name": "cart-0.shop"}]'),
        (200, b"[1]"),
        (200, b'[{"proxy": "cart-0.shop", "resources": []}]'),
        (200, b"\xff\xfe"),
    ],
    ids=str,
)
def test_everything_else_is_pending_and_never_a_pass(
    mesh: Mesh, answer: tuple[int, bytes] | ClusterFailure
) -> None:
    mesh.synced[ISTIOD] = [answer]

    reading = PROBE.look(mesh)
    assert (reading.verdict, reading.summary.startswith("could not read")) == (Verdict.PENDING, True)


@pytest.mark.parametrize("text", [b"[]", b"null"])
def test_an_istiod_without_proxies_leaves_all_of_them_missing(mesh: Mesh, text: bytes) -> None:
    mesh.synced[ISTIOD] = [text]

    assert PROBE.look(mesh).summary.startswith("2 ready proxies are not connected")


def test_an_istiod_without_pods_is_pending(mesh: Mesh) -> None:
    mesh.drop(Ref(POD, ISTIOD, "istio-system"))

    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_words_of_a_proxy_cannot_change_the_terminal(mesh: Mesh) -> None:
    say(mesh, BOTH[0], told("cart-1.shop", error="\x1b[2Jgone" + "x" * 9000))

    summary = PROBE.look(mesh).summary
    assert "\x1b" not in summary
    assert len(summary) < 600


NONCES = st.sampled_from(["", "n1", "n2"])
RESOURCES = st.dictionaries(
    st.sampled_from([CLUSTER, LISTENER, "odd"]),
    st.fixed_dictionaries({"sent": NONCES, "acked": NONCES, "lastError": st.sampled_from(["", "no"])}),
    min_size=1,
)


@given(RESOURCES)
def test_a_proxy_is_in_sync_exactly_when_something_was_sent_and_all_of_it_was_taken(
    resources: dict[str, dict[str, str]],
) -> None:
    ((_, sync),) = parse(json.dumps([{"proxy": "a.b", "resources": resources}]).encode())

    sent = [r for r in resources.values() if r["sent"] or r["lastError"]]
    well = bool(sent) and all(r["sent"] == r["acked"] and not r["lastError"] for r in sent)
    assert (sync.state is State.SYNCED) == well
    assert (sync.state is State.REJECTED) == any(r["lastError"] for r in sent)


@given(st.binary(max_size=200))
def test_any_bytes_are_either_told_or_refused(data: bytes) -> None:
    try:
        found = parse(data)
    except NotSyncz:
        return
    assert all(name for name, _ in found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
def test_any_json_is_either_told_or_refused(value: Any) -> None:
    try:
        found = parse(json.dumps(value).encode())
    except NotSyncz:
        return
    assert all(name for name, _ in found)
