"""The roles that ``check --rbac`` prints, on a real API server: each phase of a real upgrade runs with its own alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from tests.bed.api import Obj
from tests.bed.bed import Bed
from tests.bed.versions import NEW
from tests.e2e.conftest import NAMESPACES, NEW_REVISION
from tests.e2e.operator import Operator
from tests.e2e.proving import wrong_with

PREFIX = "upgrader-"
STEP_IN = 0
"""Exit code of a run that stopped where it was told to."""


def test_every_phase_of_an_upgrade_runs_with_its_own_roles_alone(
    mesh: Bed, tmp_path: Path, say: Callable[[str], None]
) -> None:
    operator = Operator(mesh, tmp_path)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0
    roles = _hand_out(mesh, operator)
    waves = [wave["name"] for wave in json.loads((tmp_path / "plan.json").read_text())["hops"][0]["waves"]]

    for number, wave in enumerate(waves):
        words = ("resume",) if number else ("apply", "plan.json")
        said = operator.type(*words, "--until", wave, "--as", f"h1-{wave}")
        assert said.code == STEP_IN, said

    refused = [entry for entry in _answers(mesh) if entry["responseStatus"]["code"] == 403]
    say(f"least privilege: {len(waves)} phases, {roles} roles, {len(refused)} requests refused")
    assert [entry["requestURI"] for entry in refused] == []
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []


def _hand_out(mesh: Bed, operator: Operator) -> int:
    """Apply what is printed, and bind each phase's roles to a user of the phase's name."""
    wish = ("--to", NEW, "--manifests", "manifests", "--playbook", "playbook.yaml")
    printed = operator.type("check", *wish, "--rbac", "-o", "yaml=roles.yaml")
    assert printed.code == 0, printed
    path = operator.place / "roles.yaml"
    mesh.kubectl("apply", "-f", str(path), user="admin")
    roles = [one for one in yaml.safe_load_all(path.read_text()) if one and one["kind"].endswith("Role")]
    for role in roles:
        mesh.kubectl("apply", "-f", "-", stdin=json.dumps(_binding(role)), user="admin")
    return len(roles)


def _binding(role: Obj) -> Obj:
    metadata = {key: role["metadata"][key] for key in ("name", "namespace") if key in role["metadata"]}
    user = role["metadata"]["name"].removeprefix(PREFIX)
    return {
        "apiVersion": role["apiVersion"],
        "kind": f"{role['kind']}Binding",
        "metadata": metadata,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role["kind"],
            "name": role["metadata"]["name"],
        },
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
    }


def _answers(mesh: Bed) -> Iterator[Obj]:
    for entry in map(json.loads, mesh.files.audit.read_text().splitlines()):
        if entry.get("impersonatedUser", {}).get("username", "").startswith("h1-"):
            yield entry
