"""How many pods of a workload go at a time, as Kubernetes' own controllers reckon it."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.model import kinds
from upgrader.model.kinds import Kind, Ref
from upgrader.model.rolling import Rolling, rolling
from upgrader.model.snapshot import Workload


def of(kind: Kind, replicas: int, **fields: Any) -> Rolling:
    settings: dict[str, Any] = {"strategy": "RollingUpdate"} | fields
    return rolling(Workload(ref=Ref(kind, "cart", "shop"), uid="1", replicas=replicas, **settings))


@pytest.mark.parametrize(
    ("replicas", "limits", "expected"),
    [
        (4, ("", ""), (3, 1, 2)),
        (3, ("", ""), (3, 1, 3)),  # a quarter of 3 is none that may be missing, and one more
        (1, ("", ""), (1, 1, 1)),
        (10, ("", ""), (8, 3, 2)),
        (1, ("0", "1"), (0, 0, 1)),
        (2, ("0", "25%"), (1, 0, 2)),  # both are none, so one goes first
        (2, ("1%", "0"), (2, 1, 2)),
        (4, ("100%", "0"), (4, 4, 1)),
        (4, ("0", "100%"), (0, 0, 1)),
        (0, ("", ""), (0, 0, 0)),
    ],
)
def test_a_deployment_keeps_and_adds_what_its_limits_say(
    replicas: int, limits: tuple[str, str], expected: tuple[int, int, int]
) -> None:
    found = of(kinds.DEPLOYMENT, replicas, max_surge=limits[0], max_unavailable=limits[1])
    assert (found.lowest, found.extra, found.batches) == expected
    assert not found.ends_first


def test_recreate_keeps_none() -> None:
    found = of(kinds.DEPLOYMENT, 5, strategy="Recreate")
    assert (found.lowest, found.batches, found.ends_first) == (0, 1, True)


@pytest.mark.parametrize(
    ("replicas", "partition", "unavailable", "expected"),
    [
        (5, 0, "", (4, 5)),
        (1, 0, "", (0, 1)),
        (5, 2, "", (4, 3)),
        (5, 9, "", (5, 0)),
        (10, 0, "25%", (8, 5)),
        (3, 0, "10%", (2, 3)),
    ],
)
def test_a_stateful_set_goes_one_by_one_from_the_last_to_its_partition(
    replicas: int, partition: int, unavailable: str, expected: tuple[int, int]
) -> None:
    found = of(kinds.STATEFUL_SET, replicas, partition=partition, max_unavailable=unavailable)
    assert (found.lowest, found.batches) == expected
    assert found.ends_first
    assert not found.extra


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (("", ""), (9, 0, 10)),
        (("", "25%"), (7, 0, 4)),
        (("25%", "0"), (10, 3, 4)),
        (("0", "2"), (8, 0, 5)),
    ],
)
def test_a_daemon_set_goes_node_by_node_and_its_shares_are_rounded_up(
    limits: tuple[str, str], expected: tuple[int, int, int]
) -> None:
    found = of(kinds.DAEMON_SET, 10, max_surge=limits[0], max_unavailable=limits[1])
    assert (found.lowest, found.extra, found.batches) == expected
    assert found.per_node
    assert found.ends_first is not bool(found.extra)


@pytest.mark.parametrize("held", [{"strategy": "OnDelete"}, {"paused": True}])
def test_what_is_held_replaces_no_pod(held: dict[str, Any]) -> None:
    found = of(kinds.DEPLOYMENT, 3, **held)
    assert (found.pods, found.lowest, found.batches) == (0, 3, 0)
