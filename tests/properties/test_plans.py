"""Whatever a mesh looks like, no step of its plan leaves a gateway or a pod without exactly one revision."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, given, settings

from tests.meshes import Mesh, mesh
from tests.planning.planned import begun, plan
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import LISTENER_SET, X_LISTENER_SET
from upgrader.model.playbook import WaveRule
from upgrader.model.snapshot import Snapshot
from upgrader.planning.foresight.forecast import Forecast
from upgrader.planning.foresight.foresee import after
from upgrader.planning.foresight.listeners import attached, missing, reads, served
from upgrader.planning.hop.scope import cut_waves, selects
from upgrader.planning.inverse import undo
from upgrader.planning.plan import Plan
from upgrader.steps import RemoveObjects, RestartWorkload

pytestmark = pytest.mark.slow
SOURCES = {
    "1.26.8": "1.27.9", "1.27.9": "1.28.10", "1.28.10": "1.29.6", "1.29.6": "1.30.3", "1.30.1": "1.31.0-rc.0",
    "1.30.3": "1.31.0-rc.0",
}  # fmt: skip
"""Both that empty Gateways, one that does and one that does not, and two that do not, with ListenerSets of either kind."""
NEXT = {"1.27.9": "1.28.10", "1.28.10": "1.29.6", "1.29.6": "1.30.3"}
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def meshes(draw: st.DrawFn) -> tuple[Mesh, str]:
    """A healthy mesh with every way of being bound, and the version that it runs."""
    version = draw(st.sampled_from(sorted(SOURCES)))
    revision = "default" if draw(st.booleans()) else version.replace(".", "-")
    alpha = {"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}
    made = mesh().plane(version, revision, env=alpha).namespace("istio-system")
    tags = draw(st.sets(st.sampled_from(["prod", "blue"])))
    for tag in sorted(tags):
        made = made.tag(tag, revision, service_at=revision if draw(st.booleans()) else None)
    default = revision != "default" and draw(st.booleans())
    made = made.tag("default", revision) if default else made.default_validator(revision)
    names = [revision, *sorted(tags)]
    injected = revision == "default" or default
    for number in range(draw(st.integers(1, 5))):
        made = _namespace(draw, made, f"ns{number}", names, injected=injected)
    kind = LISTENER_SET if version.startswith("1.30") else X_LISTENER_SET
    for name in draw(st.sets(st.sampled_from(["ns0/a", "ns1/b", "istio-system/c"]))):
        asked = draw(st.sampled_from([None, revision, *sorted(tags)]))
        made = made.listener_set(name, draw(st.sampled_from(["ns0/web", "ns1/web"])), rev=asked, kind=kind)
    return made, version


def _namespace(draw: st.DrawFn, made: Mesh, name: str, names: list[str], *, injected: bool) -> Mesh:
    bound = draw(st.sampled_from([*names, None, *(["enabled"] if injected else [])]))
    if bound == "enabled":
        made = made.namespace(name, injection="enabled")
    else:
        made = made.namespace(name, rev=bound)
    ways: list[dict[str, str]] = [{}] if bound else [{"istio.io/rev": n} for n in names]
    if not bound and injected:
        ways.append({"sidecar.istio.io/inject": "true"})
    for number in range(draw(st.integers(0, 3))):
        template = draw(st.sampled_from(ways))
        if draw(st.booleans()):
            made = made.deployment(f"{name}/app{number}", proxies=1, template=template)
        else:
            made = made.injected_gateway(f"{name}/gw{number}", template=template)
    if draw(st.booleans()):
        asked = draw(st.sampled_from([None, *names]))
        kind = draw(st.sampled_from(["istio", "istio", "istio-waypoint"]))
        made = made.api_gateway(f"{name}/web", rev=asked, class_name=kind)
    return made


def forecasts(made: Plan, start: Forecast) -> list[Forecast]:
    """The forecast after each step."""
    found = [start]
    for _, _, item in made.items():
        found.append(after(found[-1], item.action, start))
    return found


@SOME
@given(meshes())
def test_every_gateway_has_one_owner_after_every_step(drawn: tuple[Mesh, str]) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    start = Forecast.of(snapshot)
    gateways = [g for g in snapshot.api_gateways if len(start.owners(g)) == 1]
    made = plan(snapshot, SOURCES[version], alpha=True)
    for moment in forecasts(made, start):
        for gateway in gateways:
            assert len(moment.owners(gateway)) <= 1
            assert len(moment.claimants(gateway)) >= 1
    last = forecasts(made, start)[-1]
    assert all(last.owners(g) == {SOURCES[version].replace(".", "-")} for g in gateways)


@SOME
@given(meshes())
def test_whoever_has_a_gateway_reads_what_adds_to_it_after_every_step(drawn: tuple[Mesh, str]) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    start = Forecast.of(snapshot)
    pairs = [pair for pair in attached(snapshot) if served(start, pair)]
    made = plan(snapshot, SOURCES[version], alpha=True)
    assert not any(missing(moment, pair) for moment in forecasts(made, start) for pair in pairs)
    last = forecasts(made, start)[-1]
    for _, listeners in pairs if SOURCES[version] != "1.30.3" else ():  # that one reads another kind
        assert reads(last, SOURCES[version].replace(".", "-"), listeners)


@SOME
@given(meshes(), st.data())
def test_taking_a_hop_back_hides_no_listeners_from_whoever_has_their_gateway(
    drawn: tuple[Mesh, str], data: st.DataObject
) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    start = moment = Forecast.of(snapshot)
    pairs = [pair for pair in attached(snapshot) if served(start, pair)]
    made = plan(snapshot, SOURCES[version], alpha=True)
    before_retire = [item for _, _, item in made.items() if item.id in begun(made)]
    some = before_retire[: data.draw(st.integers(0, len(before_retire)))]
    for item in some:
        moment = after(moment, item.action, start)
    for _, _, item in undo(made, 1, frozenset(i.id for i in some)).items():
        moment = after(moment, item.action, start)
        assert not any(missing(moment, pair) for pair in pairs), item.title


@SOME
@given(meshes())
def test_every_workload_has_one_injector_after_every_step(drawn: tuple[Mesh, str]) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    start = Forecast.of(snapshot)
    members = [w for w in snapshot.workloads if len(start.next_proxy(w).revisions) == 1]
    made = plan(snapshot, SOURCES[version], alpha=True)
    for moment in forecasts(made, start):
        for workload in members:
            assert len(moment.next_proxy(workload).revisions) == 1


@SOME
@given(meshes())
def test_every_member_restarts_once_and_is_foreseen_on_the_new_revision(drawn: tuple[Mesh, str]) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    start = Forecast.of(snapshot)
    made = plan(snapshot, SOURCES[version], alpha=True)
    assert not [f for f in made.findings if f.blocks and "ListenerSet" not in f.subject]
    restarted = [str(i.action.ref) for _, _, i in made.items() if isinstance(i.action, RestartWorkload)]
    members = [str(w.ref) for w in snapshot.workloads if start.next_proxy(w).winner]
    assert sorted(restarted) == sorted(members)
    assert sum(isinstance(i.action, RemoveObjects) for _, _, i in made.items()) == 1


@SOME
@given(meshes())
def test_the_second_hop_ends_where_a_plan_from_there_would_find_nothing(drawn: tuple[Mesh, str]) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    first, second = SOURCES[version], NEXT.get(SOURCES[version], "")
    assume(second)
    made = plan(snapshot, first, second, alpha=True)
    start = Forecast.of(snapshot)
    last = forecasts(made, start)[-1]
    assert set(last.versions) == {second.replace(".", "-")}
    for workload in snapshot.workloads:
        if start.next_proxy(workload).winner:
            assert last.next_proxy(workload).revisions == (second.replace(".", "-"),)


@SOME
@given(meshes(), st.data())
def test_taking_back_any_beginning_of_a_hop_leads_to_where_it_began(
    drawn: tuple[Mesh, str], data: st.DataObject
) -> None:
    snapshot, version = drawn[0].snapshot(), drawn[1]
    made = plan(snapshot, SOURCES[version], alpha=True)
    start = Forecast.of(snapshot)
    before_retire = [item for _, _, item in made.items() if item.id in begun(made)]
    some = before_retire[: data.draw(st.integers(0, len(before_retire)))]
    moment = start
    for item in some:
        moment = after(moment, item.action, start)
    back = undo(made, 1, frozenset(i.id for i in some))
    for _, _, item in back.items():
        moment = after(moment, item.action, start)
    assert facts(moment, snapshot) == facts(start, snapshot)


def facts(moment: Forecast, snapshot: Snapshot) -> tuple[object, ...]:
    """All that a forecast answers; webhooks by what they do, not by how they are written."""
    return (
        moment.namespaces,
        moment.tags,
        moment.versions,
        moment.gateways,
        moment.listeners,
        moment.templates,
        moment.frozen,
        moment.default_validator,
        moment.switched_off,
        [moment.next_proxy(w).revisions for w in snapshot.workloads],
        [moment.owners(g) for g in snapshot.api_gateways],
    )


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))


@given(st.dictionaries(st.text("nm", min_size=1, max_size=4), LABELS), st.lists(LABELS, max_size=4))
def test_each_namespace_is_in_exactly_one_wave_the_first_that_selects_it(
    namespaces: dict[str, dict[str, str]], selectors: list[dict[str, str]]
) -> None:
    rules = [WaveRule(name=f"w{n}", select=labels) for n, labels in enumerate(selectors)]
    if any(not any(selects(r, n, labels) for r in rules) for n, labels in namespaces.items()):
        with pytest.raises(UpgradeError, match="UPG-0012"):
            cut_waves(namespaces, rules)
        return
    cut = cut_waves(namespaces, rules)
    assert sorted(n for members in cut.values() for n in members) == sorted(namespaces)
    for rule in rules:
        for name in cut[rule.name]:
            first = next(r.name for r in rules if selects(r, name, namespaces[name]))
            assert first == rule.name
