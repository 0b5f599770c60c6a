"""Whole plans: what is done, in which order, and what stands in the way."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.meshes import Mesh, entries, mesh, shop
from tests.planning.planned import PLAYBOOK, begun, codes, plan, position, release, steps, titles
from upgrader.model.codec import decode, encode
from upgrader.model.errors import UpgradeError
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import CRD, LISTENER_SET, SERVICE_ACCOUNT, X_LISTENER_SET, Kind, Ref
from upgrader.model.playbook import WaveRule
from upgrader.planning.plan import Gate, Plan, plan_digest
from upgrader.probes import Injects, RevisionIdle, Validates, WorkloadsOn
from upgrader.steps import (
    ApplyManifests,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    ScalePlane,
)


def unnamed() -> Mesh:
    """An installation without a revision, as istioctl made it by default."""
    return (
        mesh()
        .plane("1.27.9", "default")
        .default_validator("default")
        .namespace("istio-system")
        .namespace("shop", injection="enabled")
        .namespace("plain")
        .deployment("shop/cart", proxies=2)
        .deployment("plain/asks", proxies=1, template={"sidecar.istio.io/inject": "true"})
    )


def test_a_plan_survives_being_written_and_read() -> None:
    made = plan(shop(), "1.28.10", "1.29.6")
    read = decode(encode(made), Plan)
    assert read == made
    assert read.id == f"pl-{plan_digest(read)[:8]}"


def test_equal_meshes_give_equal_plans() -> None:
    assert plan(shop(), "1.28.10").id == plan(shop(), "1.28.10").id


def test_the_steps_of_the_shop_come_in_the_order_of_an_upgrade() -> None:
    order = [
        "back up", "resource definitions", "install istiod revision 1-28-10 beside 1-27-9",
        "namespace sandbox: istio.io/rev 1-27-9 -> 1-28-10", "restart sandbox/httpbin (2 pods)",
        "tag prod: 1-27-9 -> 1-28-10", "restart shop/cart (2 pods)",
        "namespace istio-ingress: istio.io/rev 1-27-9 -> 1-28-10", "restart istio-ingress/istio-ingressgateway",
        "freeze istiod 1-27-9", "Gateway istio-ingress/web: istio.io/rev 1-27-9 -> 1-28-10",
        "MANUAL approval", "remove istiod revision 1-27-9", "verify the mesh",
    ]  # fmt: skip
    made = plan(shop(), "1.28.10")
    places = [position(made, words) for words in order]
    assert places == sorted(places)
    assert not made.blocked


def test_ids_count_up_within_each_hop() -> None:
    made = plan(shop(), "1.28.10", "1.29.6")
    for hop in made.hops:
        assert [i.id for i in hop.items()] == [f"h{hop.number}.{n:02d}" for n, _ in enumerate(hop.items(), 1)]


def test_the_second_hop_leaves_the_revision_that_the_first_one_installed() -> None:
    second = plan(shop(), "1.28.10", "1.29.6").hops[1]
    assert (second.old, second.new) == ("1-28-10", "1-29-6")
    relabelled = [i.action for i in second.items() if isinstance(i.action, RelabelNamespace)]
    assert {s.before["istio.io/rev"] for s in relabelled} == {"1-28-10"}
    restarted = [i.action for i in second.items() if isinstance(i.action, RestartWorkload)]
    assert all(s.before is not None and s.before.startswith("1-28-10.") for s in restarted)
    assert {s.image for s in restarted} == {"docker.io/istio/proxyv2:1.29.6"}


def test_each_workload_of_the_mesh_restarts_once_a_hop() -> None:
    made = plan(shop(), "1.28.10")
    names = [f"{s.ref.namespace}/{s.ref.name}" for s in steps(made, RestartWorkload)]
    assert sorted(names) == sorted({w.name for w in shop().snapshot().workloads if w.gateway != "api"})


def test_an_upgraded_mesh_has_nothing_to_do() -> None:
    made = plan(shop("1.28.10"), "1.28.10")
    assert made.empty
    assert not made.findings


def test_a_workload_outside_the_mesh_is_not_touched() -> None:
    made = plan(shop().deployment("monitoring/grafana"), "1.28.10")
    assert not any("grafana" in title for title in titles(made))


def test_pods_older_than_their_label_are_left_to_their_owner() -> None:
    made = plan(shop().deployment("shop/never-restarted", proxies=0), "1.28.10")
    assert not any("never-restarted" in title for title in titles(made))


def test_a_namespace_without_workloads_is_still_bound_anew() -> None:
    made = plan(shop().namespace("empty", rev="1-27-9"), "1.28.10")
    assert "namespace empty: istio.io/rev 1-27-9 -> 1-28-10" in titles(made)


def test_a_workload_that_names_its_revision_gets_label_and_restart_in_one_step() -> None:
    step = next(s for s in steps(plan(shop(), "1.28.10"), RestartWorkload) if s.ref.name == "log-agent")
    assert step.labels == {"istio.io/rev": "1-28-10"}
    assert step.labels_before == {"istio.io/rev": "1-27-9"}


def test_a_pinned_image_is_expected_where_it_is_pinned() -> None:
    pinned = "registry.corp/istio/proxyv2:1.27.7"
    made = plan(shop().deployment("sandbox/old", proxies=1, pins=pinned), "1.28.10")
    assert {s.image for s in steps(made, RestartWorkload) if s.ref.name == "old"} == {pinned}
    gate = [i.action for _, w, i in made.items() if w.name == "canary" and isinstance(i.action, Gate)][-1]
    assert sorted(p.image for p in gate.probes if isinstance(p, WorkloadsOn)) == [
        "docker.io/istio/proxyv2:1.28.10",
        pinned,
    ]


def test_an_image_type_of_a_pod_is_part_of_the_expected_image() -> None:
    slim = {"sidecar.istio.io/proxyImageType": "distroless"}
    made = plan(shop().deployment("sandbox/slim", proxies=1, annotations=slim), "1.28.10")
    found = {s.image for s in steps(made, RestartWorkload) if s.ref.name == "slim"}
    assert found == {"docker.io/istio/proxyv2:1.28.10-distroless"}


def test_a_tag_gets_its_service_from_1_28_on() -> None:
    to_28 = next(steps(plan(shop(), "1.28.10"), MoveTag))
    to_27 = next(steps(plan(shop("1.26.8"), "1.27.9"), MoveTag))
    assert to_28.create == ("service",)
    assert to_27.create == ()


def test_the_default_tag_moves_its_validator_with_it() -> None:
    step = next(s for s in steps(plan(shop(), "1.28.10"), MoveTag) if s.tag == "default")
    assert step.parts == ("webhook", "validator", "service")


def test_what_the_checks_said_is_not_said_twice() -> None:
    meshed = shop().ingress_gateway("1.27.9", on="1-27-9")
    (said,) = (f for f in plan(meshed, "1.28.10").findings if f.code == "UPG-0333")
    assert codes(plan(meshed, "1.28.10", findings=(said,))).count("UPG-0333") == 1


# gates


def test_the_retire_gate_wants_the_old_revisions_name_and_an_idle_revision() -> None:
    made = plan(shop(), "1.28.10")
    gate = next(i.action for _, w, i in made.items() if w.kind == "retire")
    assert isinstance(gate, Gate)
    assert gate.approval == "1-27-9"
    assert RevisionIdle(revision="1-27-9") in gate.probes
    assert gate.message == "Remove revision 1-27-9; going back after that is a reinstall"


def test_a_wave_with_approval_waits_before_its_first_step() -> None:
    rule = WaveRule(name="all", gate="approval")
    made = plan(shop(), "1.28.10", playbook=msgspec.structs.replace(PLAYBOOK, waves=(rule,)))
    wave = next(w for w in made.hops[0].waves if w.name == "all")
    first = wave.items[0].action
    assert isinstance(first, Gate)
    assert first.approval == "yes"
    assert first.message == "Wave all moves 4 namespaces to 1.28.10"


def test_injection_is_asked_for_before_anything_and_expected_as_it_is() -> None:
    first = next(i.action for _, _, i in plan(shop(), "1.28.10").items())
    assert isinstance(first, Gate)
    cases = next(p.cases for p in first.probes if isinstance(p, Injects))
    assert {c.revision for c in cases} == {"1-27-9"}
    assert [c.about for c in cases] == [
        "pods like monitoring/log-agent (istio.io/rev=1-27-9)",
        "namespace istio-ingress (istio.io/rev=1-27-9)",
        "namespace shop (istio.io/rev=prod)",
        "namespace payments (istio-injection=enabled)",
    ]


def test_after_the_canary_wave_both_revisions_are_expected_where_they_should_be() -> None:
    made = plan(shop(), "1.28.10")
    gate = [i.action for _, w, i in made.items() if w.name == "canary"][-1]
    assert isinstance(gate, Gate)
    cases = next(p.cases for p in gate.probes if isinstance(p, Injects))
    found = {c.namespace: c.revision for c in cases}
    assert found["sandbox"] == "1-28-10"
    assert found["shop"] == "1-27-9"


def test_the_new_revision_injects_by_dry_run_before_anything_is_bound_to_it() -> None:
    made = plan(shop(), "1.28.10")
    gate = [i.action for _, w, i in made.items() if w.kind == "install"][-1]
    assert isinstance(gate, Gate)
    asked = [c for p in gate.probes if isinstance(p, Injects) for c in p.cases if c.revision == "1-28-10"]
    assert [c.labels for c in asked] == [{"istio.io/rev": "1-28-10", "sidecar.istio.io/inject": "true"}]
    assert asked[0].image == "docker.io/istio/proxyv2:1.28.10"


def test_an_invalid_object_must_be_refused_only_where_a_validator_serves() -> None:
    bare = (
        mesh()
        .plane("1.27.9")
        .namespace("istio-system")
        .namespace("shop", rev="1-27-9")
        .deployment("shop/a", proxies=1)
    )
    for made, strict in ((plan(shop(), "1.28.10"), True), (plan(bare, "1.28.10"), False)):
        first = next(i.action for _, _, i in made.items())
        assert isinstance(first, Gate)
        assert [p.strict for p in first.probes if isinstance(p, Validates)] == [strict]


# an installation without a revision


def test_an_injection_label_becomes_a_revision_label_in_one_patch() -> None:
    step = next(steps(plan(unnamed(), "1.28.10"), RelabelNamespace))
    assert step.labels == {"istio.io/rev": "1-28-10", "istio-injection": None}
    assert step.before == {"istio.io/rev": None, "istio-injection": "enabled"}


def test_the_injector_without_a_revision_is_replaced_by_a_default_tag_after_the_waves() -> None:
    made = plan(unnamed(), "1.28.10")
    step = next(steps(made, MoveTag))
    assert (step.tag, step.create, step.deactivate, step.binds_gateways) == (
        "default",
        ("webhook",),
        True,
        False,
    )
    assert (
        position(made, "restart shop/cart")
        < position(made, "tag default")
        < position(made, "restart plain/asks")
    )


def test_its_gateways_are_labelled_before_a_default_tag_could_give_them_two_owners() -> None:
    made = plan(unnamed().api_gateway("plain/web", made_by="default"), "1.28.10")
    words = (
        "freeze",
        "Gateway plain/web: istio.io/rev default -> 1-28-10",
        "remove istiod",
        "for Gateways too",
    )
    places = [position(made, w) for w in words]
    assert places == sorted(places)
    assert not made.blocked


def test_only_a_tag_that_binds_no_gateway_stands_beside_an_unnamed_istiod() -> None:
    made = plan(unnamed(), "1.28.10")
    gone = position(made, "remove istiod")
    tags = [(n, i.action) for n, (_, _, i) in enumerate(made.items()) if isinstance(i.action, MoveTag)]
    assert all(n > gone for n, step in tags if step.binds_gateways and step.parts != ("validator",))


def test_a_gateway_that_is_left_out_does_not_follow_a_tag_that_moves() -> None:
    made = plan(
        shop("1.29.6").api_gateway("monitoring/web", made_by="1-29-6"), "1.30.3", exclude=("monitoring",)
    )
    (pin,) = (s for s in steps(made, RelabelGateway) if s.ref.namespace == "monitoring")
    assert (pin.value, pin.before) == ("1-29-6", None)
    assert position(made, "Gateway monitoring/web") < position(made, "tag default")
    assert not list(steps(made, RemoveObjects))


def test_what_a_check_only_advises_does_not_hide_what_blocks_the_plan() -> None:
    advice = Finding(
        code="UPG-0325", severity=Severity.ADVISORY, subject="tag prod", summary="half moved", why="w"
    )
    odd = mesh().plane("1.28.10").plane("1.28.8").tag("prod", "1-28-10", service_at="1-28-8")
    found = odd.namespace("shop", rev="prod").deployment("shop/cart", proxies=2, on="1-28-10")
    made = plan(found, "1.29.6", findings=(advice,))
    assert made.blocked


def test_nothing_needs_the_webhooks_of_an_unnamed_istiod_once_it_is_frozen() -> None:
    made = plan(unnamed().api_gateway("plain/web", made_by="default"), "1.28.10")
    words = (
        "default: none -> 1-28-10, for pods only",
        "the default validator",
        "restart plain/asks",
        "freeze",
    )
    places = [position(made, w) for w in words]
    assert places == sorted(places)


def test_with_a_fixed_istiod_nothing_is_frozen() -> None:
    fixed = mesh().plane("1.29.6", "default").default_validator("default").namespace("istio-system")
    made = plan(fixed.namespace("web").api_gateway("web/gw", made_by="default"), "1.30.3")
    assert not list(steps(made, ScalePlane))
    assert position(made, "Gateway web/gw") < position(made, "tag default")


# Gateway API gateways


def test_a_gateway_that_would_move_with_its_namespace_is_pinned_first() -> None:
    made = plan(shop().api_gateway("shop/inherits", made_by="1-27-9"), "1.28.10")
    pin = position(made, "Gateway shop/inherits: keep 1-27-9")
    assert pin < position(made, "tag prod")
    assert not any(s.gateways for s in steps(made, RelabelNamespace))
    assert not any(s.gateways for s in steps(made, MoveTag))


def test_pins_are_taken_off_only_in_the_last_hop() -> None:
    made = plan(shop().api_gateway("shop/inherits", made_by="1-27-9"), "1.28.10", "1.29.6")
    values = [s.value for s in steps(made, RelabelGateway) if s.ref.name == "inherits"]
    assert values == ["1-27-9", "1-28-10", "1-29-6", None]
    assert "as it was" in titles(made, 2)[-1]


def test_under_a_fixed_istiod_gateways_move_with_their_label_and_the_plan_says_so() -> None:
    made = plan(shop("1.29.6").api_gateway("sandbox/inherits", made_by="1-29-6"), "1.30.3")
    item = next(i for _, _, i in made.items() if i.title.startswith("namespace sandbox"))
    assert item.rolls == ("sandbox/inherits",)
    assert not list(steps(made, ScalePlane))


def test_a_waypoint_is_not_emptied_and_moves_without_freezing() -> None:
    meshed = mesh().plane("1.27.9").namespace("istio-system").namespace("amb")
    made = plan(
        meshed.api_gateway("amb/way", rev="1-27-9", made_by="1-27-9", class_name="istio-waypoint"), "1.28.10"
    )
    assert [s.value for s in steps(made, RelabelGateway)] == ["1-28-10"]
    assert not list(steps(made, ScalePlane))


def test_a_gateway_nobody_owns_is_left_alone() -> None:
    made = plan(shop().api_gateway("shop/orphan", rev="no-such"), "1.28.10")
    assert not any(s.ref.name == "orphan" for s in steps(made, RelabelGateway))
    assert not made.blocked


# gateways of istioctl


def test_what_the_default_tag_injects_without_a_label_is_asked_for_at_every_gate_and_moves_with_it() -> None:
    unlabelled = {
        "matchExpressions": [
            {"key": k, "operator": "DoesNotExist"} for k in ("istio.io/rev", "istio-injection")
        ]
    }
    default = entries("default", "istio-system/istiod-1-28-10", default=True)
    auto = msgspec.structs.replace(
        default[0], name="auto.sidecar-injector.istio.io", namespace_selector=unlabelled, object_selector={}
    )
    made = mesh().plane("1.28.10").namespace("free").default_validator("1-28-10")
    made = made.webhook("istio-revision-tag-default", "1-28-10", (*default, auto), tag="default")
    found = plan(made.deployment("free/api", proxies=2), "1.29.6")
    assert not found.blocked
    assert position(found, "tag default") < position(found, "restart free/api")
    rounds = [
        {
            c.revision
            for p in i.action.probes
            if isinstance(p, Injects)
            for c in p.cases
            if c.namespace == "free" and not c.labels
        }
        for _, _, i in found.items()
        if isinstance(i.action, Gate)
    ]
    assert rounds[0] == {"1-28-10"}
    assert rounds[-1] == {"1-29-6"}


# What is added to Gateways from outside


ALPHA = {"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}
EXTRA = "XListenerSet shop/extra"


def listening(
    version: str, *, rev: str | None = None, kind: Kind = X_LISTENER_SET, alpha: dict[str, str] = ALPHA
) -> Mesh:
    """A Gateway that follows the default tag, and listeners of a namespace that follows a revision."""
    revision = version.replace(".", "-")
    made = mesh().plane(version, env=alpha).tag("default", revision).namespace("istio-system")
    made = made.namespace("edge").namespace("shop", rev=revision).deployment("shop/cart", proxies=1)
    return made.api_gateway("edge/web", made_by=revision).listener_set(
        "shop/extra", "edge/web", rev=rev, kind=kind
    )


def labels_of(made: Plan, name: str) -> list[str | None]:
    return [s.value for s in steps(made, RelabelGateway) if str(s.ref) == name]


def test_listeners_stay_with_their_gateway_when_their_namespace_moves() -> None:
    made = plan(listening("1.28.10"), "1.29.6", alpha=True)
    words = (
        f"{EXTRA}: keep 1-28-10",
        "namespace shop",
        "freeze",
        f"{EXTRA}: istio.io/rev 1-28-10 -> absent",
        "Gateway edge/web: istio.io/rev 1-28-10 -> 1-29-6",
    )
    places = [position(made, w) for w in words]
    assert places == sorted(places)
    assert not made.blocked


def test_an_istiod_that_heeds_owners_finds_its_name_on_them_until_the_last_hop_is_over() -> None:
    made = plan(listening("1.27.9"), "1.28.10", "1.29.6", alpha=True)
    assert labels_of(made, EXTRA) == ["1-27-9", "1-28-10", None]
    assert not made.blocked


def test_listeners_of_one_revision_are_read_by_both_while_their_gateway_moves() -> None:
    made = plan(listening("1.30.3", rev="1-30-3", kind=LISTENER_SET), "1.31.0-rc.0")
    assert labels_of(made, "ListenerSet shop/extra") == [None, "1-31-0-rc-0"]
    taken = position(made, "ListenerSet shop/extra: istio.io/rev 1-30-3 -> absent")
    assert taken < position(made, "tag default") < position(made, "absent -> 1-31-0-rc-0")


def test_a_fixed_istiod_needs_no_label_on_listeners() -> None:
    made = plan(listening("1.30.3", kind=LISTENER_SET), "1.31.0-rc.0")
    assert not list(steps(made, RelabelGateway))


def test_listeners_that_nobody_reads_are_left_alone() -> None:
    made = plan(listening("1.28.10", rev="no-such"), "1.29.6", alpha=True)
    assert labels_of(made, EXTRA) == []
    off = plan(listening("1.28.10", alpha={}), "1.29.6")
    assert labels_of(off, EXTRA) == []
    assert not off.blocked


def test_manifests_without_the_switch_that_the_old_istiod_has_block_the_plan() -> None:
    made = plan(listening("1.28.10"), "1.29.6")
    (found,) = (f for f in made.findings if f.code == "UPG-0339")
    assert (found.severity, found.subject) == (Severity.BLOCKED, "istiod 1-29-6")


def test_listeners_for_the_old_revision_alone_that_no_step_labels_block_the_plan() -> None:
    made = plan(listening("1.29.6", rev="1-29-6"), "1.30.3")
    assert ("UPG-0328", EXTRA) in [(f.code, f.subject) for f in made.findings if f.blocks]
    kept = plan(listening("1.29.6", rev="1-29-6"), "1.30.3", exclude=("edge",))
    assert not kept.blocked


def test_a_listener_set_whose_gateway_stays_behind_stays_with_it() -> None:
    made = plan(listening("1.28.10"), "1.29.6", alpha=True, exclude=("edge",))
    assert labels_of(made, EXTRA) == ["1-28-10"]
    assert not made.blocked


def test_an_istioctl_gateway_is_applied_in_place() -> None:
    meshed = shop().ingress_gateway("1.27.9", on="1-27-9")
    made = plan(meshed, "1.28.10", gateway=True)
    step = next(s for s in steps(made, ApplyManifests) if s.part == "ingress-gateway")
    assert all(d.existed for d in step.documents)
    assert not made.blocked


def test_without_its_manifests_an_istioctl_gateway_blocks_the_plan() -> None:
    made = plan(shop().ingress_gateway("1.27.9", on="1-27-9"), "1.28.10")
    assert "UPG-0333" in codes(made)
    assert made.blocked


# what stays behind


def test_while_something_stays_behind_the_old_revision_is_not_retired() -> None:
    made = plan(shop(), "1.28.10", exclude=("shop/redis-cart",))
    assert not list(steps(made, RemoveObjects))
    assert not any("redis-cart" in t for t in titles(made) if t.startswith("restart"))
    assert "UPG-0340" in codes(made)
    assert not {"UPG-0340", "UPG-0342"} & {*codes(plan(shop(), "1.28.10", "1.29.6"))}


@pytest.mark.parametrize(
    "stuck",
    [{"strategy": "OnDelete"}, {"partition": 1}, {"paused": True}],
)
def test_a_workload_that_no_restart_reaches_stays_behind_with_its_revision(stuck: dict[str, object]) -> None:
    made = plan(shop().stateful_set("sandbox/stuck", proxies=2, **stuck), "1.28.10")
    assert not any(s.ref.name == "stuck" for s in steps(made, RestartWorkload))
    assert not list(steps(made, RemoveObjects))


def test_a_bare_pod_keeps_its_revision_alive_and_a_job_is_waited_for() -> None:
    with_pod = plan(shop().pod("sandbox/debug"), "1.28.10")
    with_job = plan(shop().job("sandbox/batch", proxies=1), "1.28.10")
    assert not list(steps(with_pod, RemoveObjects))
    assert list(steps(with_job, RemoveObjects))


def test_an_istiod_that_is_still_needed_is_not_frozen_and_its_gateways_stay() -> None:
    made = plan(shop(), "1.28.10", exclude=("shop/redis-cart",))
    assert not list(steps(made, ScalePlane))
    assert not list(steps(made, RelabelGateway))
    assert "istio-ingress/web" in {f.subject for f in made.findings if f.code == "UPG-0340"}


def test_a_tag_does_not_take_along_a_namespace_that_was_to_stay() -> None:
    meshed = shop().namespace("other", rev="prod").deployment("other/a", proxies=1)
    made = plan(meshed, "1.28.10", exclude=("other",))
    assert "UPG-0341" in codes(made)
    assert made.blocked
    own = shop().namespace("other", rev="1-27-9").deployment("other/a", proxies=1)
    assert "UPG-0341" not in codes(plan(own, "1.28.10", exclude=("other",)))


def test_only_one_namespace_moves_when_only_that_is_asked_for() -> None:
    made = plan(shop(), "1.28.10", only=("sandbox",))
    moves = [t for t in titles(made) if t.startswith(("namespace", "tag", "restart", "Gateway"))]
    assert moves == ["namespace sandbox: istio.io/rev 1-27-9 -> 1-28-10", "restart sandbox/httpbin (2 pods)"]
    assert not list(steps(made, RemoveObjects))
    assert not made.blocked


def test_what_stayed_behind_is_not_left_two_minors_behind() -> None:
    made = plan(shop(), "1.28.10", "1.29.6", exclude=("shop/redis-cart",))
    assert {(f.code, f.hop) for f in made.findings if f.blocks} == {("UPG-0342", 2)}


def test_no_default_tag_is_made_while_somebody_needs_the_injector_without_a_revision() -> None:
    made = plan(unnamed(), "1.28.10", exclude=("shop/cart", "plain/asks"))
    assert not list(steps(made, MoveTag))
    assert not made.blocked


def test_a_misspelt_exception_is_refused() -> None:
    with pytest.raises(UpgradeError) as refused:
        plan(shop(), "1.28.10", exclude=("shop/redis",))
    assert refused.value.code == "UPG-0014"


def test_a_namespace_that_no_wave_selects_is_refused_by_name() -> None:
    rules = (WaveRule(name="one", namespaces=("sandbox",)),)
    with pytest.raises(UpgradeError) as refused:
        plan(shop(), "1.28.10", playbook=msgspec.structs.replace(PLAYBOOK, waves=rules))
    assert refused.value.code == "UPG-0012"
    assert "monitoring, payments, shop" in refused.value.headline


def test_a_workload_that_no_step_moves_blocks_the_plan() -> None:
    made = plan(
        shop().cron_job("plain/nightly", template={"istio.io/rev": "1-27-9"}).namespace("plain"), "1.28.10"
    )
    assert "UPG-0328" in codes(made)


@pytest.mark.parametrize(
    ("tags", "advice"),
    [
        pytest.param(
            ("prod",), "label the pod template of its jobTemplate istio.io/rev=prod", id="a tag is there"
        ),
        pytest.param(
            (), "istioctl tag set stable --revision 1-27-9, then label the pod template", id="none is"
        ),
    ],
)
def test_a_cron_job_that_names_the_old_revision_is_told_to_name_a_tag(
    tags: tuple[str, ...], advice: str
) -> None:
    made = (
        mesh()
        .plane("1.27.9", "1-27-9")
        .default_validator("1-27-9")
        .namespace("istio-system")
        .namespace("plain")
    )
    for tag in tags:
        made = made.tag(tag, "1-27-9")
    found = plan(made.cron_job("plain/nightly", template={"istio.io/rev": "1-27-9"}), "1.28.10")
    (blocking,) = (f for f in found.findings if f.code == "UPG-0328" and f.blocks)
    assert blocking.do[0].startswith(advice)
    assert blocking.do[1] == "or leave it behind: --exclude plain/nightly"


def test_a_cron_job_that_names_the_old_revision_can_be_left_behind_and_so_can_what_lives_where_nothing_moves() -> (
    None
):
    named = shop().cron_job("plain/nightly", template={"istio.io/rev": "1-27-9"}).namespace("plain")
    left = plan(named, "1.28.10", exclude=("plain/nightly",))
    assert not left.blocked
    assert not list(steps(left, RemoveObjects))
    elsewhere = plan(shop().cron_job("payments/nightly"), "1.28.10", only=("sandbox",))
    assert not elsewhere.blocked


def test_tags_that_nobody_uses_move_where_only_names_all_that_is_there() -> None:
    lone = mesh().plane("1.27.9", "1-27-9").default_validator("1-27-9").namespace("istio-system")
    lone = lone.tag("blue", "1-27-9").namespace("shop", rev="1-27-9").deployment("shop/cart", proxies=1)
    made = plan(lone, "1.28.10", only=("shop",))
    assert position(made, "tag blue: 1-27-9 -> 1-28-10") < position(made, "remove istiod revision 1-27-9")
    beside = lone.namespace("other", rev="blue").deployment("other/api", proxies=1)
    kept = plan(beside, "1.28.10", only=("shop",))
    assert not any(title.startswith("tag blue") for title in titles(kept))
    assert not list(steps(kept, RemoveObjects))


def test_a_revision_name_that_is_taken_by_another_version_blocks_the_plan() -> None:
    made = plan(shop().plane("1.28.6", "1-28-10"), "1.28.10")
    assert codes(made) == ["UPG-0332"]
    assert made.empty


# objects


def test_an_installed_target_is_adopted_and_its_objects_are_not_ours_to_remove() -> None:
    made = plan(shop().plane("1.28.10"), "1.28.10")
    step = next(s for s in steps(made, ApplyManifests) if s.part == "control-plane")
    kept = {d.ref.name for d in step.documents if d.existed}
    assert {"istiod-1-28-10", "istio-sidecar-injector-1-28-10"} <= kept
    assert "keep istiod revision 1-28-10" in " ".join(titles(made))


def test_shared_definitions_are_written_as_their_owner_and_new_ones_as_ours() -> None:
    name = next(d.body["metadata"]["name"] for d in release("1.28.10").part("crds"))
    made = plan(shop().definition(name, istio_operator="Apply"), "1.28.10", "1.29.6")
    for step in (s for s in steps(made, ApplyManifests) if s.part == "crds"):
        found = {d.ref: d for d in step.documents}[Ref(CRD, name)]
        assert (found.manager, found.update, found.existed) == ("istio-operator", False, True)
    fresh = [d for s in steps(made, ApplyManifests) if s.part == "crds" for d in s.documents if not d.existed]
    assert fresh
    assert {d.manager for d in fresh} == {"upgrader"}


def test_an_owner_that_writes_updates_is_followed_by_updates() -> None:
    name = next(d.body["metadata"]["name"] for d in release("1.28.10").part("crds"))
    made = plan(shop().definition(name, helm="Update"), "1.28.10")
    found = next(d for s in steps(made, ApplyManifests) for d in s.documents if d.ref.name == name)
    assert (found.manager, found.update) == ("helm", True)


def test_shared_objects_of_the_base_chart_count_as_there() -> None:
    step = next(s for s in steps(plan(shop(), "1.28.10"), ApplyManifests) if s.part == "base")
    assert all(d.existed for d in step.documents)


def test_only_objects_of_the_old_revision_itself_are_removed() -> None:
    reader = Ref(SERVICE_ACCOUNT, "istio-reader-service-account", "istio-system")
    gone = Ref(SERVICE_ACCOUNT, "istiod-1-27-9", "istio-system")
    meshed = shop().belonging(reader, "1-27-9", "").belonging(gone, "1-27-9", "Pilot")
    made = plan(meshed, "1.28.10", "1.29.6")
    first, second = steps(made, RemoveObjects)
    names = {o.ref.name for o in first.objects}
    assert "istiod-1-27-9" in names
    assert not names & {"istio-reader-service-account", "istiod-default-validator", "istio-revision-tag-prod"}
    assert first.objects[0].ref.name == "istio-sidecar-injector-1-27-9"
    assert {o.ref.name for o in second.objects} >= {
        "istiod-1-28-10",
        "istio-reader-clusterrole-1-28-10-istio-system",
    }
    assert all("1-28-10" in o.ref.name for o in second.objects)


def test_the_way_back_knows_the_former_images() -> None:
    made = plan(shop(), "1.28.10", "1.29.6")
    assert made.hops[0].former_images["Deployment shop/cart"] == "docker.io/istio/proxyv2:1.27.9"
    assert made.hops[1].former_images["Deployment shop/cart"] == "docker.io/istio/proxyv2:1.28.10"


def test_a_mesh_without_a_control_plane_gives_an_empty_plan() -> None:
    assert plan(mesh(), "1.28.10").empty


def test_a_plan_is_valid_as_long_as_the_playbook_says() -> None:
    made = plan(shop(), "1.28.10")
    assert made.valid_until - made.made == timedelta(hours=24)
    assert begun(made)
