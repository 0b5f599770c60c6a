from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from upgrader.sandbox.api.backend import Backend, Call
from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.api.tables import _TABLES, table
from upgrader.sandbox.api.tables.custom import find
from upgrader.sandbox.api.tables.words import duration
from upgrader.sandbox.clock import EPOCH, stamp

Obj = dict[str, Any]
BORN = stamp(EPOCH - timedelta(minutes=5))


def obj(name: str, **rest: Any) -> Obj:
    meta = {"name": name, "namespace": "shop", "creationTimestamp": BORN, **rest.pop("meta", {})}
    return {"kind": "Any", "apiVersion": "v1", "metadata": meta, **rest}


def shown(call: Call, one: Obj) -> dict[str, Any]:
    """Cells of one row by column name."""
    found = table(call, [one], {})
    return dict(zip([c["name"] for c in found["columnDefinitions"]], found["rows"][0]["cells"], strict=True))


def running(name: str = "app", **rest: Any) -> Obj:
    return {"name": name, "ready": True, "restartCount": 0, "state": {"running": {}}, **rest}


def pod(*statuses: Obj, phase: str = "Running", inits: tuple[Obj, ...] = (), **rest: Any) -> Obj:
    spec = {"containers": [{"name": s["name"]} for s in statuses], "nodeName": "node-1"}
    spec["initContainers"] = [{"name": s["name"], **s.pop("spec", {})} for s in inits]
    state = {"phase": phase, "podIP": "10.1.1.1", "containerStatuses": list(statuses)}
    return obj("web", spec=spec, status=state | {"initContainerStatuses": list(inits)}, **rest)


def test_a_running_pod_counts_its_containers(call: Callable[..., Call]) -> None:
    cells = shown(call("/api/v1/namespaces/shop/pods"), pod(running(), running("proxy", ready=False)))
    assert (cells["Ready"], cells["Status"], cells["Restarts"], cells["Age"]) == ("1/2", "Running", "0", "5m")
    assert (cells["IP"], cells["Node"], cells["Readiness Gates"]) == ("10.1.1.1", "node-1", "<none>")


