"""Whatever is wrong with the input: a code, what, why and what to do, the right exit code, and nothing changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Desk, Said

Desks = Callable[..., Desk]


def assert_refused(desk: Desk, said: Said, code: str, exit_code: int) -> None:
    """The one form of an error, and a cluster as before."""
    assert said.code == exit_code, said.text
    assert f"error {code}:" in said.err, said.text
    assert re.search(r"^  do     \S", said.err, re.MULTILINE), said.err
    assert f"more   upgrade explain {code}" in said.err
    assert said.err.rstrip().endswith(f"(exit {exit_code})")
    assert "Traceback" not in said.text
    assert desk.writes() == []


def test_a_version_skip(desk: Desks) -> None:
    shop = desk()
    said = shop.type("plan", "--path", "1.29")
    assert_refused(shop, said, "UPG-0101", 3)
    assert "our rule" in said.err
    assert "upgrade plan --to 1.29" in said.err


def test_a_target_that_is_older(desk: Desks) -> None:
    shop = desk()
    assert_refused(shop, shop.type("plan", "--to", "1.26"), "UPG-0102", 3)


def test_a_target_that_does_not_exist(desk: Desks) -> None:
    shop = desk()
    assert_refused(shop, shop.type("plan", "--to", "1.28.99"), "UPG-0103", 3)
    assert_refused(shop, shop.type("plan", "--to", "tomorrow"), "UPG-0103", 64)


def test_no_manifests_for_a_minor_on_the_way(desk: Desks) -> None:
    shop = desk()
    assert_refused(shop, shop.type("plan", "--to", "1.31"), "UPG-0105", 3)


def test_a_manifest_folder_of_another_version(desk: Desks) -> None:
    shop = desk()
    folder = shop.place / "manifests" / "1.28.10"
    for file in folder.iterdir():
        file.write_text(file.read_text().replace("1.28.10", "1.28.9"))
    assert_refused(shop, shop.type("plan", "--to", "1.28"), "UPG-0011", 3)


def test_a_manifest_that_is_no_yaml(desk: Desks) -> None:
    shop = desk()
    (shop.place / "manifests" / "1.28.10" / "istiod.yaml").write_text("a: [b")
    assert_refused(shop, shop.type("plan", "--to", "1.28"), "UPG-0010", 65)


def test_a_cluster_that_does_not_answer(desk: Desks) -> None:
    shop = desk()
    config = shop.place / "kubeconfig"
    config.write_text(re.sub(r"http://127.0.0.1:\d+", "http://127.0.0.1:9", config.read_text()))
    assert_refused(shop, shop.type("plan", "--request-timeout", "1s"), "UPG-0009", 69)


def test_a_context_that_is_not_there(desk: Desks) -> None:
    shop = desk()
    said = shop.type("plan", "--context", "sandbx")
    assert_refused(shop, said, "UPG-0006", 78)
    assert "--context sandbox" in said.err


def test_a_kubeconfig_that_is_not_there(desk: Desks) -> None:
    shop = desk()
    (shop.place / "kubeconfig").unlink()
    assert_refused(shop, shop.type("plan"), "UPG-0005", 78)


def test_a_cluster_without_istio(desk: Desks) -> None:
    empty = desk("empty")
    said = empty.type("plan")
    assert said.code == 3
    assert "UPG-0106" in said.out
    assert empty.writes() == []


@pytest.mark.parametrize(("scenario", "code"), [("stale-gateway", "UPG-0201"), ("hostile", "UPG-0406")])
def test_a_mesh_that_is_not_fit_to_move(desk: Desks, scenario: str, code: str) -> None:
    mesh = desk(scenario)
    plan = mesh.plan()
    planned = mesh.type("show", str(plan))
    assert "BLOCKED" in planned.out
    assert_refused(mesh, mesh.type("apply", str(plan)), code, 3)
    assert_refused(mesh, mesh.type("apply", "--yes"), code, 3)


def test_hostile_names_everything_at_once(desk: Desks) -> None:
    said = desk("hostile").type("check")
    assert said.code == 3
    for code in ("UPG-0201", "UPG-0308", "UPG-0310", "UPG-0311", "UPG-0312", "UPG-0322", "UPG-0328"):
        assert code in said.out


def test_two_meshes_are_not_taken_for_one(desk: Desks) -> None:
    shop = desk()
    local = shop.world.local("ana", "kubectl")
    where = "/apis/apps/v1/namespaces/{}/deployments"
    istiod = next(
        d for d in local.list(where.format("istio-system")) if d["metadata"]["name"].startswith("istiod")
    )
    local.create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-two"}}
    )
    meta = {"name": "istiod-two", "namespace": "istio-two", "labels": istiod["metadata"]["labels"]}
    local.create(
        where.format("istio-two"),
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": istiod["spec"]},
    )
    said = shop.type("plan", "--to", "1.28")
    assert said.code == 3, said.text
    assert "UPG-0107" in said.text
    assert shop.writes() == []


def test_a_namespace_that_may_not_be_read_is_not_an_empty_one(desk: Desks) -> None:
    shop = desk()
    shop.world.api.rbac.deny("admin", verbs=["list", "get"], resources=["pods"], namespaces=["payments", ""])
    said = shop.type("plan", "--to", "1.28")
    assert said.code == 3
    assert "UPG-0303" in said.out
    assert "payments" in said.out


def test_permissions_are_asked_for_before_the_first_write(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28")
    shop.world.api.rbac.deny("admin", verbs=["patch"], resources=["namespaces"])
    said = shop.type("apply", str(plan))
    assert_refused(shop, said, "UPG-0302", 77)
    assert "patch namespaces" in said.err


def test_a_playbook_with_a_typo(desk: Desks) -> None:
    shop = desk()
    path = shop.place / "playbook.yaml"
    path.write_text("schema: 1\nname: mine\nwaves:\n  - name: all\n    select: {}\n    atonce: 2\n")
    said = shop.type("plan", "--playbook", str(path))
    assert_refused(shop, said, "UPG-0004", 78)
    assert "playbook.yaml:6" in said.err
    assert "at_once" in said.err


def test_a_plan_that_was_edited(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28")
    plan.write_text(plan.read_text().replace('"1-28-10"', '"1-28-11"'))
    assert_refused(shop, shop.type("apply", str(plan)), "UPG-0405", 65)


@pytest.mark.parametrize("content", ["", "{", '{"schema": "upgrader.plan/v9"}', "\x00\xff"])
def test_a_file_that_is_no_plan(desk: Desks, content: str) -> None:
    shop = desk()
    path = shop.place / "plan.json"
    path.write_bytes(content.encode("latin-1"))
    assert_refused(shop, shop.type("apply", str(path)), "UPG-0405", 65)
    assert_refused(shop, shop.type("show", str(path)), "UPG-0405", 65)


def test_a_plan_for_another_cluster(desk: Desks) -> None:
    shop, other = desk(name="here"), desk("stale-gateway", name="there")
    plan = shop.plan("--to", "1.28")
    assert_refused(other, other.type("apply", str(plan)), "UPG-0402", 4)


def test_a_plan_that_expired(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28", "--valid-for", "0")
    assert_refused(shop, shop.type("apply", str(plan)), "UPG-0403", 4)
    assert shop.type("show", str(plan)).code == 0


def test_a_plan_that_no_longer_fits_names_what_changed(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28")
    local = shop.world.local("ana", "kubectl")
    local.patch(
        "/api/v1/namespaces/monitoring",
        b'{"metadata":{"labels":{"istio.io/rev":"prod"}}}',
        "application/merge-patch+json",
    )
    said = shop.type("apply", str(plan))
    assert_refused(shop, said, "UPG-0401", 4)
    assert "monitoring" in said.err


def test_scaling_and_other_churn_do_not_make_a_plan_stale(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28")
    local = shop.world.local("ana", "kubectl")
    local.patch(
        "/apis/apps/v1/namespaces/shop/deployments/cart",
        b'{"spec":{"replicas":4}}',
        "application/merge-patch+json",
    )
    shop.world.settle()
    shop.world.advance(10)
    said = shop.type("apply", str(plan), "--dry-run=client")
    assert said.code == 0, said.text


def test_manifests_that_changed_since_the_plan(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28")
    istiod = shop.place / "manifests" / "1.28.10" / "istiod.yaml"
    istiod.write_text(istiod.read_text() + "\n# one more line\n")
    assert_refused(shop, shop.type("apply", str(plan)), "UPG-0401", 4)


def test_planning_options_beside_a_plan(desk: Desks) -> None:
    shop = desk()
    plan = shop.plan("--to", "1.28")
    assert_refused(shop, shop.type("apply", str(plan), "--to", "1.29"), "UPG-0001", 64)


def test_nobody_there_to_say_yes(desk: Desks) -> None:
    shop = desk()
    assert_refused(shop, shop.type("apply", "--to", "1.28"), "UPG-0007", 64)


def test_no_run_to_go_on_with(desk: Desks) -> None:
    shop = desk()
    for command in ("resume", "rollback"):
        assert_refused(shop, shop.type(command), "UPG-0504", 64)


def test_an_exception_needs_a_reason_and_a_finding(desk: Desks) -> None:
    shop = desk()
    assert_refused(shop, shop.type("plan", "--allow", "UPG-0312"), "UPG-0016", 64)
    assert_refused(shop, shop.type("plan", "--allow", "UPG-0999", "--reason", "because"), "UPG-0016", 64)


@pytest.mark.parametrize("words", [["aply"], ["plan", "--tu", "1.28"], ["plan", "-o", "html"], ["approve"]])
def test_words_that_are_not_known(desk: Desks, words: list[str]) -> None:
    shop = desk()
    said = shop.type(*words)
    assert said.code == 64
    assert "error UPG-0001" in said.err


def test_an_error_is_one_json_document_on_stdout_with_the_same_exit_code(desk: Desks) -> None:
    shop = desk()
    said = shop.type("plan", "--path", "1.29", "-o", "json")
    assert said.code == 3
    found = json.loads(said.out)
    assert found["code"] == "UPG-0101"
    assert found["exit_code"] == 3


def test_an_error_ends_an_event_stream_properly(desk: Desks) -> None:
    shop = desk()
    said = shop.type("apply", str(Path("nowhere.json")), "-o", "jsonl")
    assert said.code == 65
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["type"] for line in lines] == ["diagnostic", "stream.end"]
    assert lines[-1]["data"]["exit_code"] == 65


def test_a_context_that_takes_saved_plans_only(desk: Desks) -> None:
    shop = desk()
    Path(".upgrader.yaml").write_text(
        "apiVersion: upgrader/v1\ncontexts:\n  sandbox: {banner: PRODUCTION, require_saved_plan: true}\n"
    )
    assert_refused(shop, shop.type("apply", "--to", "1.28", "--yes"), "UPG-0019", 3)
    assert "sandbox (PRODUCTION)" in shop.type("plan", "--to", "1.28").out


def test_a_configuration_with_an_unknown_key(desk: Desks) -> None:
    shop = desk()
    Path(".upgrader.yaml").write_text("apiVersion: upgrader/v1\ntargett: '1.28'\n")
    said = shop.type("plan")
    assert_refused(shop, said, "UPG-0002", 78)
    assert ".upgrader.yaml:2" in said.err


def test_manifests_of_another_trust_domain(desk: Desks) -> None:
    shop = desk()
    file = shop.place / "manifests" / "1.29.6" / "istiod.yaml"
    file.write_text(file.read_text().replace("trustDomain: cluster.local", "trustDomain: other.example"))
    said = shop.type("plan", "--to", "1.29")
    assert said.code == 3
    assert re.search(
        r"UPG-0368 +hop 2: revision 1-29-6: has another trustDomain than revision 1-28-10", said.out
    )
    assert shop.type("plan", "--to", "1.28").code == 0
