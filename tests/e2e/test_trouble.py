"""What goes wrong in real clusters while an upgrade is under way; the mesh goes on serving, and there is a way on or back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bed.bed import Bed
from tests.bed.processes import await_
from tests.bed.versions import NEW
from tests.e2e.conftest import NAMESPACES, NEW_REVISION, OLD_REVISION
from tests.e2e.operator import PLAYBOOK, Operator
from tests.e2e.prober import Prober
from tests.e2e.proving import wrong_with

ISTIOD = f"istiod-{NEW_REVISION}"
STRICTER = f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: stricter}}
spec:
  matchConstraints:
    resourceRules:
    - {{apiGroups: [networking.istio.io], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [destinationrules]}}
  matchConditions:
  - name: new
    expression: "has(object.metadata.labels) && object.metadata.labels[?'istio.io/rev'].orValue('') == '{NEW_REVISION}'"
  validations:
  - {{expression: "false", message: the new release does not know this any more}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: stricter}}
spec: {{policyName: stricter, validationActions: [Deny]}}
"""
HASTY = PLAYBOOK.replace("step: 90s, gate: 60s", "step: 15s, gate: 15s")


@pytest.mark.parametrize("trouble", ["never ready", "webhook port blocked"])
def test_a_new_istiod_that_cannot_serve_moves_nobody_and_is_taken_away_again(
    mesh: Bed, tmp_path: Path, trouble: str
) -> None:
    (mesh.kubelet.held if trouble == "never ready" else mesh.kubelet.deaf).add(ISTIOD)
    operator = Operator(mesh, tmp_path, playbook=HASTY)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0

    with Prober(mesh.api, {n.name: n.about for n in NAMESPACES}) as prober:
        stopped = operator.type("apply", "plan.json")
        assert stopped.code in {5, 6}, stopped
        back = operator.type("rollback", "--yes")
        assert back.code == 0, back

    assert prober.faults == []
    assert wrong_with(mesh, NAMESPACES, OLD_REVISION) == []


def test_a_new_istiod_that_comes_late_is_gone_on_with(mesh: Bed, tmp_path: Path) -> None:
    mesh.kubelet.held.add(ISTIOD)
    operator = Operator(mesh, tmp_path, playbook=HASTY)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0
    assert operator.type("apply", "plan.json").code in {5, 6}

    mesh.kubelet.held.clear()
    mesh.await_ready("istio-system", ISTIOD)
    done = operator.type("resume")

    assert done.code == 0, done
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []


def test_configuration_that_only_the_new_validator_refuses_stops_the_run_before_anybody_moves(
    mesh: Bed, tmp_path: Path
) -> None:
    # Both istiods are one source, so a policy of the API server stands for the stricter validator of the new one.
    mesh.kubectl("apply", "-f", "-", stdin=STRICTER)
    operator = Operator(mesh, tmp_path, playbook=HASTY)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0

    stopped = operator.type("apply", "plan.json")
    assert stopped.code == 5, stopped
    assert "DestinationRule default/web" in stopped.text
    mesh.kubectl("delete", "validatingadmissionpolicybinding", "stricter")
    done = operator.type("resume")

    assert done.code == 0, done
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []


def test_a_namespace_that_somebody_relabels_in_the_middle_stops_the_run(mesh: Bed, tmp_path: Path) -> None:
    operator = Operator(
        mesh, tmp_path, playbook=PLAYBOOK.replace("soak: 2s, at_once: 2", "soak: 8s, at_once: 2")
    )
    operator.render(NEW)
    assert operator.plan(NEW).code == 0
    with operator.start("apply", "plan.json") as process:
        await_(
            "the first wave soaks", lambda: operator.has_entered("soaking") or process.poll() is not None, 120
        )
        mesh.kubectl("label", "namespace", "legacy", "istio-injection=disabled", "--overwrite")
        text, _ = process.communicate()

    assert process.returncode in {4, 5, 6}, text
    assert "legacy" in text
    mesh.kubectl("label", "namespace", "legacy", "istio-injection=enabled", "--overwrite")
    done = operator.type("resume")
    assert done.code == 0, done
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []


def test_rights_that_miss_one_namespace_stop_before_anything_is_changed(mesh: Bed, tmp_path: Path) -> None:
    mesh.grant("limited", everywhere_but="tagged")
    operator = Operator(mesh, tmp_path, user="limited")
    operator.render(NEW)

    planned = operator.plan(NEW)
    applied = operator.type("apply", "plan.json")

    assert planned.code == 0, planned
    assert applied.code == 77, applied
    assert "tagged" in applied.text
    assert wrong_with(mesh, NAMESPACES, OLD_REVISION) == []


def test_rights_that_go_away_in_the_middle_stop_the_run_until_they_are_back(
    mesh: Bed, tmp_path: Path
) -> None:
    mesh.grant("limited", everywhere_but="")
    operator = Operator(
        mesh,
        tmp_path,
        user="limited",
        playbook=PLAYBOOK.replace("soak: 2s, at_once: 2", "soak: 8s, at_once: 2"),
    )
    operator.render(NEW)
    assert operator.plan(NEW).code == 0
    with operator.start("apply", "plan.json") as process:
        await_(
            "the first wave soaks", lambda: operator.has_entered("soaking") or process.poll() is not None, 120
        )
        mesh.revoke("limited", "tagged")
        text, _ = process.communicate()

    assert process.returncode in {5, 6}, text
    assert 'in the namespace "tagged"' in " ".join(text.split())
    mesh.grant("limited", everywhere_but="")
    done = operator.type("resume")
    assert done.code == 0, done
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []
