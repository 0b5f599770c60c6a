"""Who owns what: helm, kubectl, istioctl, several at once; a default validator that asks somebody else."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml

from tests.journeys.meshes.building import Site, named, site
from tests.journeys.meshes.proving import prove, proxies, remains
from tests.journeys.meshes.refusing import refusal
from upgrader.sandbox.charts.manifests import render, render_tag
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.store import Obj
from upgrader.sandbox.world import World, path_of

pytestmark = [pytest.mark.journey, pytest.mark.slow]

VALIDATOR = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istiod-default-validator"


def updated(here: Site, text: str, manager: str) -> None:
    """Create the objects of *text* by POST, as helm before 4 and ``kubectl create`` do, under *manager*."""
    local = here.world.local("admin", manager)
    for obj in filter(None, yaml.load_all(text, Loader=yaml.CSafeLoader)):
        path = path_of(here.world, obj)
        if local.get(path) is None:
            local.create(f"{path.rpartition('/')[0]}?fieldManager={manager}", obj)
        else:
            local.patch(f"{path}?fieldManager={manager}", orjson.dumps(obj), "application/merge-patch+json")
    here.wait(2)


def installed_by(definitions: str, rest: str, version: str = "1.27.9", kubernetes: str = "1.33") -> Site:
    """A mesh whose objects were created by POST; *definitions* with ``apply:`` before them by server-side apply."""
    release = Release(version, named(version), kubernetes=kubernetes)
    here = Site(World(kubernetes=kubernetes), release).namespace("istio-system").namespace("plain")
    files = render(release)
    if definitions.startswith("apply:"):
        here.apply(files["crds.yaml"], definitions.removeprefix("apply:"))
    else:
        updated(here, files["crds.yaml"], definitions)
    for text in (
        files["base.yaml"],
        files["istiod.yaml"],
        render_tag("prod", release),
        render_tag("default", release),
    ):
        updated(here, text, rest)
    return filled(here)


def filled(here: Site) -> Site:
    """Two namespaces, bound by a label and by a tag."""
    here.namespace("lab", rev=here.release.name).deployment("lab/api").namespace("shop", rev="prod")
    return here.deployment("shop/cart", 2).wait()


@pytest.mark.parametrize(
    ("definitions", "rest"),
    [
        ("helm", "helm"),
        ("kubectl-client-side-apply", "kubectl-client-side-apply"),
        ("kubectl-client-side-apply", "helm"),
        ("apply:istio-operator", "helm"),
    ],
)
def test_shared_objects_are_written_as_whoever_owns_each_of_them(
    definitions: str, rest: str, tmp_path: Path
) -> None:
    here = installed_by(definitions, rest)
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.28.10"), backs=1)
    assert proof.wrong == []
    assert remains(proof.journey.world, "1-27-9") == []


def test_helm_on_an_old_release(tmp_path: Path) -> None:
    here = installed_by("helm", "helm", "1.20.8", "1.29")
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.21.6"))
    assert proof.wrong == []


def test_definitions_with_two_owners_block_the_plan(tmp_path: Path) -> None:
    here = installed_by("helm", "helm")
    here.apply(render(here.release)["crds.yaml"], "somebody")
    assert "somebody" in refusal(here, tmp_path, "1.28.10")["UPG-0329"].summary


def asking(here: Site, revision: str, policy: str = "Ignore") -> Site:
    """The default validator asks *revision*, whether it is there or not."""
    hook: Obj = {
        "name": "validation.istio.io",
        "clientConfig": {
            "service": {"name": f"istiod-{revision}", "namespace": "istio-system", "path": "/validate"}
        },
        "rules": [
            {
                "operations": ["CREATE"],
                "apiGroups": ["networking.istio.io"],
                "apiVersions": ["*"],
                "resources": ["*"],
            }
        ],
        "failurePolicy": policy,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return here.patch(VALIDATOR, {"metadata": {"labels": {"istio.io/rev": revision}}, "webhooks": [hook]})


def test_a_validator_that_asked_nobody_asks_the_new_revision_and_can_be_taken_back(tmp_path: Path) -> None:
    here = filled(asking(site("1.28.10", tags=("prod", "default")), "1-26-0"))
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"), backs=2)
    assert proof.wrong == []


def test_a_validator_that_refuses_everything_blocks_the_plan(tmp_path: Path) -> None:
    here = filled(asking(site("1.28.10", tags=("prod",)), "1-26-0", "Fail"))
    assert refusal(here, tmp_path, "1.29.6")["UPG-0322"].subject == "istiod-default-validator"


def test_a_validator_at_a_third_revision_moves_and_that_revision_stays(tmp_path: Path) -> None:
    here = filled(asking(site("1.28.10", tags=("prod", "default")).plane("1.28.8"), "1-28-8"))
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proxies(proof.journey.world).keys() == {"1.29.6"}
    assert remains(proof.journey.world, "1-28-10") == []
    assert any("istiod-1-28-8" in name for name in remains(proof.journey.world, "1-28-8"))


def test_without_a_validator_none_is_made_and_none_is_expected(tmp_path: Path) -> None:
    here = filled(site("1.28.10", tags=("prod", "default")).delete(VALIDATOR))
    proof = prove(here, tmp_path, here.manifests(tmp_path, "1.29.6"))
    assert proof.wrong == []
    assert proof.journey.world.local().get(VALIDATOR) is None
