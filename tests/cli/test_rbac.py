"""``check --rbac``, and commands typed by somebody who has the roles of one phase and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Desk
from tests.journeys.handing_out import API, bind
from upgrader.cli.entry import run
from upgrader.cli.wiring import Sandbox
from upgrader.sandbox.serving.life import Life

Desks = Callable[..., Desk]
pytestmark = pytest.mark.slow


def printed(shop: Desk) -> list[dict[str, Any]]:
    said = shop.type("check", "--rbac", "--to", "1.28", "--playbook", str(shop.swift()))
    assert said.code == 0, said.text
    return documents(said.out)


def documents(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]


def hand_out(shop: Desk) -> None:
    """As the printed YAML says, applied document by document; each phase to a user of its name."""
    namespace, *roles = printed(shop)
    shop.world.local().apply(f"/api/v1/namespaces/{namespace['metadata']['name']}", namespace, "kubectl")
    for role in roles:
        bind(shop.world, role, role["metadata"]["labels"]["upgrader.istio/phase"])
    shop.world.settle()
    shop.world.api.rbac.enforced = True


def take(shop: Desk, name: str, verb: str) -> None:
    """Take a verb out of the ClusterRole of a phase."""
    local, path = shop.world.local(), f"{API}/clusterroles/{name}"
    role = local.get(path)
    assert role is not None
    for rule in role["rules"]:
        rule["verbs"] = [one for one in rule["verbs"] if one != verb]
    local.update(path, role)


def test_what_is_printed_is_yaml_with_a_word_on_every_rule(desk: Desks) -> None:
    shop = desk()
    said = shop.type("check", "--rbac", "--to", "1.28")
    assert (said.code, said.err, shop.writes()) == (0, "", [])
    namespace, *roles = documents(said.out)
    assert (namespace["kind"], namespace["metadata"]["name"]) == ("Namespace", "istio-upgrade")
    assert {role["kind"] for role in roles} == {"ClusterRole", "Role"}
    assert len({(r["kind"], r["metadata"].get("namespace"), r["metadata"]["name"]) for r in roles}) == len(
        roles
    )
    lines = said.out.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("- apiGroups:")]
    assert len(starts) == sum(len(role["rules"]) for role in roles)
    assert all(lines[number - 1].startswith("# ") for number in starts)
    assert "# h1-canary: 1.27.9 -> 1.28.10, h1.0" in said.out
    assert "upgrade resume --until canary" in said.out


def test_scripts_get_the_rights_one_by_one_and_the_same_objects(desk: Desks) -> None:
    shop = desk()
    said = shop.type("check", "--rbac", "--to", "1.28", "-o", "json")
    document = json.loads(said.out)
    assert document["schema"] == "upgrader.rbac/v1"
    phases = {phase["name"]: phase for phase in document["phases"]}
    assert "patch namespaces sandbox" in phases["h1-canary"]["rights"]
    objects = [one for phase in document["phases"] for one in phase["objects"]]
    text = shop.type("check", "--rbac", "--to", "1.28").out
    assert [document["namespace"], *objects] == documents(text)


def test_a_file_of_roles_is_what_is_printed(desk: Desks) -> None:
    shop = desk()
    path = shop.place / "roles.yaml"
    said = shop.type("check", "--rbac", "--to", "1.28", "-o", f"yaml={path}")
    assert path.read_text() == said.out


def test_a_phase_is_carried_out_by_whoever_has_its_roles_and_the_next_one_is_not(desk: Desks) -> None:
    shop = desk()
    plan = str(shop.plan("--to", "1.28"))
    hand_out(shop)
    with Life(shop.world, 100.0):
        said = shop.type("apply", plan, "--until", "backup", "--as", "h1-backup")
        assert said.code == 0, said.text
        before = shop.writes()
        said = shop.type("resume", "--until", "install", "--as", "h1-backup")
        assert said.code == 77
        assert "bind clusterroles.rbac.authorization.k8s.io" in said.err
        take(shop, "upgrader-h1-install", "escalate")
        said = shop.type("resume", "--until", "install", "--as", "h1-install")
        assert said.code == 77
        assert "escalate clusterroles.rbac.authorization.k8s.io" in said.err
        assert "Nothing was changed" in said.err
    assert shop.writes() == before


@pytest.mark.parametrize("verb", ["list", "get", "create"])
def test_without_one_verb_of_its_roles_a_phase_is_not_begun(desk: Desks, verb: str) -> None:
    shop = desk()
    plan = str(shop.plan("--to", "1.28"))
    hand_out(shop)
    for path in (f"{API}/clusterroles", f"{API}/namespaces/istio-upgrade/roles"):
        local = shop.world.local()
        role = local.get(f"{path}/upgrader-h1-backup")
        assert role is not None
        rules = [r | {"verbs": [one for one in r["verbs"] if one != verb]} for r in role["rules"]]
        local.update(f"{path}/upgrader-h1-backup", role | {"rules": [r for r in rules if r["verbs"]]})
    said = shop.type("apply", plan, "--until", "backup", "--as", "h1-backup")
    assert said.code in {4, 77}, said.text
    assert shop.writes() == []


def test_going_back_is_not_begun_without_its_roles(desk: Desks) -> None:
    shop = desk()
    plan = str(shop.plan("--to", "1.28"))
    with Life(shop.world, 100.0):
        assert shop.type("apply", plan, "--until", "install").code == 0
        hand_out(shop)
        before = shop.writes()
        take(shop, "upgrader-h1-rollback", "delete")
        said = shop.type("rollback", "--yes", "--as", "h1-rollback")
    assert said.code == 77, said.text
    assert "delete clusterroles.rbac.authorization.k8s.io" in said.err
    assert shop.writes() == before


@pytest.mark.parametrize("rbac", [False, True])
def test_a_sandbox_may_be_served_where_roles_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, rbac: bool
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with Sandbox("empty", "", 1.0, rbac=rbac).serve("127.0.0.1", 0, kubeconfig, None):
        code = run(["check", "--as", "jane", "--kubeconfig", str(kubeconfig)])
    shown = capsys.readouterr()
    assert code == (77 if rbac else 3)
    assert ("UPG-0302" in shown.err) is rbac
