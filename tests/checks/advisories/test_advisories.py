"""What a plan says of an advisory: when, how gravely, and about which objects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.advisories.asking import advice, cluster, custom, document, findings, hits
from tests.checks.asking import silent
from upgrader.model.answer import Answer
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Unread

SERVERS = {"kind": "Gateway.networking.istio.io", "path": "spec.servers[*].port.number", "equals": 22}
YES = Answer(id="1.28-port-22", concerned=True, text="ops looked")
NO = Answer(id="1.28-port-22", concerned=False)


def gateway(name: str = "shop/ssh", port: int = 22) -> Any:
    return custom("Gateway", name, {"servers": [{"port": {"number": port}}]})


def only(found: list[Finding], code: str, severity: Severity) -> Finding:
    [one] = found
    assert (one.code, one.severity) == (f"UPG-{code}", severity), one
    assert one.summary.startswith(one.subject)
    return one


def test_what_certainly_breaks_stops_the_plan_and_names_object_and_field() -> None:
    one = only(findings(advice(SERVERS, certain=True), cluster(gateway())), "0360", Severity.BLOCKED)
    assert one.allowable
    assert one.subject == "1.28-port-22"
    assert "Gateway shop/ssh spec.servers[0].port.number" in one.summary
    assert one.objects == ("Gateway shop/ssh",)
    assert one.do == ("open it",)
    assert one.hop == 1
    assert "upgrade explain 1.28-port-22" in one.why


def test_it_does_not_where_no_object_uses_it() -> None:
    assert findings(advice(SERVERS, certain=True), cluster(gateway(port=23))) == []


@pytest.mark.parametrize(("severity", "certain"), [("breaking", False), ("behaviour", True), ("info", True)])
def test_what_may_be_so_and_what_does_not_break_is_an_advisory(severity: str, certain: bool) -> None:
    one = advice(SERVERS, severity=severity, certain=certain)
    assert not only(findings(one, cluster(gateway())), "0361", Severity.ADVISORY).allowable


def test_the_setting_that_keeps_the_old_behaviour_is_told() -> None:
    one = advice(SERVERS, certain=True, revert="PILOT_X=true")
    assert "PILOT_X=true" in findings(one, cluster(gateway()))[0].do[-1]


def test_hundreds_of_objects_are_a_number_and_a_few_names() -> None:
    many = [gateway(f"shop/g{n:03}") for n in range(300)]
    one = only(findings(advice(SERVERS), cluster(*many)), "0361", Severity.ADVISORY)
    assert "300 objects, Gateway shop/g000, Gateway shop/g001 and 298 more" in one.summary
    assert len(one.objects) == 300
    assert len(one.what) == 11
    assert one.what[-1] == "and 290 more places"


def test_an_advisory_belongs_to_the_hop_that_enters_its_minor() -> None:
    one = advice(SERVERS)
    assert [f.hop for f in findings(one, cluster(gateway()), "1.26.8 1.27.9 1.28.10 1.29.6")] == [2]
    assert findings(one, cluster(gateway()), "1.28.1 1.28.10") == []
    assert findings(one, cluster(gateway()), "1.28.10 1.29.6") == []
    assert findings(one, cluster(gateway()), "1.26.8 1.27.9") == []
    assert findings(one, cluster(gateway()), "1.27.9") == []


def test_a_question_without_a_sign_is_one_line_to_tick_off() -> None:
    one = only(findings(advice(ask="Do you use port 22?"), cluster()), "0362", Severity.ADVISORY)
    assert "Do you use port 22?" in one.summary
    assert "--answer 1.28-port-22=no" in one.do[0]


def test_a_question_about_a_break_of_which_there_is_a_sign_stops_the_plan() -> None:
    one = advice(SERVERS, ask="Is it used?")
    assert only(findings(one, cluster(gateway())), "0362", Severity.BLOCKED).allowable
    assert findings(one, cluster(gateway(port=23))) == []


def test_a_question_about_a_change_of_behaviour_never_does() -> None:
    only(
        findings(advice(SERVERS, ask="Is it?", severity="behaviour"), cluster(gateway())),
        "0362",
        Severity.ADVISORY,
    )


def test_an_answer_with_yes_says_what_to_do() -> None:
    asked = advice(ask="Do you use port 22?")
    one = only(findings(asked, cluster(), answers=(YES,)), "0360", Severity.BLOCKED)
    assert one.what[0] == "answered with yes: ops looked"
    assert one.do == ("open it",)
    milder = advice(ask="Do you use port 22?", severity="info")
    only(findings(milder, cluster(), answers=(YES,)), "0361", Severity.ADVISORY)


def test_an_answer_with_no_ends_it() -> None:
    assert findings(advice(ask="Do you?"), cluster(), answers=(NO,)) == []
    assert findings(advice(SERVERS, ask="Do you?", certain=True), cluster(gateway()), answers=(NO,)) == []
    assert findings(advice(SERVERS), cluster(gateway()), answers=(NO,)) == []


def test_no_answer_argues_with_what_the_objects_prove() -> None:
    only(findings(advice(SERVERS, certain=True), cluster(gateway()), answers=(NO,)), "0360", Severity.BLOCKED)


def test_what_nobody_can_see_says_nothing() -> None:
    one = advice(undetectable="it is about istioctl")
    assert findings(one, cluster()) == []


@pytest.mark.parametrize(
    ("kind", "unread"),
    [
        ("Gateway.networking.istio.io", "gateways.networking.istio.io"),
        ("Gateway.networking.istio.io", "gateways.networking.istio.io in namespace shop"),
        ("AuthorizationPolicy.security.istio.io", "authorizationpolicies.security.istio.io"),
        ("Service", "services in every namespace"),
        ("Ingress", "ingresses.networking.k8s.io"),
        ("MeshConfig", "ConfigMap istio-system/istio"),
        ("CniEnv", "daemonsets.apps"),
        ("Workload", "statefulsets.apps"),
    ],
)
def test_what_could_not_be_read_is_said_once_with_what_it_leaves_open(kind: str, unread: str) -> None:
    one = advice({"kind": kind, "path": "a"}, {"kind": kind, "path": "b"})
    refused = cluster(unread=(Unread(what=unread, why="forbidden"),))
    said = only(findings(one, refused), "0363", Severity.ADVISORY)
    assert said.subject == kind
    assert said.objects == ("1.28-port-22",)
    assert said.what[0] == f"{unread}: forbidden"


def test_another_kind_that_could_not_be_read_leaves_nothing_open() -> None:
    refused = cluster(unread=(Unread(what="gateways.gateway.networking.k8s.io", why="forbidden"),))
    assert findings(advice(SERVERS), refused) == []


def test_what_was_seen_or_answered_is_not_open() -> None:
    refused = cluster(
        gateway(), unread=(Unread(what="gateways.networking.istio.io in namespace b", why="no"),)
    )
    only(findings(advice(SERVERS), refused), "0361", Severity.ADVISORY)
    assert findings(advice(SERVERS), refused, answers=(NO,)) == []


@pytest.mark.parametrize("kind", ["MeshConfig", "InjectorValues", "InstallValues", "ConfigMap", "Workload"])
def test_a_snapshot_of_an_older_release_says_what_it_lacks(kind: str) -> None:
    built = cluster(mesh_configs={}, injector_values={}, install_values={}, documents=())
    bare = built.namespace("shop").deployment("shop/cart").having(documents=())
    said = only(findings(advice({"kind": kind, "path": "a"}), bare), "0363", Severity.ADVISORY)
    assert "this snapshot has no" in said.what[0]


def test_also_and_unless_speak_of_the_mesh_and_not_of_the_object() -> None:
    env = {"kind": "IstiodEnv", "path": "PILOT_X", "equals": "false"}
    assert hits(advice(SERVERS | {"unless": [env]}), cluster(gateway())) != []
    assert hits(advice(SERVERS | {"unless": [env]}), cluster(gateway(), env={"PILOT_X": "false"})) == []
    assert hits(advice(SERVERS | {"also": [env]}), cluster(gateway(), env={"PILOT_X": "false"})) != []
    assert hits(advice(SERVERS | {"also": [env]}), cluster(gateway(), env={"PILOT_X": "true"})) == []


def test_one_object_is_named_once_however_many_detectors_see_it() -> None:
    assert hits(advice(SERVERS, SERVERS), cluster(gateway())) == [
        "Gateway shop/ssh spec.servers[0].port.number"
    ]


def test_name_namespace_and_labels_choose_the_object() -> None:
    one = document("Service", "shop/ssh", {"spec": {"ports": [{"port": 22}]}}, labels={"app": "ssh"})
    asked = {"kind": "Service", "path": "spec.ports[*].port", "equals": 22}
    built = cluster(documents=(one,))
    for fits in ({"name": "s*"}, {"namespace": "shop"}, {"selector": "app=ssh"}):
        assert hits(advice(asked | fits), built) == ["Service shop/ssh spec.ports[0].port"]
    for misses in ({"name": "x*"}, {"namespace": "sho"}, {"selector": "!app"}):
        assert hits(advice(asked | misses), built) == []


def test_a_mesh_that_just_does_not_use_it_hears_nothing_in_a_whole_round_of_checks() -> None:
    near = cluster(gateway(port=23))
    silent(near, "0360", advisories={"1.28": (advice(SERVERS, certain=True),)})
    silent(near, "0361", advisories={"1.28": (advice(SERVERS),)})
    silent(near, "0362", advisories={"1.28": (advice(SERVERS, ask="Do you use port 22?"),)})
    silent(near, "0363", advisories={"1.28": (advice(SERVERS),)})