def test_a_native_sidecar_counts_as_a_container(call: Callable[..., Call]) -> None:
    sidecar = running("istio-proxy", started=True, spec={"restartPolicy": "Always"})
    assert shown(call("/api/v1/pods"), pod(running(), inits=(sidecar,)))["Ready"] == "2/2"


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (pod({"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}), "CrashLoopBackOff"),
        (pod({"name": "a", "state": {"terminated": {"exitCode": 3}}}, phase="Failed"), "ExitCode:3"),
        (pod({"name": "a", "state": {"terminated": {"reason": "Completed"}}}, phase="Succeeded"), "Completed"),
        (pod({"name": "a", "state": {}}, phase="Pending", inits=({"name": "i", "state": {"running": {}}},)), "Init:0/1"),
        (pod({"name": "a", "state": {}}, inits=({"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}},)), "Init:ErrImagePull"),
        (pod(running(), meta={"deletionTimestamp": BORN}), "Terminating"),
        (pod(phase="Pending"), "Pending"),
    ],
)  # fmt: skip
def test_a_pod_has_one_word_for_its_state(call: Callable[..., Call], one: Obj, word: str) -> None:
    assert shown(call("/api/v1/pods"), one)["Status"] == word


def test_restarts_tell_when_the_last_one_was(call: Callable[..., Call]) -> None:
    last = {"terminated": {"finishedAt": stamp(EPOCH - timedelta(seconds=90))}}
    assert (
        shown(call("/api/v1/pods"), pod(running(restartCount=2, lastState=last)))["Restarts"] == "2 (90s ago)"
    )


def test_workloads_show_missing_counters_as_zero(call: Callable[..., Call]) -> None:
    template = {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    one = obj(
        "web",
        spec={"replicas": 2, "template": template, "selector": {"matchLabels": {"app": "web"}}},
        status={"readyReplicas": 1},
    )
    cells = shown(call("/apis/apps/v1/deployments"), one)
    assert (cells["Ready"], cells["Up-to-date"], cells["Available"]) == ("1/2", 0, 0)
    assert (cells["Containers"], cells["Images"], cells["Selector"]) == ("app", "app:1", "app=web")


def test_a_service_shows_its_ports_and_addresses(call: Callable[..., Call]) -> None:
    port = {"port": 80, "nodePort": 30080, "protocol": "TCP"}
    one = obj(
        "gw",
        spec={"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": [port], "selector": {"a": "b"}},
        status={},
    )
    cells = shown(call("/api/v1/services"), one)
    assert (cells["External-IP"], cells["Port(s)"], cells["Selector"]) == ("<pending>", "80:30080/TCP", "a=b")


def test_a_cordoned_node_says_so(call: Callable[..., Call]) -> None:
    state = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.33.0"}}
    cells = shown(call("/api/v1/nodes"), obj("node-1", spec={"unschedulable": True}, status=state))
    assert (cells["Status"], cells["Roles"], cells["Version"]) == (
        "Ready,SchedulingDisabled",
        "<none>",
        "v1.33.0",
    )


def test_a_custom_resource_shows_the_columns_its_definition_asks_for(
    backend: Backend, call: Callable[..., Call]
) -> None:
    columns = [
        {"name": "Gateways", "type": "string", "jsonPath": ".spec.gateways"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1},
    ]
    crd = {"versions": [{"name": "v1", "additionalPrinterColumns": columns}]}
    backend.catalogue.put(
        Resource("a.io", "things", "Thing", True, ("v1",), "v1", ("a.io", "things"), crd=crd)
    )
    one = obj("t", spec={"gateways": ["mesh"]}, status={"conditions": [{"type": "Ready", "status": "True"}]})
    found = table(call("/apis/a.io/v1/things"), [one], {})
    assert found["rows"][0]["cells"] == ["t", '["mesh"]', "True", "5m"]
    assert [c["priority"] for c in found["columnDefinitions"]] == [0, 0, 0, 1]
    assert table(call("/apis/a.io/v1/things"), [obj("u")], {})["rows"][0]["cells"] == ["u", None, None, "5m"]


def test_a_kind_without_columns_shows_name_and_age(call: Callable[..., Call]) -> None:
    assert shown(call("/api/v1/resourcequotas"), obj("q")) == {"Name": "q", "Age": "5m"}


@pytest.mark.parametrize(
    ("included", "keys"),
    [
        ("", {"kind", "apiVersion", "metadata"}),
        ("Object", {"kind", "apiVersion", "metadata", "data"}),
        ("None", None),
    ],
)
def test_rows_carry_what_was_asked_for(
    call: Callable[..., Call], included: str, keys: set[str] | None
) -> None:
    query = {"includeObject": included} if included else {}
    (row,) = table(call("/api/v1/configmaps", **query), [obj("c", data={})], {})["rows"]
    assert (row["object"].keys() if row["object"] is not None else None) == keys


@pytest.mark.parametrize("minor", [18, 34])
def test_every_table_fits_its_columns_even_for_an_empty_object(
    backend: Backend, call: Callable[..., Call], minor: int
) -> None:
    backend.catalogue = Catalogue(minor)
    for resource in backend.catalogue:
        if "list" not in resource.verbs:
            continue
        root = f"/apis/{resource.group}" if resource.group else "/api"
        for version in resource.versions:
            cells = shown(call(f"{root}/{version}/{resource.plural}"), obj("x"))
            assert "x" in (cells["Name"], cells.get("Name"))
    known = {f"{one.group}/{one.plural}" for minor in (18, 34) for one in Catalogue(minor)}
    assert _TABLES.keys() <= known


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (185, "3m5s"), (3600, "60m"), (3 * 3600, "3h"), (3 * 3600 + 300, "3h5m"),
        (47 * 3600, "47h"), (51 * 3600, "2d3h"), (100 * 86400, "100d"), (800 * 86400, "2y70d"), (-30, "<invalid>"),
    ],
)  # fmt: skip
def test_durations_read_as_kubectl_shows_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", ["x"]), (".list[0].n", [1]), (".list[*].n", [1, 2]), (".list[-1].n", [2]), (".list[9].n", []), (".a['b']", ["x"]),
        (".none.b", []), ("..a", []), (r".dot\.ted", ["y"]),
    ],
)  # fmt: skip
def test_json_paths_lead_to_values(path: str, found: list[Any]) -> None:
    assert list(find({"a": {"b": "x"}, "list": [{"n": 1}, {"n": 2}], "dot.ted": "y"}, path)) == found
