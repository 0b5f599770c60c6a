"""What an istiod decides by its own selectors and policy, as planning foresees it and gates ask about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tests.meshes import Mesh, mesh
from tests.planning.planned import plan, release, steps
from upgrader.model.codec import decode, encode
from upgrader.model.injector import InjectorSettings
from upgrader.planning.expect import expectations
from upgrader.planning.plan import Gate, Plan
from upgrader.playbook.configured import configured, injecting
from upgrader.playbook.manifests import Release
from upgrader.probes import Injects, NextPodsOn, RevisionIdle
from upgrader.steps import RestartWorkload
from upgrader.survey import snapshot_digest

OLD, NEW = "1-27-9", "1-28-10"
CARTS = ({"matchLabels": {"app": "cart"}},)
NEVER, QUIET = InjectorSettings(never=CARTS), InjectorSettings(policy="disabled")


def deciding(version: str, **config: Any) -> Release:
    """The manifests of *version* with another configuration of their injector."""
    found = release(version)
    return msgspec.structs.replace(found, documents=tuple(_edited(d, config) for d in found.documents))


def _edited(document: Any, config: Mapping[str, Any]) -> Any:
    body = document.body
    if body["kind"] != "ConfigMap" or "config" not in (body.get("data") or {}):
        return document
    usual: dict[str, Any] = {
        "policy": "enabled",
        "neverInjectSelector": [],
        "alwaysInjectSelector": [],
        "templates": {},
    }
    data = body["data"] | {"config": json.dumps({**usual, **config})}
    return msgspec.structs.replace(document, body=body | {"data": data})


def bound(settings: InjectorSettings | None = None) -> Mesh:
    made = mesh().plane("1.27.9").default_validator(OLD).namespace("istio-system").namespace("shop", rev=OLD)
    return made.having(injector_settings={OLD: settings} if settings else {})


def planned(made: Mesh, **config: Any) -> Plan:
    return plan(made, "1.28.10", releases={"1.28.10": deciding("1.28.10", **config)})


def probes(made: Plan, kind: type[Any]) -> list[Any]:
    gates = [item.action for _, _, item in made.items() if isinstance(item.action, Gate)]
    return [probe for gate in gates for probe in gate.probes if isinstance(probe, kind)]


def restarted(made: Plan) -> list[str]:
    return [step.ref.name for step in steps(made, RestartWorkload)]


def test_manifests_say_what_their_istiod_decides() -> None:
    found = deciding("1.28.10", neverInjectSelector=list(CARTS))
    assert injecting(found) == configured(found).injecting == NEVER
    assert injecting(release("1.28.10")) == InjectorSettings()
    assert injecting(deciding("1.28.10", policy=["enabled"])) is None


def test_whom_the_new_istiod_refuses_is_not_restarted_and_stands_in_the_way() -> None:
    made = bound().deployment("shop/cart", proxies=1).deployment("shop/web", proxies=1)
    found = planned(made, neverInjectSelector=list(CARTS))
    assert restarted(found) == ["web"]
    [blocked] = [f for f in found.findings if f.blocks]
    assert (blocked.code, blocked.subject) == ("UPG-0328", "shop/cart")
    assert "neverInjectSelector of istiod 1-28-10 matches" in blocked.summary
    assert not planned(made).blocked


def test_whom_both_refuse_is_expected_without_a_proxy_and_both_decisions_go_into_the_gates() -> None:
    made = bound(NEVER).deployment("shop/cart").deployment("shop/web", proxies=1)
    found = planned(made, neverInjectSelector=list(CARTS))
    assert not found.blocked
    assert restarted(found) == ["web"]
    told = {p.revision: [ref.name for ref in p.workloads] for p in probes(found, NextPodsOn)}
    assert told == {"": ["cart"], NEW: ["web"]}
    both = {OLD: NEVER, NEW: NEVER}
    assert all(p.settings == both for p in (*probes(found, NextPodsOn), *probes(found, RevisionIdle)))
    assert decode(encode(found), Plan) == found


def test_pods_that_differ_in_what_istiod_looks_at_are_asked_about_each() -> None:
    made = bound().deployment("shop/api", proxies=1).deployment("shop/web", proxies=1)
    (probe,) = probes(planned(made), NextPodsOn)
    assert [ref.name for ref in probe.asked] == ["api"]
    (probe,) = probes(planned(made, neverInjectSelector=[{"matchLabels": {"app": "other"}}]), NextPodsOn)
    assert [ref.name for ref in probe.asked] == ["api", "web"]


def test_what_the_charts_install_is_written_into_no_plan() -> None:
    made = bound(InjectorSettings()).deployment("shop/cart", proxies=1)
    found = planned(made)
    assert all(p.settings is msgspec.UNSET for p in probes(found, NextPodsOn))
    assert b"alwaysInject" not in encode(found)
    assert snapshot_digest(made.snapshot()) == snapshot_digest(made.having(injector_settings={}).snapshot())
    assert snapshot_digest(made.snapshot()) != snapshot_digest(
        made.having(injector_settings={OLD: NEVER}).snapshot()
    )


def test_where_only_what_asks_is_injected_the_gates_ask() -> None:
    asks = {"sidecar.istio.io/inject": "true"}
    made = bound(QUIET).deployment("shop/cart", proxies=1, template=asks).deployment("shop/web")
    found = planned(made, policy="disabled")
    assert not found.blocked
    assert restarted(found) == ["cart"]
    cases = [case for probe in probes(found, Injects) for case in probe.cases if case.namespace == "shop"]
    assert {(case.revision, *case.labels.items()) for case in cases} == {
        (OLD, *asks.items()),
        (NEW, *asks.items()),
    }


@pytest.mark.parametrize("own", [True, False])
def test_a_workload_that_nobody_injects_keeps_no_revision_by_its_label(own: bool) -> None:
    made = mesh().plane("1.27.9").default_validator(OLD).namespace("istio-system").namespace("free")
    made = made.deployment("free/cart", template={"istio.io/rev": OLD})
    settings = {OLD: NEVER} if own else {}
    found = planned(made.having(injector_settings=settings), neverInjectSelector=list(CARTS))
    assert restarted(found) == []
    assert bool([f for f in found.findings if f.code == "UPG-0328"]) is not own


def test_verify_asks_about_a_pod_that_runs_with_a_proxy_and_would_not_get_one_any_more() -> None:
    made = bound().deployment("shop/cart", proxies=1).having(injector_settings={OLD: NEVER})
    cases = [c for p in expectations(made.snapshot()) if isinstance(p, Injects) for c in p.cases]
    [lost] = [c for c in cases if "shop/cart" in c.about]
    assert (lost.revision, lost.labels) == (OLD, {"app": "cart"})
