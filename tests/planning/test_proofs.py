"""Before anything of a wave restarts: which dry-run pods are sent, and for whom each of them speaks."""

from __future__ import annotations

from tests.meshes import Mesh, mesh, shop
from tests.planning.planned import plan
from upgrader.model.kinds import POD
from upgrader.planning.permissions import Ground, Permission, phases
from upgrader.planning.plan import Gate, Plan, Planned
from upgrader.probes import NextPodsOn
from upgrader.steps import MoveTag, RelabelNamespace, RestartWorkload

OFF = {"sidecar.istio.io/inject": "false"}


def proofs(made: Plan) -> list[Planned]:
    """The gates that ask about next pods."""
    return [item for _, _, item in made.items() if asked(item)]


def asked(item: Planned) -> list[NextPodsOn]:
    gate = item.action
    return [p for p in gate.probes if isinstance(p, NextPodsOn)] if isinstance(gate, Gate) else []


def probes(made: Plan) -> list[NextPodsOn]:
    return [probe for item in proofs(made) for probe in asked(item)]


def bound(count: int = 3) -> Mesh:
    made = mesh().plane("1.27.9").default_validator("1-27-9").namespace("istio-system")
    made = made.namespace("shop", rev="1-27-9")
    for number in range(count):
        made = made.deployment(f"shop/app-{number:03}", proxies=1)
    return made


def test_it_stands_behind_what_binds_and_before_every_restart_of_its_wave() -> None:
    for hop in plan(shop(), "1.28.10", "1.29.6").hops:
        for wave in hop.waves:
            kinds = [type(i.action) for i in wave.items if not isinstance(i.action, Gate) or asked(i)]
            if RestartWorkload not in kinds:
                assert Gate not in kinds
                continue
            assert kinds.count(Gate) == 1
            where = kinds.index(Gate)
            assert RestartWorkload not in kinds[:where]
            assert not {RelabelNamespace, MoveTag} & set(kinds[where:])


def test_every_workload_that_restarts_is_asked_about_once() -> None:
    made = plan(shop(), "1.28.10")
    restarted = [i.action.ref for _, _, i in made.items() if isinstance(i.action, RestartWorkload)]
    assert sorted(ref for p in probes(made) for ref in p.workloads) == sorted(restarted)


def test_workloads_that_ask_alike_are_one_pod_however_many_they_are() -> None:
    made = plan(bound(300), "1.28.10")
    (probe,) = probes(made)
    assert (len(probe.workloads), [ref.name for ref in probe.asked]) == (300, ["app-000"])
    (gate,) = proofs(made)
    assert gate.title == "gate: who injects 300 workloads next, by 1 dry-run pod, before any restart"


def test_templates_that_differ_in_what_decides_are_asked_about_each() -> None:
    made = bound().deployment("shop/yes", proxies=1, template={"sidecar.istio.io/inject": "true"})
    made = made.deployment("shop/other", proxies=1, template={"team": "checkout"})
    (probe,) = probes(plan(made, "1.28.10"))
    assert [ref.name for ref in probe.asked] == ["app-000", "yes"]


def test_a_label_that_the_restart_sets_and_an_image_of_its_own_go_into_the_question() -> None:
    pinned = "registry.corp/istio/proxyv2:1.28.10"
    made = bound(1).namespace("plain").deployment("plain/a", proxies=1, template={"istio.io/rev": "1-27-9"})
    found = probes(plan(made.deployment("shop/pinned", proxies=1, pins=pinned), "1.28.10"))
    told = {p.workloads[0].name: (p.revision, p.image, p.former, p.labels) for p in found}
    image = "docker.io/istio/proxyv2:1.28.10"
    assert told == {
        "app-000": ("1-28-10", image, "1-27-9", {}),
        "pinned": ("1-28-10", pinned, "1-27-9", {}),
        "a": ("1-28-10", image, "1-27-9", {"istio.io/rev": "1-28-10"}),
    }


def test_who_refuses_a_proxy_in_such_a_namespace_is_to_stay_without() -> None:
    made = (
        bound(1).deployment("shop/off", template=OFF).namespace("else").deployment("else/off", template=OFF)
    )
    found = {p.revision: [ref.name for ref in p.workloads] for p in probes(plan(made, "1.28.10"))}
    assert found == {"1-28-10": ["app-000"], "": ["off"]}


def test_pods_may_be_created_where_one_is_asked_for_and_nowhere_else() -> None:
    made = bound(1).namespace("bank", rev="1-27-9").deployment("bank/ledger", proxies=1)
    made = made.namespace("off", rev="1-27-9").deployment("off/a", proxies=1, template={"istio.io/rev": "x"})
    snapshot = made.snapshot()
    planned = plan(snapshot, "1.28.10")
    wave = next(p for p in phases(planned, Ground.of(snapshot)) if p.wave == "rest")
    spaces = {r.namespace for r in wave.rights if (r.verb, r.kind) == ("create", POD)}
    assert {ref.namespace for p in probes(planned) for ref in p.asked} <= spaces
    assert Permission("get", probes(planned)[0].workloads[0].kind, "shop", "app-000") in wave.rights
