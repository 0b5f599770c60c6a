"""How far a route leads on one cluster, and what comes first for the rest."""

from __future__ import annotations

import pytest

from upgrader.catalog import load_catalog, window
from upgrader.model.version import Version
from upgrader.planning.route import explicit, route
from upgrader.planning.routes.reach import Reach, reach
from upgrader.planning.routes.rest import rest_of_the_way

CATALOG = load_catalog()


def way(start: int, end: int, server: str, plugin: str = "") -> Reach:
    minors = [f"1.{minor}" for minor in range(start + 1, end + 1)]
    return reach(f"1.{start}", minors, server, CATALOG, Version.parse(plugin) if plugin else None)


def later(found: Reach) -> list[tuple[str, str]]:
    """What Kubernetes must be, and how far it leads then."""
    return [(str(stage.kubernetes), stage.minors[-1]) for stage in found.later]


def test_a_kubernetes_that_serves_every_hop_ends_no_route() -> None:
    found = way(12, 18, "v1.24.0")
    assert (len(found.now), found.later, found.first) == (6, (), None)


def test_where_no_kubernetes_serves_the_whole_chain_the_route_ends_and_names_the_one_that_comes_first() -> (
    None
):
    found = way(12, 18, "v1.22.17")
    assert found.now[-1] == "1.16"
    assert later(found) == [("1.24 to 1.25", "1.18")]


def test_a_long_way_has_several_stretches_each_as_long_as_one_kubernetes_goes() -> None:
    assert later(way(20, 30, "v1.28.1")) == [("1.32", "1.30")]
    assert [to for _, to in later(way(12, 31, "v1.20.1"))] == ["1.20", "1.28", "1.31"]


def test_where_one_kubernetes_serves_every_hop_the_whole_route_waits_for_it() -> None:
    found = way(17, 20, "v1.24.17")
    assert (found.now, found.later) == (("1.18", "1.19", "1.20"), ())
    assert str(found.first) == "1.25 to 1.26"


def test_nothing_can_be_done_where_not_even_the_first_hop_is_served() -> None:
    found = way(12, 31, "v1.16.1")
    assert found.now == ()
    assert found.later[0].kubernetes is not None


def test_a_server_that_says_no_version_ends_no_route() -> None:
    assert way(12, 31, "nonsense").later == ()


def test_a_server_is_never_taken_back() -> None:
    assert str(window(CATALOG, ["1.27", "1.28"])) == "1.30 to 1.33"
    assert str(window(CATALOG, ["1.27", "1.28"], "v1.32.5")) == "1.32 to 1.33"
    assert window(CATALOG, ["1.27", "1.28"], "v1.34.0") is None
    assert window(CATALOG, ["1.11"]) is None


def test_the_node_plugin_ends_a_route_before_it_would_be_two_minors_behind() -> None:
    found = way(27, 30, "v1.33.1", "1.27.9")
    assert found.now == ("1.28",)
    assert [(s.plugin, s.kubernetes, s.minors[-1]) for s in found.later] == [(True, None, "1.30")]
    assert way(27, 30, "v1.33.1", "1.29.8").later == ()


def test_the_rest_of_the_way_is_told_with_every_command() -> None:
    [found] = rest_of_the_way("1.12", way(12, 31, "v1.20.1"), "v1.20.1", CATALOG)
    assert found.code == "UPG-0113"
    assert found.hop == 4
    assert found.summary == "Istio 1.31: this plan ends at 1.16; before 1.17, Kubernetes must be 1.25"
    assert "Istio 1.12 supports none after 1.22" in found.why
    assert [line.rpartition(" --to ")[2] for line in found.do] == ["1.20", "1.28", "1.31"]
    assert "tried" in found.what[1]


def test_the_rest_of_the_way_names_the_node_plugin() -> None:
    [found] = rest_of_the_way("1.27", way(27, 30, "v1.33.1", "1.27.9"), "v1.33.1", CATALOG)
    assert found.summary == "Istio 1.30: this plan ends at 1.28; before 1.29, istio-cni has to follow"
    assert "too old for istiod 1.29" in found.why
    assert "move istio-cni" in found.do[0]
    assert "Kubernetes" not in found.do[0]


def test_a_whole_way_has_no_rest() -> None:
    assert list(rest_of_the_way("1.12", way(12, 18, "v1.24.0"), "v1.24.0", CATALOG)) == []


def versions(*texts: str) -> list[Version]:
    return [Version.parse(text) for text in texts]


@pytest.mark.parametrize(
    ("offer", "best"),
    [
        (("1.29.1", "1.29.3"), "1.29.1"),  # 1.29.3 has a known fault
        (("1.29.3", "1.29.6"), "1.29.6"),
        (("1.29.2", "1.29.3"), "1.29.3"),  # nothing else is there; a check refuses it
        (("1.29.3", "1.29.7-rc.1"), "1.29.3"),
    ],
)
def test_a_release_with_a_known_fault_is_taken_only_where_nothing_else_is(
    offer: tuple[str, ...], best: str
) -> None:
    here, to = versions("1.28.10", "1.29")
    assert [str(v) for v in route(here, to, versions(*offer), CATALOG)] == [best]
    assert [str(v) for v in explicit(here, [to], versions(*offer), CATALOG)] == [best]


def test_a_floor_of_the_running_minor_is_reached_first_by_a_hop_of_its_own() -> None:
    here, to, floor = versions("1.17.1", "1.18", "1.17.3")
    offer = versions("1.17.2", "1.17.5", "1.17.8", "1.18.7")
    assert [str(v) for v in route(here, to, offer, CATALOG, floor)] == ["1.17.8", "1.18.7"]
    assert [str(v) for v in route(floor, to, offer, CATALOG, floor)] == ["1.18.7"]
    assert [str(v) for v in route(here, to, versions("1.17.2", "1.18.7"), CATALOG, floor)] == ["1.18.7"]


def test_floors_hold_for_the_minors_and_the_meshes_that_they_name() -> None:
    def unmet(leaving: str, entering: str, *when: str) -> list[str]:
        found = CATALOG.unmet(Version.parse(leaving), entering, when)
        return [f"{floor.id} {oldest}" for floor, oldest in found]

    assert unmet("1.17.2", "1.18", "managed-gateways") == ["gateway-controllers-1.18 1.17.3"]
    assert unmet("1.17.3", "1.18", "managed-gateways") == []
    assert unmet("1.17.2", "1.18") == []
    assert unmet("1.16.4", "1.17", "managed-gateways") == []
    assert unmet("1.29.4", "1.30", "gateways-move") == ["gateways-emptied 1.29.5"]
    assert unmet("1.29.5", "1.30", "gateways-move") == []
    assert unmet("1.29.4", "1.29", "gateways-move") == []
