"""The way back: only what was begun, and in an order that leaves nothing alone."""

from __future__ import annotations

import pytest

from tests.meshes import Mesh, mesh, shop
from tests.planning.planned import begun, plan, position, steps, titles
from upgrader.model.errors import UpgradeError
from upgrader.planning.inverse import undo
from upgrader.planning.plan import Plan
from upgrader.probes import WorkloadsOn
from upgrader.steps import (
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    Restore,
    ScalePlane,
)

PLAN = plan(shop(), "1.28.10", "1.29.6")


def unnamed() -> Mesh:
    return (
        mesh()
        .plane("1.27.9", "default")
        .default_validator("default")
        .namespace("istio-system")
        .namespace("shop", injection="enabled")
        .deployment("shop/cart", proxies=2)
        .api_gateway("shop/web", made_by="default")
    )


def until(made: Plan, words: str) -> frozenset[str]:
    """Everything of the first hop up to and with the step of these words."""
    ids = [i.id for _, _, i in made.items()]
    return frozenset(ids[: position(made, words) + 1])


def test_nothing_begun_is_nothing_to_take_back() -> None:
    assert undo(PLAN, 1, frozenset()).empty


def test_a_backup_and_a_look_leave_nothing_to_take_back() -> None:
    assert undo(PLAN, 1, until(PLAN, "back up")).empty


def test_only_what_was_begun_is_taken_back() -> None:
    back = undo(PLAN, 1, until(PLAN, "restart sandbox/httpbin"))
    assert titles(back) == [
        "namespace sandbox: istio.io/rev 1-28-10 -> 1-27-9",
        "restart sandbox/httpbin (2 pods), back on 1-27-9",
        f"remove istiod revision 1-28-10 ({len(next(steps(back, RemoveObjects)).objects)} objects)",
        "1 shared object, as before",
    ]
    assert not list(steps(back, MoveTag))


def test_ids_of_the_way_back_are_its_own() -> None:
    back = undo(PLAN, 1, begun(PLAN))
    assert [i.id for _, _, i in back.items()] == [f"b.{n:02d}" for n, _ in enumerate(back.items(), 1)]
    assert back.id != PLAN.id


def test_before_and_wanted_change_places() -> None:
    back = undo(PLAN, 1, begun(PLAN))
    space = next(s for s in steps(back, RelabelNamespace) if s.namespace == "sandbox")
    assert (space.labels, space.before) == ({"istio.io/rev": "1-27-9"}, {"istio.io/rev": "1-28-10"})
    there = next(s for s in steps(PLAN, RestartWorkload) if s.ref.name == "log-agent")
    restart = next(s for s in steps(back, RestartWorkload) if s.ref.name == "log-agent")
    assert (restart.mark, restart.before) == (None, there.mark)
    assert restart.labels == {"istio.io/rev": "1-27-9"}
    assert (restart.revision, restart.image) == ("1-27-9", "docker.io/istio/proxyv2:1.27.9")


def test_the_second_hop_goes_back_to_what_the_first_one_left() -> None:
    back = undo(PLAN, 2, begun(PLAN, 2))
    marks = {s.mark for s in steps(back, RestartWorkload)}
    assert all(mark is not None and mark.startswith("1-28-10.") for mark in marks)
    assert {s.image for s in steps(back, RestartWorkload)} == {"docker.io/istio/proxyv2:1.28.10"}
    assert back.path == ("1.29.6", "1.28.10")


def test_a_frozen_istiod_comes_back_before_anything_is_bound_to_it() -> None:
    back = undo(PLAN, 1, begun(PLAN))
    first = next(i.action for _, _, i in back.items())
    assert isinstance(first, ScalePlane)
    assert (first.revision, first.replicas) == ("1-27-9", 2)


def test_gateways_go_back_last_and_from_a_frozen_istiod() -> None:
    back = undo(PLAN, 1, begun(PLAN))
    order = [
        position(back, w)
        for w in ("restart shop/cart", "freeze istiod 1-28-10", "Gateway istio-ingress/web", "remove")
    ]
    assert order == sorted(order)


def test_a_pin_comes_off_after_its_gateway_is_back() -> None:
    made = plan(shop().api_gateway("shop/inherits", made_by="1-27-9"), "1.28.10")
    back = undo(made, 1, begun(made))
    assert [s.value for s in steps(back, RelabelGateway) if s.ref.name == "inherits"] == ["1-27-9", None]


