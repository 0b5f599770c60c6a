"""What a user reads about proxies that are not in sync, before and after a move."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import Desk
from upgrader.sandbox.world import World

pytestmark = pytest.mark.slow

Desks = Callable[..., Desk]
FORWARD = ("pods/portforward",)


def trouble(world: World, app: str, text: str) -> str:
    """Let one pod of an application say so; its name."""
    pod = next(p for p in world.store.list("", "pods", "shop") if p["metadata"]["name"].startswith(f"{app}-"))
    meta = pod["metadata"]
    notes = {**(meta.get("annotations") or {}), "sandbox.upgrader/sync": text}
    world.store.put(("", "pods", "shop", meta["name"]), {**pod, "metadata": {**meta, "annotations": notes}})
    return str(meta["name"])


def test_verify_says_that_all_proxies_are_in_sync(desk: Desks) -> None:
    said = desk().type("verify")
    assert said.code == 0, said.text
    assert "connected to 1-27-9, all in sync" in " ".join(said.out.split())


def test_verify_names_the_proxy_that_rejects_and_why(desk: Desks) -> None:
    shop = desk()
    name = trouble(shop.world, "cart", "rejects; words=no such field")
    said = shop.type("verify")
    assert said.code == 5, said.text
    assert f"1 proxy rejects its configuration from 1-27-9: {name}.shop: Listener: no such field" in " ".join(
        said.out.split()
    )


def test_verify_names_the_proxy_that_has_not_taken_the_last_push(desk: Desks) -> None:
    shop = desk()
    name = trouble(shop.world, "cart", "stale")
    said = shop.type("verify", "-o", "json")
    (found,) = [p for p in json.loads(said.out)["probes"] if "in sync" in p["probe"]]
    assert (found["verdict"], found["facts"]["stale"]) == ("pending", "1")
    assert found["summary"].endswith(f"{name}.shop")


def test_who_may_not_forward_is_told_in_the_plan_and_stopped_by_nothing(desk: Desks) -> None:
    shop = desk()
    assert "UPG-0350" not in shop.type("plan", "--to", "1.28").text

    shop.world.api.rbac.deny("admin", resources=FORWARD)
    plan = shop.type("plan", "--to", "1.28")
    assert plan.code == 0, plan.text
    assert "UPG-0350" in plan.out
    verified = shop.type("verify")
    assert verified.code == 0, verified.text
    words = " ".join(verified.out.split())
    assert "whether they are in sync could not be seen: not allowed to use pods/portforward" in words
    assert "all in sync" not in words
    assert shop.writes() == []
