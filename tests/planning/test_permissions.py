"""Which rights each phase of a plan has: enough, none twice, and none that is another phase's."""

from __future__ import annotations

from functools import cache

import pytest

from tests.meshes import mesh, shop
from tests.planning.planned import plan
from upgrader.model.change import HOME
from upgrader.model.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, ROLE, X_LISTENER_SET, Kind, Ref
from upgrader.planning.expect import expectations
from upgrader.planning.permissions import Grant, Ground, Permission, Phase, grants, needed, phases
from upgrader.planning.permissions.permission import smallest
from upgrader.planning.plan import Plan
from upgrader.probes.admission.accepted import is_validated

MESH = shop().snapshot()
GROUND = Ground.of(MESH)
TWO = plan(MESH, "1.28.10", "1.29.6")


@cache
def found() -> dict[str, Phase]:
    return {phase.name: phase for phase in phases(TWO, GROUND, expectations(MESH))}


def waves() -> list[Phase]:
    return [phase for phase in found().values() if phase.sort == "wave"]


def texts(name: str) -> set[str]:
    return {str(right) for right in found()[name].rights}


def test_phases_follow_the_waves_of_the_plan() -> None:
    hop = ["backup", "install", "canary", "rest", "gateways", "tags", "retire", "rollback"]
    more = ["look-more", "look-secrets"]
    assert list(found()) == [
        "look",
        *more,
        "verify",
        *(f"h1-{one}" for one in hop),
        *(f"h2-{one}" for one in hop),
    ]


def test_whoever_only_looks_may_write_nothing() -> None:
    assert {right.verb for right in found()["look"].rights} == {"get", "list"}


