"""Old API versions show and take the same objects."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.local import Local
from upgrader.sandbox.rest import Api
from upgrader.sandbox.store import Store

_TARGET = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}


@pytest.fixture
def old() -> Any:
    """Kubernetes 1.21, which still serves what later ones dropped."""
    client = Local(Api(Store(VirtualClock()), kubernetes="1.21"))
    client.create("/api/v1/namespaces", {"metadata": {"name": "dt"}})
    return client


def _path(version: str, plural: str = "horizontalpodautoscalers", group: str = "autoscaling") -> str:
    return f"/apis/{group}/{version}/namespaces/dt/{plural}"


def test_an_autoscaler_of_v1_is_one_of_v2_too(old: Any) -> None:
    spec = {"maxReplicas": 5, "scaleTargetRef": _TARGET, "targetCPUUtilizationPercentage": 60}
    old.create(_path("v1"), {"metadata": {"name": "h"}, "spec": spec})
    shown = old.get(_path("v2beta2") + "/h")
    assert shown["spec"]["metrics"][0]["resource"]["target"] == {
        "type": "Utilization",
        "averageUtilization": 60,
    }
    flat = old.get(_path("v2beta1") + "/h")["spec"]["metrics"][0]
    assert flat == {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 60}}
    assert old.get(_path("v1") + "/h")["spec"]["targetCPUUtilizationPercentage"] == 60


def test_what_v1_cannot_say_survives_a_round_trip_through_it(old: Any) -> None:
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "5"}},
    }
    spec = {"maxReplicas": 5, "minReplicas": 1, "scaleTargetRef": _TARGET, "metrics": [metric]}
    made = old.create(_path("v2beta2"), {"metadata": {"name": "h"}, "spec": spec})
    shown = old.get(_path("v1") + "/h")
    assert "metrics" not in shown["spec"]
    old.update(_path("v1") + "/h", shown)
    assert old.get(_path("v2beta2") + "/h")["spec"] == made["spec"]
    flat = old.get(_path("v2beta1") + "/h")
    old.update(_path("v2beta1") + "/h", flat)
    assert old.get(_path("v2beta2") + "/h")["spec"] == made["spec"]


def test_an_ingress_of_extensions_lives_with_the_others(old: Any) -> None:
    paths = [{"path": "/", "backend": {"serviceName": "s", "servicePort": 80}}]
    spec = {"rules": [{"host": "h", "http": {"paths": paths}}]}
    old.create(_path("v1beta1", "ingresses", "extensions"), {"metadata": {"name": "i"}, "spec": spec})
    shown = old.get(_path("v1", "ingresses", "networking.k8s.io") + "/i")
    assert shown["apiVersion"] == "networking.k8s.io/v1"
    backend = shown["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert backend == {"service": {"name": "s", "port": {"number": 80}}}
    back = old.list(_path("v1beta1", "ingresses", "extensions"))[0]
    assert back["spec"]["rules"][0]["http"]["paths"][0]["backend"] == paths[0]["backend"]


def test_an_event_has_two_names_for_its_fields(old: Any) -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "message": "m",
        "reason": "r",
    }
    old.create("/api/v1/namespaces/dt/events", event)
    shown = old.get(_path("v1", "events", "events.k8s.io") + "/e")
    assert (shown["note"], shown["regarding"]["name"], shown["apiVersion"]) == ("m", "p", "events.k8s.io/v1")


def test_a_version_the_server_does_not_serve_is_no_resource(server: Any) -> None:
    status, body = server.ask("GET", _path("v2beta2"))
    assert (status, body["message"]) == (404, "the server could not find the requested resource")