def test_listeners_go_back_before_the_gateway_that_needs_them_and_from_a_frozen_istiod() -> None:
    made = plan(listening(), "1.29.6", alpha=True)
    back = undo(made, 1, begun(made))
    words = (
        "bring istiod 1-28-10 back",
        "namespace shop",
        "freeze istiod 1-29-6",
        "XListenerSet shop/extra: istio.io/rev absent -> 1-28-10",
        "Gateway edge/web: istio.io/rev 1-29-6 -> 1-28-10",
    )
    places = [position(back, w) for w in words]
    assert places == sorted(places)


def test_a_frozen_istiod_finds_the_listeners_of_its_gateway_as_it_left_them() -> None:
    made = plan(listening(), "1.29.6", alpha=True)
    back = undo(made, 1, until(made, "XListenerSet shop/extra: istio.io/rev 1-28-10 -> absent"))
    first, second = (i.title for _, _, i in list(back.items())[:2])
    assert first == "XListenerSet shop/extra: istio.io/rev absent -> 1-28-10"
    assert second.startswith("bring istiod 1-28-10 back")


def listening() -> Mesh:
    made = mesh().plane("1.28.10", env={"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}).tag("default", "1-28-10")
    made = made.namespace("istio-system").namespace("edge").namespace("shop", rev="1-28-10")
    return made.api_gateway("edge/web", made_by="1-28-10").listener_set("shop/extra", "edge/web")


def test_what_was_added_to_a_tag_goes_and_the_rest_moves_back() -> None:
    back = undo(PLAN, 1, begun(PLAN))
    step = next(s for s in steps(back, MoveTag) if s.tag == "prod")
    assert (step.revision, step.source, step.parts, step.create) == ("1-27-9", "1-28-10", ("webhook",), ())
    removed = [o.ref.name for s in steps(back, RemoveObjects) for o in s.objects]
    assert "istiod-revision-tag-prod" in removed
    assert "istio-revision-tag-prod" not in removed


def test_a_created_default_tag_goes_once_what_served_before_it_is_restored() -> None:
    made = plan(unnamed(), "1.28.10")
    back = undo(made, 1, begun(made))
    restore = next(steps(back, Restore))
    assert [r.name for r in restore.refs] == ["istio-sidecar-injector"]
    assert restore.folder == "backup/h1"
    gone = [o.ref.name for s in steps(back, RemoveObjects) for o in s.objects if "tag-default" in o.ref.name]
    assert gone == ["istio-revision-tag-default"]
    assert position(back, "what served without tag default") < position(back, "tag default: 1 objects")
    assert position(back, "the default validator: 1-28-10 -> default") >= 0
    assert next(steps(back, RelabelNamespace)).labels == {"istio.io/rev": None, "istio-injection": "enabled"}


def test_an_istioctl_gateway_is_restored_and_never_deleted() -> None:
    made = plan(shop().ingress_gateway("1.27.9", on="1-27-9"), "1.28.10", gateway=True)
    back = undo(made, 1, begun(made))
    assert "istio-ingressgateway" in {r.name for s in steps(back, Restore) for r in s.refs}
    assert "istio-ingressgateway" not in {o.ref.name for s in steps(back, RemoveObjects) for o in s.objects}


def test_the_control_plane_that_the_hop_made_is_removed_and_definitions_stay() -> None:
    fresh = {o.ref.kind.kind for s in steps(undo(PLAN, 1, begun(PLAN)), RemoveObjects) for o in s.objects}
    assert "CustomResourceDefinition" not in fresh
    assert "Deployment" in fresh


def test_an_adopted_control_plane_is_left_where_it_was() -> None:
    made = plan(shop().plane("1.28.10"), "1.28.10")
    removed = {str(o.ref) for s in steps(undo(made, 1, begun(made)), RemoveObjects) for o in s.objects}
    assert "Deployment istio-system/istiod-1-28-10" not in removed
    assert "MutatingWebhookConfiguration istio-sidecar-injector-1-28-10" not in removed


def test_the_gates_of_the_way_back_ask_for_the_old_revision() -> None:
    back = undo(PLAN, 1, begun(PLAN))
    asked = [p for w in back.hops[0].waves for i in w.items for p in getattr(i.action, "probes", ())]
    assert {p.revision for p in asked if isinstance(p, WorkloadsOn)} == {"1-27-9"}


def test_once_the_removal_has_begun_there_is_no_way_back() -> None:
    every = frozenset(i.id for i in PLAN.hops[0].items())
    with pytest.raises(UpgradeError) as refused:
        undo(PLAN, 1, every)
    assert refused.value.code == "UPG-0803"