def test_listeners_that_a_gateway_takes_along_may_be_read_and_labelled_one_by_one() -> None:
    alpha = {"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}
    made = mesh().plane("1.28.10", env=alpha).tag("default", "1-28-10").namespace("edge").namespace("shop")
    made = made.api_gateway("edge/web", made_by="1-28-10").listener_set("shop/extra", "edge/web")
    snapshot = made.having(kinds=(X_LISTENER_SET,)).snapshot()
    rights = {p.name: p.rights for p in phases(plan(snapshot, "1.29.6", alpha=True), Ground.of(snapshot))}
    one = Permission("patch", X_LISTENER_SET, "shop", "extra")
    assert [name for name, given in rights.items() if one in given] == ["h1-pins", "h1-tags", "h1-rollback"]
    assert Permission("list", X_LISTENER_SET, "") in rights["look"]


def test_whoever_verifies_may_create_what_is_asked_by_dry_run_and_nothing_else() -> None:
    writes = [r for r in found()["verify"].rights if r.verb not in {"get", "list"}]
    assert {r.verb for r in writes} == {"create"}
    assert {r.kind.plural for r in writes if not is_validated(r.kind)} == {"pods", "pods/portforward"}
    assert "virtualservices" in {r.kind.plural for r in writes if is_validated(r.kind)}


def test_a_wave_may_change_its_own_namespaces_and_workloads_alone() -> None:
    changed = {
        (r.kind.kind, r.namespace, r.name)
        for r in found()["h1-canary"].rights
        if r.verb == "patch" and r.namespace != HOME
    }
    assert changed == {("Deployment", "sandbox", "httpbin"), ("Namespace", "", "sandbox")}


def test_only_retiring_and_going_back_may_delete() -> None:
    able = {phase.name for phase in found().values() if any(r.verb == "delete" for r in phase.rights)}
    assert able == {"h1-retire", "h1-rollback", "h2-retire", "h2-rollback"}


def test_roles_of_istiod_are_written_with_the_right_to_grant_more_than_one_holds() -> None:
    granting = [right for right in found()["h1-install"].rights if right.verb in {"escalate", "bind"}]
    assert {right.verb for right in granting} == {"escalate", "bind"}
    assert all(right.name for right in granting)
    able = {p.name for p in found().values() if any(r.verb in {"escalate", "bind"} for r in p.rights)}
    assert able <= {f"h{hop}-{name}" for hop in (1, 2) for name in ("install", "rollback")}


def test_a_binding_is_asked_about_in_its_own_namespace() -> None:
    binds = {str(r) for r in found()["h1-install"].rights if r.verb == "bind"}
    assert "bind roles.rbac.authorization.k8s.io istiod-1-28-10 in istio-system" in binds
    assert "bind clusterroles.rbac.authorization.k8s.io istiod-clusterrole-1-28-10-istio-system" in binds


def test_what_is_applied_may_be_created_under_its_own_name_only() -> None:
    made = [r for r in found()["h1-install"].rights if r.verb == "create" and r.kind == DEPLOYMENT]
    assert [str(r) for r in made] == ["create deployments.apps istiod-1-28-10 in istio-system"]


def test_records_are_written_in_our_own_namespace_alone() -> None:
    for phase in waves():
        free = {
            r.namespace
            for r in phase.rights
            if r.verb in {"create", "patch"} and r.kind == CONFIG_MAP and not r.name
        }
        assert free == {HOME}


def test_the_lock_is_made_by_the_first_phase_and_held_by_all() -> None:
    assert "create leases.coordination.k8s.io in istio-upgrade" in texts("h1-backup")
    for phase in waves():
        assert "patch leases.coordination.k8s.io lock in istio-upgrade" in texts(phase.name)
        made = "create leases.coordination.k8s.io in istio-upgrade" in texts(phase.name)
        assert made is (phase.name == "h1-backup")


def test_our_namespace_is_made_only_where_it_is_missing() -> None:
    assert GROUND.homeless
    assert Permission("create", NAMESPACE) in needed(TWO, GROUND)
    there = shop().namespace(HOME).snapshot()
    assert Permission("create", NAMESPACE) not in needed(TWO, Ground.of(there))


def test_a_whole_run_needs_what_its_phases_need_together_and_to_go_back() -> None:
    asked = {next(right.broader()) for right in needed(TWO, GROUND)}
    for phase in found().values():
        if phase.sort in {"wave", "rollback"}:
            assert all(any(one in asked for one in right.broader()) for right in phase.rights), phase.name


def test_a_phase_is_asked_for_exactly_what_its_roles_hold() -> None:
    one = plan(MESH, "1.28.10")
    over: set[str] = set()
    for phase in phases(one, GROUND):
        if phase.sort != "wave":
            continue
        assert needed(one, GROUND, until=phase.wave, settled=over) == phase.rights
        over |= {item.id for _, wave, item in one.items() if wave.name == phase.wave}


@pytest.mark.parametrize("until", ["hop", "retire", ""])
def test_what_stops_early_needs_no_rights_of_what_comes_later(until: str) -> None:
    later = {str(r) for r in needed(TWO, GROUND, until=until) if "1-29-6" in r.name}
    assert bool(later) is (until == "")


def test_no_right_is_contained_in_another_so_that_each_is_missed() -> None:
    for phase in found().values():
        known = {next(right.broader()) for right in phase.rights}
        for right in phase.rights:
            assert [one for one in right.broader() if one in known] == [next(right.broader())]


def test_a_broader_right_makes_a_narrower_one_superfluous() -> None:
    wide, narrow = Permission("list", POD), Permission("list", POD, "shop")
    other = Permission("get", POD, "shop", "p")
    assert smallest([narrow, wide, other, narrow]) == (other, wide)


def test_a_kind_counts_once_in_whichever_version() -> None:
    old = Kind("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
    new = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
    assert len(smallest([Permission("list", old), Permission("list", new)])) == 1


def test_rules_are_as_few_as_say_exactly_that() -> None:
    rights = [
        *(Permission(verb, CONFIG_MAP, "a", name) for verb in ("get", "patch") for name in ("x", "y")),
        Permission("list", CONFIG_MAP, "a"),
        Permission("list", POD, "a"),
        Permission("list", POD),
        Permission("escalate", ROLE, "a", "r"),
    ]
    cluster, space = grants(rights)
    assert (cluster.namespace, cluster.rules) == ("", (Grant("", ("pods",), ("list",)),))
    assert (space.namespace, space.rules) == (
        "a",
        (
            Grant("", ("configmaps",), ("get", "patch"), ("x", "y")),
            Grant("", ("configmaps", "pods"), ("list",)),
            Grant("rbac.authorization.k8s.io", ("roles",), ("escalate",), ("r",)),
        ),
    )


def test_rules_give_back_the_rights_that_they_were_made_of() -> None:
    for phase in found().values():
        again = {
            (verb, (rule.group, plural), role.namespace, name)
            for role in grants(phase.rights)
            for rule in role.rules
            for verb in rule.verbs
            for plural in rule.resources
            for name in rule.names or ("",)
        }
        assert again == {next(right.broader()) for right in phase.rights}


def test_services_elsewhere_that_a_webhook_calls_may_be_looked_at() -> None:
    ref = Ref(Kind("", "v1", "services", "Service"), "istiod", "istio-two")
    rights = {str(r) for p in phases(TWO, Ground(called=(ref,))) for r in p.rights if p.name == "h1-tags"}
    assert {"get services istiod in istio-two", "get endpoints istiod in istio-two"} <= rights


def test_waves_whose_names_are_written_alike_are_told_apart() -> None:
    import msgspec

    hop = TWO.hops[0]
    alike = tuple(
        msgspec.structs.replace(w, name=n) for w, n in zip(hop.waves, ["a b", "a-b", "ü"], strict=False)
    )
    odd: Plan = msgspec.structs.replace(TWO, hops=(msgspec.structs.replace(hop, waves=alike),))
    assert [p.name for p in phases(odd, GROUND) if p.sort == "wave"] == ["h1-a-b", "h1-a-b-2", "h1-wave"]
