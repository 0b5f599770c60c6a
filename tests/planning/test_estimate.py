"""How long, with which rights, and in which form on disk."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tests.meshes import shop
from tests.planning.planned import PLAYBOOK, plan
from upgrader.planning.outlook.estimate import estimate, estimate_hop
from upgrader.planning.permissions import Ground, needed

PLAN = plan(shop(), "1.28.10")


def test_soaks_are_counted_whole_and_approvals_apart() -> None:
    assert PLAN.expected is not None
    span = PLAN.expected.length
    assert timedelta(minutes=20) < span.shortest < span.longest
    assert PLAN.expected.approvals == 1


def test_workloads_at_once_make_a_plan_shorter() -> None:
    one_by_one = msgspec.structs.replace(
        PLAYBOOK, waves=(msgspec.structs.replace(PLAYBOOK.waves[1], at_once=1),)
    )
    both = msgspec.structs.replace(PLAYBOOK, waves=(msgspec.structs.replace(PLAYBOOK.waves[1], at_once=4),))
    assert (
        estimate(plan(shop(), "1.28.10", playbook=both)).longest
        < estimate(plan(shop(), "1.28.10", playbook=one_by_one)).longest
    )


def test_two_hops_take_as_long_as_both() -> None:
    both = plan(shop(), "1.28.10", "1.29.6")
    assert estimate(both).longest == sum(
        (estimate_hop(h, both.outlook).longest for h in both.hops), timedelta(0)
    )


def test_each_right_is_named_once_with_its_object() -> None:
    found = [str(p) for p in needed(PLAN, Ground())]
    assert len(found) == len(set(found))
    for right in (
        "patch namespaces sandbox",
        "patch deployments.apps cart in shop",
        "create pods in shop",
        "patch gateways.gateway.networking.k8s.io web in istio-ingress",
        "delete deployments.apps istiod-1-27-9 in istio-system",
        "patch mutatingwebhookconfigurations.admissionregistration.k8s.io istio-revision-tag-prod",
        "create services in istio-system",
        "get pods/proxy in istio-system",
    ):
        assert right in found


def test_an_empty_plan_needs_no_rights() -> None:
    assert needed(plan(shop("1.28.10"), "1.28.10"), Ground()) == ()
