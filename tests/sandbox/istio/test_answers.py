"""What a pod proxy reads from istiods, proxies and applications."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from upgrader.sandbox.istio.answers import PodAnswers
from upgrader.sandbox.store import Obj, Store

if TYPE_CHECKING:
    from tests.sandbox.istio.conftest import Bench

ISTIOD = ("", "pods", "istio-system", "istiod-1-28-10-0")
_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"


def _proxy(
    store: Store, name: str, *, image: str = "1.28.10", lead: str = "istiod-1-28-10", ready: bool = True
) -> Obj:
    env = [{"name": "CA_ADDR", "value": f"{lead}.istio-system.svc:15012"}]
    spec = {"containers": [{"name": "istio-proxy", "image": f"docker.io/istio/proxyv2:{image}", "env": env}]}
    status = {"podIP": "10.0.1.5", "conditions": [{"type": "Ready", "status": str(ready)}]}
    made = {"metadata": {"name": name, "namespace": "app"}, "spec": spec, "status": status}
    return store.put(("", "pods", "app", name), made)


def _get(store: Store, key: tuple[str, str, str, str], port: int, path: str) -> tuple[int, str]:
    pod = store.get(key)
    assert pod is not None
    status, _, body = PodAnswers(store).get(pod, port, path)
    return status, body.decode()


def _connected(text: str) -> dict[str, int]:
    return {
        found[1]: int(found[2])
        for found in re.finditer(r'^pilot_xds{version="([^"]+)"} (\d+)$', text, re.MULTILINE)
    }


def test_an_istiod_without_proxies_says_who_it_is_and_is_silent_about_connections(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    status, text = _get(bench.store, ISTIOD, 15014, "/metrics")
    assert status == 200
    assert re.search(r'^pilot_info{version="1\.28\.10-[0-9a-f]{40}-Clean"} 1$', text, re.MULTILINE)
    assert 'istio_build{component="pilot",tag="1.28.10"} 1' in text
    assert "pilot_xds{" not in text


def test_connected_proxies_are_counted_by_their_version(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    bench.istiod("1-29-6", "1.29.6")
    _proxy(bench.store, "a")
    _proxy(bench.store, "b", image="1.27.9-distroless")
    _proxy(bench.store, "c", image="1.27.9")
    _proxy(bench.store, "elsewhere", lead="istiod-1-29-6")
    _proxy(bench.store, "starting", ready=False)
    assert _connected(_get(bench.store, ISTIOD, 15014, "/metrics")[1]) == {"1.28.10": 1, "1.27.9": 2}


def test_the_counts_of_a_revision_s_replicas_add_up_to_all_its_proxies(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    key = ("", "endpoints", "istio-system", "istiod-1-28-10")
    first = bench.store.get(key)
    bench.istiod("1-28-10", "1.28.10", name="istiod-1-28-10-1")
    second = bench.store.get(key)
    assert first is not None
    assert second is not None
    addresses = [subset["addresses"][0] for subset in (*first["subsets"], *second["subsets"])]
    addresses[1] = addresses[1] | {"ip": "10.0.0.10"}
    bench.store.put(key, {**second, "subsets": [{"addresses": addresses}]})
    for number in range(5):
        _proxy(bench.store, f"p{number}")
    shares = [
        _connected(_get(bench.store, (*ISTIOD[:3], f"istiod-1-28-10-{n}"), 15014, "/metrics")[1])
        for n in (0, 1)
    ]
    assert sorted(share["1.28.10"] for share in shares) == [2, 3]


def test_rejected_configurations_are_counted_where_the_proxy_is_connected(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    made = _proxy(bench.store, "a")
    notes = {"sandbox.upgrader/rejects": "4"}
    bench.store.put(
        ("", "pods", "app", "a"), {**made, "metadata": {**made["metadata"], "annotations": notes}}
    )
    _, text = _get(bench.store, ISTIOD, 15014, "/metrics")
    assert re.search(r"^pilot_total_xds_rejects{.*} 4$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("port", "path", "status"),
    [
        (8080, "/ready", 200),
        (15014, "/debug/syncz", 401),
        (8080, "/debug/syncz", 401),
        (15014, "/nothing", 404),
    ],
)
def test_an_istiod_answers_as_seen_through_a_pod_proxy(
    bench: Bench, port: int, path: str, status: int
) -> None:
    bench.istiod("1-28-10", "1.28.10")
    assert _get(bench.store, ISTIOD, port, path)[0] == status


def test_the_version_of_an_istiod_is_plain_text(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    status, text = _get(bench.store, ISTIOD, 15014, "version")
    assert status == 200
    assert re.fullmatch(r"1\.28\.10-[0-9a-f]{40}-Clean", text)


def test_a_port_nobody_listens_on_is_refused_in_the_words_of_the_api_server(bench: Bench) -> None:
    _proxy(bench.store, "a")
    status, text = _get(bench.store, ("", "pods", "app", "a"), 9999, "/")
    told = orjson.loads(text)
    assert (status, told["reason"]) == (503, "ServiceUnavailable")
    assert told["message"].endswith("dial tcp 10.0.1.5:9999: connect: connection refused")


def test_a_proxy_is_healthy_when_its_pod_is_ready(bench: Bench) -> None:
    _proxy(bench.store, "a")
    _proxy(bench.store, "b", ready=False)
    assert _get(bench.store, ("", "pods", "app", "a"), 15021, "/healthz/ready")[0] == 200
    assert _get(bench.store, ("", "pods", "app", "b"), 15021, "/healthz/ready")[0] == 503


def _syncz(store: Store, istiod: str = ISTIOD[3]) -> dict[str, dict[str, Any]]:
    pod = store.get((*ISTIOD[:3], istiod))
    assert pod is not None
    answer = PodAnswers(store).inside(pod, 15014, "/debug/syncz")
    assert answer is not None
    return {one["proxy"]: one for one in orjson.loads(answer[2])}


def _note(store: Store, name: str, text: str) -> None:
    made = _proxy(store, name)
    notes = {"sandbox.upgrader/sync": text}
    store.put(("", "pods", "app", name), {**made, "metadata": {**made["metadata"], "annotations": notes}})


def test_callers_inside_the_pod_are_told_how_each_proxy_stands(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    _proxy(bench.store, "a")
    _note(bench.store, "b", "stale")
    _note(bench.store, "c", "rejects; words=no such field")
    _note(bench.store, "d", "rejects; at=1-27-9")
    told = _syncz(bench.store)
    assert sorted(told) == ["a.app", "b.app", "c.app", "d.app"]
    listeners = {name: one["resources"][_LISTENER] for name, one in told.items()}
    assert [listeners[f"{n}.app"].get("acked") == listeners[f"{n}.app"]["sent"] for n in "abcd"] == [
        True, False, False, True,
    ]  # fmt: skip
    assert [listeners[f"{n}.app"].get("lastError", "") for n in "abcd"] == ["", "", "no such field", ""]
    assert told["b.app"]["listener_sent"]
    assert "listener_acked" not in told["b.app"]


@pytest.mark.parametrize(
    ("release", "resources", "kind"),
    [("1.12.9", False, False), ("1.18.7", False, True), ("1.23.6", True, True)],
)
def test_the_shape_is_that_of_the_release(bench: Bench, release: str, resources: bool, kind: bool) -> None:
    revision = release.replace(".", "-")
    bench.istiod(revision, release)
    _proxy(bench.store, "a", lead=f"istiod-{revision}")
    told = _syncz(bench.store, f"istiod-{revision}-0")["a.app"]
    assert ("resources" in told, "proxy_type" in told) == (resources, kind)


def test_debug_pages_that_are_switched_off_are_not_there(bench: Bench) -> None:
    bench.istiod("1-28-10", "1.28.10")
    pod = bench.store.get(ISTIOD)
    assert pod is not None
    env = [{"name": "ENABLE_DEBUG_ON_HTTP", "value": "false"}]
    containers = [{**c, "env": [*(c.get("env") or ()), *env]} for c in pod["spec"]["containers"]]
    pod = bench.store.put(ISTIOD, {**pod, "spec": {**pod["spec"], "containers": containers}})
    assert PodAnswers(bench.store).inside(pod, 15014, "/debug/syncz") == (
        404, "text/plain; charset=utf-8", b"404 page not found\n",
    )  # fmt: skip


def test_nobody_listens_inside_either(bench: Bench) -> None:
    assert PodAnswers(bench.store).inside(_proxy(bench.store, "a"), 9999, "/") is None
