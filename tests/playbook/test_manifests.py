"""A folder of manifests: sorted by what each object is, refused when it is not of one named revision."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from upgrader.model.errors import UpgradeError
from upgrader.model.version import Version
from upgrader.playbook.manifests import Release, load_releases
from upgrader.sandbox.charts.manifests import render_ingress_gateway, render_tag, render_version
from upgrader.sandbox.charts.release import Release as Rendered

VERSION = Version.parse("1.28.10")
GATEWAY_CHART = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: istio-ingressgateway, namespace: istio-ingress}
"""


def folder(place: Path, **files: str) -> Path:
    (place / "1.28.10").mkdir(parents=True)
    for name, text in files.items():
        (place / "1.28.10" / f"{name}.yaml").write_text(text)
    return place


def rendered(**more: str) -> dict[str, str]:
    return {name.removesuffix(".yaml"): text for name, text in render_version("1.28.10").items()} | more


def load(place: Path) -> Release:
    return load_releases(place, [VERSION])["1.28.10"]


def refusal(place: Path) -> UpgradeError:
    with pytest.raises(UpgradeError) as refused:
        load(place)
    return refused.value


def names(release: Release, part: str) -> set[str]:
    return {f"{d.body['kind']}/{d.body['metadata']['name']}" for d in release.documents if d.part == part}


def test_a_release_is_sorted_into_its_parts(tmp_path: Path) -> None:
    new = Rendered("1.28.10", "1-28-10")
    text = render_ingress_gateway(new)
    found = load(
        folder(tmp_path, **rendered(ingress=text, tag=render_tag("default", new), chart=GATEWAY_CHART))
    )
    assert found.revision == "1-28-10"
    assert "ServiceAccount/istio-reader-service-account" in names(found, "base")
    assert {
        "Deployment/istiod-1-28-10",
        "ClusterRole/istio-reader-clusterrole-1-28-10-istio-system",
    } <= names(found, "control-plane")
    assert "Deployment/istio-ingressgateway" in names(found, "ingress-gateway")
    assert {
        "MutatingWebhookConfiguration/istio-revision-tag-default",
        "ValidatingWebhookConfiguration/istiod-default-validator",
        "Role/istio-ingressgateway",
    } <= names(found, "other")
    assert all(name.startswith("CustomResourceDefinition/") for name in names(found, "crds"))


def test_every_document_is_found_again_by_file_and_place(tmp_path: Path) -> None:
    found = load(folder(tmp_path, **rendered()))
    for file in found.files:
        assert file.startswith("manifests/1.28.10/")
        assert [d.index for d in found.documents if d.file == file] == list(
            range(sum(d.file == file for d in found.documents))
        )


def test_a_missing_folder_and_a_missing_version_are_told_apart(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none").code == "UPG-0010"
    missing = refusal(tmp_path)
    assert missing.code == "UPG-0105"
    assert "manifest generate" in missing.do[0]


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "just words", "kind: X\nmetadata: {name: y}", "a: b\n---\n\x00"]
)
def test_half_a_manifest_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(folder(tmp_path, **rendered(zz=text))).code == "UPG-0010"


def test_a_key_that_is_said_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    once = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: x}\n"
    assert load(folder(tmp_path / "once", **rendered(zz=once))).documents
    twice = refusal(folder(tmp_path / "twice", **rendered(zz=once + "data: {b: x}\n")))
    assert (twice.code, twice.what) == ("UPG-0010", ("key 'data' is said twice, in lines 4 and 5",))


def test_another_version_another_revision_and_none_are_refused(tmp_path: Path) -> None:
    other = {n.removesuffix(".yaml"): t for n, t in render_version("1.28.6").items()}
    assert "its istiod image" in refusal(folder(tmp_path / "a", **other)).what[0]
    unnamed = {n.removesuffix(".yaml"): t for n, t in render_version("1.28.10", "").items()}
    assert "without a revision" in refusal(folder(tmp_path / "b", **unnamed)).what[0]
    two = rendered(second=render_version("1.28.10", "other")["istiod.yaml"])
    assert "2 istiod Deployments" in refusal(folder(tmp_path / "c", **two)).what[0]
    assert "0 istiod Deployments" in refusal(folder(tmp_path / "d")).what[0]


def test_an_empty_document_and_a_list_are_unfolded(tmp_path: Path) -> None:
    text = "---\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c}\n"
    found = load(folder(tmp_path, **rendered(zz=text)))
    assert [d.index for d in found.documents if d.file.endswith("zz.yaml")] == [0]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.13.9", "1.17.8", "1.22.8", "1.26.8", "1.28.10", "1.30.3"])
def test_real_manifests_are_sorted_without_a_stranger_in_the_control_plane(
    tmp_path: Path, version: str
) -> None:
    data = os.environ.get("UPGRADER_TEST_DATA")
    if not data:
        pytest.skip("UPGRADER_TEST_DATA names no folder with rendered Istio manifests")
    (tmp_path / version).mkdir()
    for name in ("base", "crds", "istiod", "cni", "gateway"):
        shutil.copyfile(
            Path(data) / "manifests" / version / f"{name}.yaml", tmp_path / version / f"{name}.yaml"
        )
    release = load_releases(tmp_path, [Version.parse(version)])[version]
    suffix = Version.parse(version).revision
    assert all(suffix in str(d.body["metadata"]["name"]) for d in release.part("control-plane"))
    assert not any(suffix in str(d.body["metadata"]["name"]) for d in release.part("base"))
