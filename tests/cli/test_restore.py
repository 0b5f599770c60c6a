"""``upgrade restore``: what a backup has goes back, all of it or what is named, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Desk

pytestmark = pytest.mark.slow

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
TAG = "istio-revision-tag-prod"
ROUTES = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"


@pytest.fixture
def damaged(desk: Callable[..., Desk]) -> tuple[Desk, str]:
    """A run that made its backup; then somebody deletes a tag and a route."""
    shop = desk()
    plan = shop.plan("--to", "1.28")
    said = shop.type("apply", str(plan), "--until", "h1.02", "--yes")
    assert said.code == 0, said.text
    (run,) = (place.name for place in (shop.place / "runs").iterdir() if place.is_dir())
    kubectl = shop.world.local()
    kubectl.delete(f"{WEBHOOKS}/{TAG}")
    kubectl.delete(f"{ROUTES}/shop")
    return shop, run


def there(shop: Desk) -> tuple[bool, bool]:
    """Whether tag and route are there."""
    kubectl = shop.world.local()
    return kubectl.get(f"{WEBHOOKS}/{TAG}") is not None, kubectl.get(f"{ROUTES}/shop") is not None


def test_a_dry_run_says_what_differs_and_changes_nothing(damaged: tuple[Desk, str]) -> None:
    shop, run = damaged
    said = shop.type("restore", run, "--dry-run")
    assert said.code == 0
    assert "2 objects differ from the backup of hop 1" in said.out
    assert f"MutatingWebhookConfiguration {TAG}" in said.out
    assert "VirtualService shop/shop" in said.out
    assert there(shop) == (False, False)


@pytest.mark.parametrize(
    "name", [f"MutatingWebhookConfiguration/{TAG}", f"mutatingwebhookconfiguration {TAG}"]
)
def test_what_is_named_goes_back_and_nothing_else(damaged: tuple[Desk, str], name: str) -> None:
    shop, run = damaged
    said = shop.type("restore", run, "--only", name, "--yes")
    assert said.code == 0, said.text
    assert "Put back 1 object;" in said.out
    assert there(shop) == (True, False)


def test_a_name_that_the_backup_lacks_is_refused_with_the_nearest(damaged: tuple[Desk, str]) -> None:
    shop, run = damaged
    said = shop.type("restore", run, "--only", "VirtualService/shop/shops", "--yes")
    assert said.code == 64
    assert "did you mean VirtualService/shop/shop?" in " ".join(said.err.split())
    assert there(shop) == (False, False)


def test_all_of_it_goes_back_once(damaged: tuple[Desk, str]) -> None:
    shop, run = damaged
    assert shop.type("restore", run, "--yes").code == 0
    assert there(shop) == (True, True)
    before = shop.writes()
    assert "0 objects differ" in shop.type("restore", run, "--yes").out
    assert shop.writes() == before
