"""Which options go along with a new revision, what it does differently, and what Istio's own checks say."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from upgrader.model.finding import Finding, Severity
from upgrader.model.version import Version
from upgrader.planning.rendering.carrying import Hop, carry
from upgrader.planning.rendering.difference import differences, side
from upgrader.planning.rendering.owned import owned
from upgrader.planning.rendering.upstream import could_not_look, findings_of, messages_of, not_said_by_them

OLD, NEW = Version.parse("1.28.10"), Version.parse("1.29.6")
HOP = Hop("1-28-10", OLD, NEW, frozenset({"istio-ingressgateway"}))


def decided(path: str, value: Any, defaults: dict[str, Any] | None = None) -> tuple[str, Any]:
    """What becomes of one setting, and the value that the new revision gets."""
    spec: dict[str, Any] = {}
    inner = spec
    *above, last = path.split(".")
    for key in above:
        inner = inner.setdefault(key, {})
    inner[last] = value
    found, options = carry(spec, HOP, defaults or {}, ("somewhere",))
    for key in path.split("."):
        found = found.get(key, {})
    fate = options.decided[0].fate if len(options.decided) else "same"
    assert all(o.why for o in options.decided)
    return fate, None if found == {} else found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("values.revision", "1-28-10"),
        ("values.revisionTags", ["prod"]),
        ("values.defaultRevision", "1-28-10"),
        ("values.global.tag", "1.28.10"),
        ("values.global.tag", "patched-7"),
        ("values.pilot.tag", "1.28.10"),
        ("values.global.hub", "docker.io/istio"),
        ("values.pilot.enabled", True),
        ("values.pilot.image", "mirror.example/pilot:1.28.10"),
        ("values.meshConfig.defaultConfig.discoveryAddress", "istiod-1-28-10.istio-system.svc:15012"),
        ("revision", "1-28-10"),
        ("tag", "1.28.10"),
        ("profile", "demo"),
        ("components.cni.enabled", True),
        ("components.pilot.k8s.env", [{"name": "REVISION_OF", "value": "istiod-1-28-10"}]),
        ("components.egressGateways", [{"name": "istio-egressgateway", "enabled": True}]),
    ],
)
def test_what_names_a_revision_a_release_or_another_part_is_not_carried(path: str, value: Any) -> None:
    assert decided(path, value) == ("dropped", None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("values.global.hub", "mirror.example/istio"),
        ("values.global.logging.level", "default:debug"),
        ("values.global.proxy.resources.requests.cpu", "250m"),
        ("values.pilot.env.PILOT_ENABLE_STATUS", "true"),
        ("values.pilot.cni.enabled", True),
        ("values.compatibilityVersion", "1.27"),
        ("values.meshConfig.accessLogFile", "/dev/stdout"),
        ("meshConfig.accessLogFile", "/dev/stdout"),
        ("values.profile", "ambient"),
        ("components.pilot.k8s.hpaSpec.minReplicas", 3),
        ("components.ingressGateways", [{"name": "istio-ingressgateway", "enabled": True}]),
    ],
)
def test_what_somebody_set_goes_along(path: str, value: Any) -> None:
    assert decided(path, value) == ("carried", value)


def test_a_variant_of_the_image_goes_along_with_the_new_release() -> None:
    assert decided("values.global.tag", "1.28.10-distroless") == ("carried", "1.29.6-distroless")


def test_what_the_new_release_has_by_itself_is_not_told_one_by_one() -> None:
    spec = {"values": {"global": {"configValidation": True, "proxy": {"autoInject": "enabled"}}}}
    found, options = carry(spec, HOP, spec["values"], ())
    assert (found, options.decided, options.same) == ({}, (), 2)
    assert decided("values.global.configValidation", False, spec["values"]) == ("carried", False)


def test_false_zero_and_empty_text_are_values() -> None:
    spec = {"values": {"global": {"logAsJson": False, "x": 0, "y": "", "nothing": None}}}
    found, _ = carry(spec, HOP, {}, ())
    assert found == {"values": {"global": {"logAsJson": False, "x": 0, "y": ""}}}


# differences


def plane(revision: str, version: str, **more: Any) -> list[dict[str, Any]]:
    """A Deployment and a ConfigMap of one revision."""
    env = [{"name": "REVISION", "value": revision}, {"name": "A", "value": more.get("a", "1")}]
    container = {"name": "discovery", "image": f"docker.io/istio/pilot:{version}", "env": env}
    mesh = {"rootNamespace": "istio-system", "accessLogFile": more.get("log", "")}
    return [
        {
            "kind": "Deployment",
            "metadata": {"name": f"istiod-{revision}", "labels": {"istio.io/rev": revision}},
            "spec": {
                "replicas": more.get("replicas", 1),
                "template": {"spec": {"containers": [container], "serviceAccountName": f"istiod-{revision}"}},
            },
        },
        {
            "kind": "ConfigMap",
            "metadata": {"name": f"istio-{revision}"},
            "data": {"mesh": yaml.safe_dump(mesh), "extra": f"istiod-{revision}.istio-system.svc"},
        },
    ]


def changed(**more: Any) -> dict[str, tuple[str, ...]]:
    old = side("1-28-10", OLD, plane("1-28-10", "1.28.10"))
    new = side("1-29-6", NEW, plane("1-29-6", "1.29.6", **more))
    return {d.subject: d.fields for d in differences(old, new)}


def test_names_and_releases_are_no_difference() -> None:
    assert changed() == {}


def test_each_field_that_differs_is_named_with_both_values() -> None:
    assert changed(replicas=2, a="2", log="/dev/stdout") == {
        "Deployment istiod": (
            "spec.replicas: 1 -> 2",
            'spec.template.spec.containers[discovery].env[A].value: "1" -> "2"',
        ),
        "ConfigMap istio": ('data.mesh.accessLogFile: "" -> "/dev/stdout"',),
    }


def test_a_revision_that_begins_like_another_is_another() -> None:
    old = side("1-28-1", Version.parse("1.28.1"), plane("1-28-1", "1.28.1"))
    new = side("1-28-10", OLD, plane("1-28-10", "1.28.10"))
    assert differences(old, new) == ()


def test_objects_that_come_and_go_are_told() -> None:
    old = side("1-28-10", OLD, plane("1-28-10", "1.28.10")[:1])
    new = side("1-29-6", NEW, plane("1-29-6", "1.29.6")[1:])
    assert [(d.subject, d.change) for d in differences(old, new)] == [
        ("ConfigMap istio", "added"),
        ("Deployment istiod", "removed"),
    ]


def test_of_many_fields_the_first_are_listed_and_the_rest_counted() -> None:
    old, new = (
        [{"kind": "ConfigMap", "metadata": {"name": "istio"}, "data": {f"k{n:02}": v for n in range(30)}}]
        for v in "ab"
    )
    (found,) = differences(side("default", OLD, old), side("default", NEW, new))
    assert (len(found.fields), found.more) == (12, 18)


def test_of_a_live_object_only_what_its_installers_set_is_compared() -> None:
    live: dict[str, Any] = {
        "metadata": {
            "name": "istiod",
            "managedFields": [
                {
                    "manager": "istio-operator",
                    "operation": "Apply",
                    "fieldsV1": {
                        "f:spec": {
                            "f:replicas": {},
                            "f:ports": {'k:{"port":80}': {".": {}, "f:port": {}, "f:name": {}}},
                        }
                    },
                },
                {
                    "manager": "kube-controller-manager",
                    "operation": "Update",
                    "subresource": "status",
                    "fieldsV1": {"f:status": {"f:replicas": {}}},
                },
                {
                    "manager": "pilot-discovery",
                    "operation": "Update",
                    "fieldsV1": {"f:spec": {"f:filled": {}}},
                },
            ],
        },
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": 600,
            "filled": "x",
            "ports": [{"port": 80, "name": "http", "protocol": "TCP"}, {"port": 81}],
        },
        "status": {"replicas": 1},
    }
    assert owned(live) == {"spec": {"replicas": 1, "ports": [{"port": 80, "name": "http"}]}}


# upstream's own checks


def said(*messages: tuple[str, str, str]) -> bytes:
    return json.dumps(
        [{"code": c, "level": level, "message": text, "origin": "Pod shop/a"} for c, level, text in messages]
    ).encode()


def test_an_error_of_precheck_blocks_and_may_be_allowed() -> None:
    messages = messages_of(said(("IST0142", "Error", "too old"), ("IST0136", "Warning", "alpha")))
    assert messages is not None
    first, second = findings_of("precheck", messages, "istioctl 1.29.6")
    assert (first.code, first.subject, first.severity, first.allowable) == (
        "UPG-0344", "precheck IST0142", Severity.BLOCKED, True,
    )  # fmt: skip
    assert (second.severity, second.allowable) == (Severity.ADVISORY, False)


def test_an_error_of_analyze_is_advice_and_information_is_left_out() -> None:
    messages = messages_of(said(("IST0101", "Error", "no host"), ("IST0102", "Info", "not injected")))
    assert messages is not None
    (found,) = findings_of("analyze", messages, "istioctl 1.29.6")
    assert (found.subject, found.severity) == ("analyze IST0101", Severity.ADVISORY)


def ours(code: str, subject: str, *objects: str) -> Finding:
    return Finding(code=code, severity=Severity.ADVISORY, subject=subject, summary=subject, objects=objects)


def test_what_analyze_has_said_of_the_same_objects_is_not_said_again() -> None:
    messages = messages_of(said(("IST0145", "Error", "conflict")))
    assert messages is not None
    theirs = tuple(findings_of("analyze", messages, "istioctl 1.29.6"))
    same = ours("UPG-0399", "Gateways at port 443", "Pod shop/a")
    more = ours("UPG-0399", "Gateways at port 80", "Pod shop/a", "Pod shop/b")
    other = ours("UPG-0365", "ServiceEntries", "Pod shop/a")
    assert not_said_by_them((same, more, other), theirs) == (more, other)
    assert not_said_by_them((same,), ()) == (same,)


def test_who_plans_need_not_be_allowed_to_install() -> None:
    messages = messages_of(said(("IST0141", "Error", "create clusterroles: permission denied")))
    assert messages is not None
    assert [f.severity for f in findings_of("precheck", messages, "")] == [Severity.ADVISORY]


def test_a_level_that_nobody_knows_is_not_taken_for_information() -> None:
    messages = messages_of(said(("IST0999", "Fatal", "new")))
    assert messages is not None
    assert len(list(findings_of("analyze", messages, ""))) == 1


def test_many_of_one_code_are_one_finding() -> None:
    messages = messages_of(said(*(("IST0103", "Warning", f"pod {n}") for n in range(40))))
    assert messages is not None
    (found,) = findings_of("analyze", messages, "")
    assert "40 messages" in found.summary
    assert len(found.what) == 7


@pytest.mark.parametrize("out", [b"", b"Error: no", b"{}", b'[{"level": "Error"}]', b"[1]", b"[", b"\xff"])
def test_what_is_no_list_of_messages_is_not_taken_for_an_empty_one(out: bytes) -> None:
    assert messages_of(out) is None
    assert could_not_look("analyze", "it wrote no JSON", "istioctl 1.29.6").code == "UPG-0345"


@pytest.mark.parametrize("out", [b"[]", b"null\n"])
def test_an_empty_list_is_nothing_found(out: bytes) -> None:
    assert messages_of(out) == ()
