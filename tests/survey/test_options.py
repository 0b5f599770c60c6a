"""What the running control plane was installed with: from its values, from an IstioOperator, or not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.survey.conftest import Shelf
from upgrader.cluster.read import control_plane_of
from upgrader.model.failures import Forbidden
from upgrader.model.kinds import Kind, Obj
from upgrader.survey.options import Installed, installed_options

OPERATOR = Kind("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator")


def read(*objects: Obj, revision: str = "1-25-5", refuse: bool = False) -> Installed:
    shelf = Shelf(objects)
    shelf.serve(OPERATOR)
    if refuse:
        shelf.trouble = lambda *_: Forbidden("configmaps is forbidden", status=403)
    labels = {"app": "istiod"} | ({} if revision == "default" else {"istio.io/rev": revision})
    container = {"name": "discovery", "image": "docker.io/istio/pilot:1.25.5"}
    deployment = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": labels},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    return installed_options(shelf, control_plane_of(deployment), shelf.kinds())


def values(name: str, text: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "istio-system"},
        "data": {"original-values": text, "merged-values": '{"a": 1}'},
    }


def operator(name: str, **spec: Any) -> Obj:
    return {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": name, "namespace": "istio-system"},
        "spec": spec,
    }


@pytest.mark.parametrize(("revision", "name"), [("1-25-5", "values-1-25-5"), ("default", "values")])
def test_values_that_the_charts_left_behind(revision: str, name: str) -> None:
    found = read(values(name, json.dumps({"global": {"logAsJson": True}})), revision=revision)
    assert found.spec == {"values": {"global": {"logAsJson": True}}}
    assert found.source == f"ConfigMap istio-system/{name}"


def test_values_of_another_revision_are_not_these() -> None:
    assert read(values("values-1-24-0", "{}")) == Installed()


def test_an_operator_beside_values_is_older_and_not_used() -> None:
    found = read(values("values-1-25-5", '{"x": 1}'), operator("installed-state-1-25-5", hub="old"))
    assert found.spec == {"values": {"x": 1}}
    assert found.passed_over == (
        "IstioOperator istio-system/installed-state-1-25-5: ConfigMap istio-system/values-1-25-5 is newer",
    )


@pytest.mark.parametrize(
    ("name", "revision", "spec"),
    [
        ("installed-state-1-25-5", "1-25-5", {"hub": "mirror.example"}),
        ("installed-state", "default", {"hub": "mirror.example"}),
        ("mine", "1-25-5", {"hub": "mirror.example", "revision": "1-25-5"}),
        ("mine", "default", {"hub": "mirror.example"}),
    ],
)
def test_an_operator_of_this_revision(name: str, revision: str, spec: dict[str, Any]) -> None:
    found = read(operator(name, **spec), revision=revision)
    assert (found.spec, found.source) == (spec, f"IstioOperator istio-system/{name}")


def test_an_operator_of_another_revision_is_not_this_one() -> None:
    other = operator("mine", revision="canary"), operator("installed-state", hub="x")
    assert read(*other) == Installed()


def test_two_operators_of_one_revision_are_not_guessed_between() -> None:
    found = read(operator("installed-state-1-25-5", hub="x"), operator("mine", hub="y", revision="1-25-5"))
    assert "2 of them claim this revision" in found.unread


def test_what_cannot_be_read_is_not_taken_for_nothing() -> None:
    assert read(refuse=True).unread == "configmaps is forbidden"
    assert "no original-values" in read(values("values-1-25-5", "not json")).unread
