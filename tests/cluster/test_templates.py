"""Pod templates as checks see them: in their own shape, and without what may be a secret."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.cluster.read import template_facts
from upgrader.cluster.read.hiding import HIDDEN, unargued, unsecret
from upgrader.model.kinds import Obj

SECRET = "geheim"


def kept(container: Obj | None = None, /, *, args: bool = False, **spec: Any) -> Obj:
    """The spec that is kept of one with that container."""
    containers = [{"name": "app", "image": "app:1"} | (container or {})]
    found: Obj = template_facts({"metadata": {}, "spec": {"containers": containers, **spec}}, args=args)[
        "spec"
    ]
    return found


def first(container: Obj, *, args: bool = False) -> Obj:
    found: Obj = kept(container, args=args)["containers"][0]
    return found


def test_labels_and_annotations_stay_where_they_are() -> None:
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "creationTimestamp": None}
    found = template_facts({"metadata": metadata, "spec": {}})
    assert found == {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": {}}
    assert template_facts({}) == {"metadata": {"labels": {}, "annotations": {}}, "spec": {}}


def test_how_pods_are_placed_and_ended_is_kept_and_affinity_is_not() -> None:
    spec: Obj = {
        "hostNetwork": True, "nodeSelector": {"a": "b"}, "tolerations": [{"key": "x"}], "serviceAccountName": "cart",
        "terminationGracePeriodSeconds": 30, "priorityClassName": "high", "runtimeClassName": "gvisor",
        "securityContext": {"runAsUser": 1337},
    }  # fmt: skip
    found = kept(affinity={"nodeAffinity": {}}, imagePullSecrets=[{"name": "s"}], **spec)
    assert {k: v for k, v in found.items() if k != "containers"} == spec


def test_of_an_applications_environment_only_names_are_kept() -> None:
    found = first({"env": [{"name": "DB", "value": SECRET}, {"name": "X", "valueFrom": {"fieldRef": {}}}]})
    assert found["env"] == [{"name": "DB"}, {"name": "X"}]
    assert first({"args": ["--pw", SECRET], "command": ["run", SECRET]}).keys() == {"name", "image"}


@pytest.mark.parametrize("name", ["istio-proxy", "istio-init", "discovery"])
def test_of_istios_own_containers_values_are_kept_unless_they_are_called_secret(name: str) -> None:
    reference = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    env = [
        {"name": "PILOT_X", "value": "1"},
        {"name": "LIGHTSTEP_TOKEN", "value": SECRET},
        {"name": "Y", **reference},
    ]
    found = first({"name": name, "env": env, "args": ["proxy", "router"]})
    assert found["env"] == [
        {"name": "PILOT_X", "value": "1"},
        {"name": "LIGHTSTEP_TOKEN", "value": HIDDEN},
        {"name": "Y", **reference},
    ]
    assert found["args"] == ["proxy", "router"]


def test_init_containers_are_told_apart_and_native_sidecars_are_seen() -> None:
    found = kept(initContainers=[{"name": "istio-proxy", "restartPolicy": "Always"}])
    assert found["initContainers"] == [{"name": "istio-proxy", "restartPolicy": "Always"}]


def test_of_probes_and_hooks_is_kept_what_is_asked_and_how_long_they_sleep() -> None:
    header = {"name": "Authorization", "value": SECRET}
    found = first({
        "readinessProbe": {"httpGet": {"path": "/ok", "port": 80, "httpHeaders": [header]}, "periodSeconds": 5},
        "livenessProbe": {"exec": {"command": ["redis-cli", "-a", SECRET]}},
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", f"sleep 15; drop {SECRET}"]}}, "postStart": {"sleep": {"seconds": 2}}},
    })  # fmt: skip
    assert found["readinessProbe"] == {"httpGet": {"path": "/ok", "port": 80}, "periodSeconds": 5}
    assert found["livenessProbe"] == {"exec": {"command": ["redis-cli"]}}
    assert found["lifecycle"] == {
        "preStop": {"exec": {"command": ["sh", "sleep 15"]}},
        "postStart": {"sleep": {"seconds": 2}},
    }
    assert first({"lifecycle": {"preStop": {"exec": {"command": ["sleep", "10"]}}}})["lifecycle"] == {
        "preStop": {"exec": {"command": ["sleep", "10"]}}
    }


@pytest.mark.parametrize(
    ("volume", "left"),
    [
        ({"configMap": {"name": "m", "items": []}}, {"configMap": {"name": "m"}}),
        ({"secret": {"secretName": "s", "optional": True}}, {"secret": {"secretName": "s"}}),
        ({"hostPath": {"path": "/dev", "type": "Directory"}}, {"hostPath": {"path": "/dev"}}),
        ({"emptyDir": {"medium": "Memory"}}, {"emptyDir": {"medium": "Memory"}}),
        ({"csi": {"driver": "d", "volumeAttributes": {"token": SECRET}}}, {"csi": {"driver": "d"}}),
        ({"cephfs": {"secretFile": SECRET}}, {"cephfs": {}}),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"audience": "istio-ca", "path": "t"}}, {"secret": {"name": "s"}}]}},
            {"projected": {"sources": [{"serviceAccountToken": {"audience": "istio-ca"}}, {"secret": {"name": "s"}}]}},
        ),
    ],
)  # fmt: skip
def test_a_volume_is_kept_by_its_name_and_what_it_comes_from(volume: Obj, left: Obj) -> None:
    found = kept({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=[{"name": "v", **volume}])
    assert found["volumes"] == [{"name": "v", **left}]
    assert found["containers"][0]["volumeMounts"] == [{"name": "v"}]


def test_arguments_of_agents_are_kept_without_what_follows_a_secret_option() -> None:
    words = ["--v=2", "--api-key", SECRET, "--admin-password=" + SECRET, "run"]
    assert unargued(words) == ["--v=2", "--api-key", HIDDEN, f"--admin-password={HIDDEN}", "run"]
    assert first({"args": words}, args=True)["args"] == unargued(words)


def test_settings_lose_what_is_called_secret_and_nothing_else() -> None:
    given = {
        "accessToken": SECRET,
        "jwtPolicy": "third-party-jwt",
        "sds": {"token": {"aud": "istio-ca"}},
        "headers": [{"name": "Authorization", "value": SECRET}, {"name": "x-team", "value": "a"}],
        "imagePullSecrets": ["regcred"],
        "password": "",
        7: None,
    }
    assert unsecret(given) == {
        **{k: v for k, v in given.items() if k not in {"accessToken", "headers", 7}},
        "accessToken": HIDDEN,
        "headers": [{"name": "Authorization", "value": HIDDEN}, {"name": "x-team", "value": "a"}],
        "7": None,
    }
