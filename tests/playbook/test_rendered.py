"""What istioctl rendered is whole and known to a later istioctl; an overlay sets options, and nothing of the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.accepting import accepts
from tests.istioctl import rendered
from upgrader.model.errors import UpgradeError
from upgrader.model.version import Version
from upgrader.playbook.manifests import documents_of, load_releases, part_of
from upgrader.playbook.overlay import read_overlay
from upgrader.playbook.rendered import defaults_of, lacking, with_owner_labels

VERSION = Version.parse("1.28.10")
OWNER = {
    "install.operator.istio.io/owning-resource-namespace": "istio-system",
    "istio.io/rev": "1-28-10",
    "operator.istio.io/component": "Pilot",
    "operator.istio.io/managed": "Reconcile",
    "operator.istio.io/version": "1.28.10",
}


def test_own_objects_get_the_labels_of_an_installation_and_shared_ones_stay_as_they_are() -> None:
    before = rendered("1.28.10").encode()
    after = with_owner_labels(before, VERSION, "istio-system")
    pairs = list(zip(documents_of(before), documents_of(after), strict=True))
    for old, new in pairs:
        if part_of(old) != "control-plane":
            assert new == old
            continue
        assert OWNER.items() <= new["metadata"]["labels"].items()
        assert {**new, "metadata": {**new["metadata"], "labels": old["metadata"].get("labels")}} == old
    assert sum(part_of(old) == "control-plane" for old, _ in pairs) > 10


def test_a_label_that_is_there_is_kept() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "istiod-x", "labels": {"operator.istio.io/component": "Other", "app": "istiod"}},
    }
    (after,) = documents_of(with_owner_labels(yaml.safe_dump(body).encode(), VERSION, "istio-system"))
    assert after["metadata"]["labels"]["operator.istio.io/component"] == "Other"


@pytest.mark.parametrize("kind", ["ServiceAccount", "Service", "MutatingWebhookConfiguration"])
def test_a_control_plane_without_one_of_its_parts_is_not_whole(tmp_path: Path, kind: str) -> None:
    kept = [
        b
        for b in documents_of(rendered("1.28.10"))
        if b["kind"] != kind or "istiod" not in str(b["metadata"])
    ]
    kept = [b for b in kept if not (b["kind"] == kind and part_of(b) == "control-plane")]
    (tmp_path / "1.28.10").mkdir()
    (tmp_path / "1.28.10" / "istiod.yaml").write_text(yaml.safe_dump_all(kept))
    assert lacking(load_releases(tmp_path, [VERSION])["1.28.10"]) == (kind,)


def test_the_defaults_of_a_release_are_those_that_it_wrote_down() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "values-1-28-10"},
        "data": {"merged-values": '{"global": {"x": 1}}'},
    }
    assert defaults_of(yaml.safe_dump(body).encode()) == {"global": {"x": 1}}
    assert defaults_of(b"") == {}


OPERATOR = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec:\n  "


def test_an_overlay_is_one_istio_operator(tmp_path: Path) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(OPERATOR + "values: {global: {logAsJson: true}}\n")
    with accepts("UPG-0110"):
        found = read_overlay(path)
    assert found.spec == {"values": {"global": {"logAsJson": True}}}
    assert len(found.digest) == 64


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (OPERATOR + "revision: mine\n", "spec.revision"),
        (OPERATOR + "tag: 1.28.10\n", "spec.tag"),
        (OPERATOR + "profile: demo\n", "spec.profile"),
        (OPERATOR + "values: {global: {tag: x}}\n", "spec.values.global.tag"),
        ("kind: Deployment\n", "not one IstioOperator"),
        (OPERATOR + "a: 1\n---\n" + OPERATOR + "a: 1\n", "not one IstioOperator"),
        ("{", "while parsing"),
        (
            OPERATOR + "values: {}\n  hub: a\n  values: {a: 1}\n",
            "key 'values' is said twice, in lines 4 and 6",
        ),
        (
            OPERATOR + "values: {pilot: {env: {A: 1, B: 2, A: 3}}}\n",
            "key 'A' is said twice, in lines 4 and 4",
        ),
        (OPERATOR + "[]\n", "not a mapping"),
        (None, "No such file"),
    ],
)
def test_anything_else_is_none(tmp_path: Path, text: str | None, what: str) -> None:
    path = tmp_path / "overlay.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UpgradeError, match="UPG-0110") as refused:
        read_overlay(path)
    assert what in refused.value.what[0] or what in str(refused.value.what)
