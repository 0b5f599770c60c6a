"""The roles that ``check --rbac`` prints, on a real API server.

Each phase of a real upgrade runs with its own alone, and without any one of their rules it does not begin.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.bed.api import Obj
from tests.bed.bed import Bed
from tests.bed.processes import await_
from tests.bed.versions import NEW
from tests.e2e.conftest import NAMESPACES, NEW_REVISION
from tests.e2e.operator import Operator
from tests.e2e.proving import wrong_with
from upgrader.model.errors import Exit

PREFIX = "upgrader-"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
DISPENSABLE = ["pods/portforward"]
"""What a run can do without, and says so."""
MORE = (f"{PREFIX}look-more", f"{PREFIX}look-secrets")
"""Roles that may be left out: whoever begins a run surveys the mesh, and sees more with them."""


@pytest.mark.timeout(1500)  # a hundred commands, one after the other
def test_every_phase_of_an_upgrade_runs_with_its_own_roles_alone_and_does_not_begin_without_any_rule_of_them(
    mesh: Bed, tmp_path: Path, say: Callable[[str], None]
) -> None:
    operator = Operator(mesh, tmp_path)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0
    roles = _hand_out(mesh, operator)
    waves = [wave["name"] for wave in json.loads((tmp_path / "plan.json").read_text())["hops"][0]["waves"]]

    tried: set[str] = set()
    for number, wave in enumerate(waves):
        words = ("resume",) if number else ("apply", "plan.json")
        command = (*words, "--until", wave, "--as", f"h1-{wave}")
        for rule in _rules(roles, f"h1-{wave}"):
            if rule.text in tried:
                continue  # of every phase, and one has shown it
            tried.add(rule.text)
            with _without(mesh, rule, f"h1-{wave}"):
                said = operator.type(*command)
            assert said.code in {Exit.NO_PERMISSION, Exit.BLOCKED}, (rule, said)
        assert [e for e in _answers(mesh, f"h1-{wave}") if _changes(e)] == []
        for role in roles if not number else ():
            if role["metadata"]["name"] in MORE:
                _bind(mesh, role, f"h1-{wave}")
        begun = time.time()
        said = operator.type(*command)
        assert said.code == Exit.OK, said
        refused = [e["requestURI"] for e in _answers(mesh, f"h1-{wave}", begun) if _code(e) == 403]
        assert refused == []
    assert len(tried) > 60
    say(f"least privilege: {len(waves)} phases, {len(roles)} roles, 0 requests refused")
    say(f"least privilege: {len(tried)} rules taken away one by one, nothing begun")
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []


@dataclass(frozen=True)
class Rule:
    """One rule of a printed role."""

    role: Obj
    number: int

    @property
    def path(self) -> str:
        metadata = self.role["metadata"]
        space = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        return f"{RBAC}{space}/{self.role['kind'].lower()}s/{metadata['name']}"

    @property
    def text(self) -> str:
        """Equal for the same rule in the same place."""
        return f"{self.role['metadata'].get('namespace', '')} {json.dumps(self.rule, sort_keys=True)}"

    @property
    def rule(self) -> Obj:
        rule: Obj = self.role["rules"][self.number]
        return rule


def _rules(roles: list[Obj], user: str) -> Iterator[Rule]:
    for role in roles:
        if role["metadata"]["name"] == PREFIX + user:
            for number, rule in enumerate(role["rules"]):
                if rule["resources"] != DISPENSABLE:
                    yield Rule(role, number)


@contextmanager
def _without(mesh: Bed, taken: Rule, user: str) -> Iterator[None]:
    """The role without that rule, from when the server knows until it knows of the rule again."""
    left = [rule for number, rule in enumerate(taken.role["rules"]) if number != taken.number]
    _set(mesh, taken, left)
    await_("the server knows", lambda: not _may(mesh, taken, user))
    yield
    _set(mesh, taken, taken.role["rules"])
    await_("the server knows again", lambda: _may(mesh, taken, user))


def _set(mesh: Bed, taken: Rule, rules: list[Obj]) -> None:
    status, said = mesh.api.ask("PATCH", taken.path, {"rules": rules}, content="application/merge-patch+json")
    assert status == 200, said


def _may(mesh: Bed, taken: Rule, user: str) -> bool:
    """Whether all that the rule allows is allowed."""
    rule, namespace = taken.rule, taken.role["metadata"].get("namespace", "")
    for group, resource, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"]):
        plain, _, part = resource.partition("/")
        for name in rule.get("resourceNames") or [""]:
            asked = {"group": group, "resource": plain, "subresource": part, "verb": verb}
            spec = {"user": user, "resourceAttributes": {**asked, "namespace": namespace, "name": name}}
            body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
            _, said = mesh.api.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
            if not said["status"]["allowed"]:
                return False
    return True


def _hand_out(mesh: Bed, operator: Operator) -> list[Obj]:
    """Apply what is printed, and bind each phase's roles to a user of the phase's name; the roles."""
    wish = ("--to", NEW, "--manifests", "manifests", "--playbook", "playbook.yaml")
    printed = operator.type("check", *wish, "--rbac", "-o", "yaml=roles.yaml")
    assert printed.code == 0, printed
    path = operator.place / "roles.yaml"
    mesh.kubectl("apply", "-f", str(path), user="admin")
    roles = [one for one in yaml.safe_load_all(path.read_text()) if one and one["kind"].endswith("Role")]
    for role in roles:
        _bind(mesh, role, role["metadata"]["name"].removeprefix(PREFIX))
    return roles


def _bind(mesh: Bed, role: Obj, user: str) -> None:
    mesh.kubectl("apply", "-f", "-", stdin=json.dumps(_binding(role, user)), user="admin")


def _binding(role: Obj, user: str) -> Obj:
    metadata = {key: role["metadata"][key] for key in ("name", "namespace") if key in role["metadata"]}
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


def _answers(mesh: Bed, user: str, since: float = 0.0) -> Iterator[Obj]:
    """What the audit log says about *user*, from a moment on."""
    for entry in map(json.loads, mesh.files.audit.read_text().splitlines()):
        asked = datetime.fromisoformat(entry["requestReceivedTimestamp"]).timestamp()
        if entry.get("impersonatedUser", {}).get("username") == user and asked >= since:
            yield entry


def _code(entry: Obj) -> int:
    return int(entry["responseStatus"]["code"])


def _changes(entry: Obj) -> bool:
    """Whether the request changed something; a review asks, and a dry run tries."""
    if entry["verb"] not in {"create", "update", "patch", "delete"} or _code(entry) >= 300:
        return False
    return not entry["objectRef"]["resource"].endswith("reviews") and "dryRun" not in entry["requestURI"]
