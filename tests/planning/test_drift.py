"""A plan that no longer fits says which fact, and which steps."""

from __future__ import annotations

import msgspec

from tests.meshes import mesh, shop
from tests.planning.planned import plan
from upgrader.model.injector import InjectorSettings
from upgrader.model.snapshot import Snapshot
from upgrader.planning.drift import GONE, Difference, drifted
from upgrader.planning.preconditions import preconditions

PLAN = plan(shop(), "1.28.10", "1.29.6")


def with_rev(snapshot: Snapshot, name: str, value: str) -> Snapshot:
    found = tuple(
        msgspec.structs.replace(n, labels=n.labels | {"istio.io/rev": value}) if n.name == name else n
        for n in snapshot.namespaces
    )
    return msgspec.structs.replace(snapshot, namespaces=found)


def test_the_same_mesh_has_not_drifted() -> None:
    assert drifted(PLAN, shop().snapshot()) == ()


def test_scaling_and_replaced_pods_are_no_drift() -> None:
    scaled = shop().pods_of("shop/cart", 4, on="1-27-9")
    assert drifted(PLAN, scaled.snapshot()) == ()


def test_a_label_that_somebody_moved_elsewhere_names_the_step_that_it_breaks() -> None:
    found = drifted(PLAN, with_rev(shop().snapshot(), "sandbox", "mine"))
    assert [(d.subject, d.expected, d.found, d.safe) for d in found] == [
        ("namespace sandbox", "1-27-9", "mine", False)
    ]
    titles = {i.id: i.title for _, _, i in PLAN.items()}
    assert titles[found[0].steps[0]] == "namespace sandbox: istio.io/rev 1-27-9 -> 1-28-10"


def test_a_label_that_is_already_as_wanted_only_means_fewer_steps() -> None:
    (found,) = drifted(PLAN, with_rev(shop().snapshot(), "sandbox", "1-28-10"))
    assert found.safe


def test_a_label_at_the_target_of_a_later_hop_is_not_safe() -> None:
    (found,) = drifted(PLAN, with_rev(shop().snapshot(), "sandbox", "1-29-6"))
    assert not found.safe


def test_the_new_control_plane_may_be_there_already_in_the_planned_version_only() -> None:
    right = drifted(PLAN, shop().plane("1.28.10").snapshot())
    assert right
    assert all(d.safe for d in right)
    wrong = drifted(PLAN, shop().plane("1.28.6", "1-28-10").snapshot())
    assert any(not d.safe and d.fact == "image" for d in wrong)


def test_what_istiod_decides_by_itself_may_not_change_but_in_the_revision_that_is_installed() -> None:
    own = InjectorSettings(never=({"matchLabels": {"app": "cart"}},))
    found = drifted(PLAN, shop().having(injector_settings={"1-27-9": own}).snapshot())
    assert [(d.subject, d.fact, d.expected, d.safe) for d in found] == [
        ("istiod 1-27-9", "injection", GONE, False)
    ]
    there = shop().plane("1.28.10").having(injector_settings={"1-27-9": InjectorSettings(), "1-28-10": own})
    assert all(d.safe for d in drifted(PLAN, there.snapshot()))


def test_a_new_workload_in_the_mesh_and_one_that_is_gone_are_drift() -> None:
    more = drifted(PLAN, shop().deployment("shop/new", proxies=1).snapshot())
    assert [(d.subject, d.expected) for d in more] == [("Deployment shop/new", GONE)]
    bare = mesh().plane("1.27.9").namespace("a", rev="1-27-9")
    made = plan(bare, "1.28.10")
    with_one = bare.deployment("a/b", proxies=1)
    assert drifted(plan(with_one, "1.28.10"), mesh().plane("1.27.9").namespace("a", rev="1-27-9").snapshot())
    assert drifted(made, with_one.snapshot())


def test_a_changed_strategy_and_a_new_pin_are_drift() -> None:
    one = mesh().plane("1.27.9").namespace("a", rev="1-27-9")
    made = plan(one.deployment("a/b", proxies=1), "1.28.10")
    other = (
        mesh()
        .plane("1.27.9")
        .namespace("a", rev="1-27-9")
        .deployment("a/b", proxies=1, strategy="Recreate", pins="x:1")
    )
    assert {d.fact for d in drifted(made, other.snapshot())} == {
        "strategy",
        "annotation sidecar.istio.io/proxyImage",
    }


def test_a_changed_istiod_image_names_the_steps_of_that_revision() -> None:
    found = [d for d in drifted(PLAN, shop("1.27.8").snapshot()) if d.subject == "istiod 1-27-9"]
    assert {d.found for d in found} == {GONE}
    assert all(d.steps for d in found)


def test_facts_are_sorted_and_unique() -> None:
    facts = preconditions(shop().snapshot())
    assert list(facts) == sorted(set(facts))
    assert isinstance(drifted(PLAN, mesh().snapshot())[0], Difference)
