"""The kubectl commands that the sandbox satisfies, against a real API server: the same tests with another server.

Left out is what needs the shop's mesh or a world in this process. Rollouts need a node on which pods become ready.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.conformance.face import KUBECONFIG, real
from tests.sandbox.serving.test_kubectl import (
    KUBECTL,
    WEB,
    Kubectl,
    pytestmark,
    space,
    table,
    test_a_dry_run_changes_nothing,
    test_a_misspelt_field_is_dropped_with_a_warning_for_who_wants_that,
    test_a_misspelt_field_is_refused_by_the_server,
    test_a_namespace_takes_its_objects_along,
    test_a_rollout_is_restarted_watched_told_and_undone,
    test_a_watch_tells_what_happens_until_it_is_told_to_stop,
    test_an_apply_removes_what_the_file_no_longer_says,
    test_labels_and_annotations_are_set_and_taken_away,
    test_scaling_is_followed_by_pods_and_deleting_by_none,
    test_server_side_apply_goes_on_where_client_side_apply_left_off,
    test_server_side_apply_minds_other_owners,
    test_typed_objects_are_created,
)

__all__ = [
    "pytestmark",
    "space",
    "test_a_dry_run_changes_nothing",
    "test_a_misspelt_field_is_dropped_with_a_warning_for_who_wants_that",
    "test_a_misspelt_field_is_refused_by_the_server",
    "test_a_namespace_takes_its_objects_along",
    "test_a_rollout_is_restarted_watched_told_and_undone",
    "test_a_watch_tells_what_happens_until_it_is_told_to_stop",
    "test_an_apply_removes_what_the_file_no_longer_says",
    "test_labels_and_annotations_are_set_and_taken_away",
    "test_scaling_is_followed_by_pods_and_deleting_by_none",
    "test_server_side_apply_goes_on_where_client_side_apply_left_off",
    "test_server_side_apply_minds_other_owners",
    "test_typed_objects_are_created",
]

_NEEDS_NODES = ("test_a_rollout_is", "test_scaling_is", "test_pods_are")


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """A kubectl whose configuration is that of the real server."""
    if real() is None:
        pytest.skip(f"{KUBECONFIG} names no kubeconfig: there is no real server to ask")
    home = tmp_path_factory.mktemp("kubectl")
    (home / "config").write_text(Path(os.environ[KUBECONFIG]).read_text(encoding="utf-8"), encoding="utf-8")
    return Kubectl(home, KUBECTL or "")


@pytest.fixture(autouse=True)
def _nodes(kubectl: Kubectl, request: pytest.FixtureRequest) -> None:
    if request.node.name.startswith(_NEEDS_NODES) and not kubectl("get", "nodes", "-o", "name").strip():
        pytest.skip("the real server has no nodes: no pod becomes ready")


def test_pods_are_listed_described_and_logged(kubectl: Kubectl, space: str) -> None:
    kubectl("apply", "-n", space, "-f", "-", stdin=WEB)
    kubectl("rollout", "status", "deployment/web", "-n", space)
    rows = table(kubectl("get", "pods", "-n", space, "-o", "wide"))
    assert {(row["READY"], row["STATUS"], row["RESTARTS"]) for row in rows} == {("2/2", "Running", "0")}
    assert all(re.fullmatch(r"[\d.]+", row["IP"]) for row in rows)
    text = kubectl("describe", "pod", rows[0]["NAME"], "-n", space)
    assert re.search(r"Controlled By: +ReplicaSet/web-", text)
    assert re.search(r"Ready +True", text)
    text = kubectl("describe", "deployment", "web", "-n", space)
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in text
    assert re.search(r"NewReplicaSet: +web-\w+ \(2/2 replicas created\)", text)


def test_permissions_are_told(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "delete", "pods").strip() == "yes"
    assert kubectl("auth", "can-i", "create", "deployments", "--as", "bob", fails=True).startswith("no")
    assert re.search(r"Username +\S+", kubectl("auth", "whoami"))
    assert "Resources" in kubectl("auth", "can-i", "--list")
    refused = kubectl("create", "deployment", "x", "--image=x", "--as", "bob", fails=True)
    assert 'User "bob" cannot create resource "deployments"' in refused


def test_what_is_served_is_told(kubectl: Kubectl) -> None:
    assert {"apps/v1", "v1"} <= set(kubectl("api-versions").split())
    rows = {row["NAME"]: row for row in table(kubectl("api-resources"))}
    assert (rows["deployments"]["SHORTNAMES"], rows["deployments"]["NAMESPACED"]) == ("deploy", "true")
    assert "Server Version: v1." in kubectl("version")
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_fields_are_explained(kubectl: Kubectl) -> None:
    told = kubectl("explain", "deployment.spec.strategy")
    assert re.search(r"rollingUpdate\s+<RollingUpdateDeployment>", told)
