"""Our own small manifests have the objects, names, labels and selectors that upstream's charts render."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from upgrader.sandbox.charts.manifests import (
    render,
    render_gateway,
    render_ingress_gateway,
    render_tag,
    render_version,
)
from upgrader.sandbox.charts.release import Release

DATA = os.environ.get("UPGRADER_TEST_DATA", "")
FOLDER = Path(DATA or "/nonexistent") / "manifests"
VERSIONS = sorted(path.name for path in FOLDER.iterdir()) if DATA else []
SHAPED = [version for version in VERSIONS if (FOLDER / version / "istio-ingressgateway.yaml").exists()]
needs_upstream = pytest.mark.skipif(
    not DATA, reason="UPGRADER_TEST_DATA is not set, so upstream's manifests are not there"
)

Obj = dict[str, Any]


def _objects(text: str) -> list[Obj]:
    return [obj for obj in yaml.load_all(text, Loader=yaml.CSafeLoader) if obj]


def _upstream(version: str, file: str) -> list[Obj]:
    return _objects((FOLDER / version / file).read_text())


def _place(obj: Obj) -> tuple[str, str, str, str]:
    meta = obj["metadata"]
    return obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"]


def _places(objects: list[Obj]) -> set[tuple[str, str, str, str]]:
    return {_place(obj) for obj in objects}


def _labels(objects: list[Obj]) -> dict[tuple[str, str, str, str], Obj]:
    return {_place(obj): _numberless(obj["metadata"].get("labels", {})) for obj in objects}


def _numberless(labels: Obj) -> Obj:
    """Charts rendered from source carry the number 1.0.0; published ones that of their release."""
    version = "app.kubernetes.io/version"
    return labels | {key: "" for key in (version, "helm.sh/chart") if key in labels}


def _selectors(objects: list[Obj]) -> Iterator[tuple[str, str, Any, Any]]:
    for obj in objects:
        for hook in obj.get("webhooks") or []:
            name, service = hook["name"], hook["clientConfig"]["service"]["name"]
            yield name, service, _terms(hook.get("namespaceSelector")), _terms(hook.get("objectSelector"))


def _terms(selector: Obj | None) -> list[str]:
    return sorted(map(repr, (selector or {}).get("matchExpressions", [])))


@needs_upstream
@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", ["crds.yaml", "base.yaml", "istiod.yaml"])
def test_a_release_has_the_objects_and_labels_of_upstream(version: str, file: str) -> None:
    ours, theirs = _objects(render_version(version)[file]), _upstream(version, file)
    assert _places(ours) == _places(theirs)
    assert _labels(ours) == _labels(theirs)


@needs_upstream
@pytest.mark.parametrize("version", VERSIONS)
def test_the_webhooks_of_a_release_select_what_upstream_selects(version: str) -> None:
    ours, theirs = _objects(render_version(version)["istiod.yaml"]), _upstream(version, "istiod.yaml")
    assert sorted(map(repr, _selectors(ours))) == sorted(map(repr, _selectors(theirs)))


@needs_upstream
@pytest.mark.parametrize("version", VERSIONS)
def test_custom_resources_serve_and_store_what_upstream_serves(version: str) -> None:
    def served(objects: list[Obj]) -> dict[str, set[tuple[str, bool, bool]]]:
        return {
            obj["metadata"]["name"]: {(v["name"], v["served"], v["storage"]) for v in obj["spec"]["versions"]}
            for obj in objects
        }

    ours, theirs = _objects(render_version(version)["crds.yaml"]), _upstream(version, "crds.yaml")
    assert served(ours) == served(theirs)


@needs_upstream
@pytest.mark.parametrize("version", VERSIONS)
def test_the_istiod_pods_of_a_release_are_labelled_and_selected_as_upstream_does(version: str) -> None:
    def shape(objects: list[Obj]) -> tuple[Any, ...]:
        istiod = next(obj for obj in objects if obj["kind"] == "Deployment")
        service = next(obj for obj in objects if obj["kind"] == "Service")
        template = istiod["spec"]["template"]
        container = template["spec"]["containers"][0]
        env = {e["name"]: e.get("value") for e in container["env"]}
        return (
            istiod["spec"]["selector"],
            _numberless(template["metadata"]["labels"]),
            service["spec"]["selector"],
            container["image"],
            env["REVISION"],
        )

    ours, theirs = _objects(render_version(version)["istiod.yaml"]), _upstream(version, "istiod.yaml")
    assert shape(ours) == shape(theirs)


@needs_upstream
@pytest.mark.parametrize("version", SHAPED)
def test_an_unrevisioned_release_has_the_objects_of_upstream(version: str) -> None:
    ours = _objects(render_version(version, "")["istiod.yaml"])
    theirs = _upstream(version, "istiod-unrevisioned.yaml")
    assert _places(ours) == _places(theirs)
    assert sorted(map(repr, _selectors(ours))) == sorted(map(repr, _selectors(theirs)))


@needs_upstream
@pytest.mark.parametrize("version", SHAPED)
def test_an_ingress_gateway_has_the_objects_of_upstream(version: str) -> None:
    release = Release(version, version.replace(".", "-"), kubernetes="1.30")
    ours = _objects(render_ingress_gateway(release))
    assert _places(ours) == _places(_upstream(version, "istio-ingressgateway.yaml"))


def _columns(objects: list[Obj]) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    return {
        (crd["metadata"]["name"], version["name"]): [
            (one["name"], one["type"], one["jsonPath"])
            for one in version.get("additionalPrinterColumns") or ()
        ]
        for crd in objects
        for version in crd["spec"]["versions"]
    }


@needs_upstream
@pytest.mark.parametrize("version", VERSIONS)
def test_kubectl_shows_the_columns_of_upstream(version: str) -> None:
    ours = _columns(_objects(render_version(version)["crds.yaml"]))
    theirs = _columns(_upstream(version, "crds.yaml"))
    assert {place: theirs.get(place) for place in ours} == ours


def test_virtual_services_show_their_gateways_and_hosts() -> None:
    found = _columns(_objects(render_version("1.28.10")["crds.yaml"]))
    shown = [name for name, *_ in found["virtualservices.networking.istio.io", "v1"]]
    assert shown == ["Gateways", "Hosts", "Age"]
    assert found["gateways.networking.istio.io", "v1"] == []


@pytest.mark.parametrize("version", ["1.27.9", "1.28.10"])
def test_a_tag_has_a_service_from_1_28_on(version: str) -> None:
    release = Release(version, version.replace(".", "-"))
    kinds = [obj["kind"] for obj in _objects(render_tag("prod", release))]
    assert ("Service" in kinds) == (version == "1.28.10")
    assert "ValidatingWebhookConfiguration" in [o["kind"] for o in _objects(render_tag("default", release))]


def test_an_injected_gateway_leaves_its_image_to_whoever_injects_it() -> None:
    release = Release("1.28.10", "1-28-10")
    objects = _objects(render_gateway(release, "istio-ingressgateway", "istio-ingress"))
    deployment = next(obj for obj in objects if obj["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "auto"


def test_marks_of_the_installer_tell_istioctl_from_helm() -> None:
    found = {
        who: _objects(render(Release("1.17.8", installer=who))["istiod.yaml"])[0]["metadata"]["labels"]
        for who in ("helm", "istioctl")
    }
    assert "operator.istio.io/managed" in found["istioctl"]
    assert "operator.istio.io/managed" not in found["helm"]
