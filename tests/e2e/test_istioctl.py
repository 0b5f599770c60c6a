"""Method istioctl with the real program: what it installed is found, rendered anew, applied without a conflict, and known to it.

Takes ``istioctl`` and ``istioctl-1.29.6`` from the folder that ``UPGRADER_BED_BIN`` names. Both are linked from one source with
two stamps, since the module proxy serves one; so releases differ here in name only.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from upgrader.cli.entry import run
from upgrader.host.shipped import playbooks
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
from upgrader.sandbox.serving.life import Life
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World

OLD, NEW = "1.29.6", "1.30.3"
SET = (
    "values.global.logAsJson=true",
    "meshConfig.accessLogFile=/dev/stdout",
    "values.pilot.env.PILOT_X=one",
    "components.pilot.k8s.replicaCount=2",
)
ASKED = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""A question that is sent as a POST and stored nowhere."""
OWN = "operator.istio.io/component=Pilot"
"""Shared objects carry a revision too, that of their last installer."""


def programs() -> tuple[Path, Path]:
    """The old one and the new one; a bed without them is no bed, so that is a failure and not a skip."""
    folder = os.environ.get("UPGRADER_BED_BIN", "")
    assert folder, "UPGRADER_BED_BIN names the folder of istioctl and istioctl-1.29.6"
    found = Path(folder) / f"istioctl-{OLD}", Path(folder) / "istioctl"
    assert all(one.is_file() for one in found), f"{folder} lacks one of them"
    return found


@dataclass
class Desk:
    """A mesh that the real istioctl installed on the sandbox."""

    world: World
    place: Path
    capture: pytest.CaptureFixture[str]

    @property
    def kubeconfig(self) -> str:
        return str(self.place / "kubeconfig")

    def tool(self, *words: str) -> str:
        """What kubectl or an istioctl says."""
        environment = os.environ | {"KUBECONFIG": self.kubeconfig, "HOME": str(self.place)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, *words: str) -> tuple[int, str]:
        self.capture.readouterr()
        code = run([*words, "--kubeconfig", self.kubeconfig, "--state", str(self.place / "runs")])
        shown = self.capture.readouterr()
        return code, shown.out + shown.err

    def plan(self, *words: str) -> dict[str, Any]:
        path = self.place / "plan.json"
        quick = str(playbooks() / "quick" / "playbook.yaml")
        code, said = self.type(
            "plan", "--istioctl", str(programs()[1]), "--playbook", quick, "--out", str(path), *words
        )
        assert code == 0, said
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    one = Desk(World(), tmp_path, capsys)
    load(one.world, "empty")
    with Server(one.world) as server, Life(one.world, 20):
        write_kubeconfig(tmp_path / "kubeconfig", server.url)
        options = [word for value in SET for word in ("--set", value)]
        old = [str(programs()[0]), "install", "-y", "--set", "profile=minimal", "--set", "revision=1-29-6"]
        one.tool(*old, *options)
        one.tool("kubectl", "create", "namespace", "app")
        one.tool("kubectl", "label", "namespace", "app", "istio-injection=enabled")
        one.tool("kubectl", "create", "deployment", "web", "-n", "app", "--image=nginx", "--replicas=2")
        one.tool("kubectl", "rollout", "status", "deployment/web", "-n", "app", "--timeout=60s")
        yield one


def test_planning_carries_the_options_over_and_writes_nothing(desk: Desk) -> None:
    before = len(desk.world.audit.entries)
    found = desk.plan()
    (hop,) = found["hops"]
    assert found["playbook"]["install"]["method"] == "istioctl"
    assert {o["key"]: o["value"] for o in hop["options"]["decided"] if o["fate"] == "carried"} == {
        "values.global.logAsJson": "true",
        "values.meshConfig.accessLogFile": '"/dev/stdout"',
        "values.pilot.env.PILOT_X": '"one"',
        "values.pilot.replicaCount": "2",
    }
    assert {o["key"] for o in hop["options"]["decided"] if o["fate"] == "dropped"} == {
        "values.global.tag",
        "values.revision",
    }
    changed = {d["subject"]: d["fields"] for d in hop["differences"]}
    assert changed == {"Deployment istiod": ["spec.replicas: 2 -> none"]}
    assert [f for f in found["findings"] if f["code"] in {"UPG-0344", "UPG-0345"}] == []
    entries = desk.world.audit.entries[before:]
    sent = Counter((e.agent.partition("/")[0], e.method, e.path == ASKED) for e in entries)
    assert {(agent, method) for agent, method, asked in sent if method != "GET" and not asked} == set()
    assert sent["istioctl", "GET", False] > 20, "istioctl itself has looked"


def owned_by(desk: Desk, revision: str, listing: Callable[[str], list[dict[str, Any]]]) -> set[str]:
    return {
        f"{o['kind']}/{o['metadata']['name']}"
        for o in listing(f"istio.io/rev={revision},{OWN}")
        if "istio.io/tag" not in o["metadata"]["labels"]
    }


def test_what_istioctl_installed_is_taken_over_without_a_conflict_and_istioctl_knows_it_afterwards(
    desk: Desk,
) -> None:
    def listing(selector: str) -> list[dict[str, Any]]:
        kinds = "deploy,svc,cm,sa,role,rolebinding,hpa,clusterrole,clusterrolebinding"
        webhooks = "mutatingwebhookconfiguration,validatingwebhookconfiguration"
        found = desk.tool("kubectl", "get", f"{kinds},{webhooks}", "-A", "-l", selector, "-o", "json")
        items: list[dict[str, Any]] = json.loads(found)["items"]
        return items

    before = owned_by(desk, "1-29-6", listing)
    found = desk.plan()
    gate = next(i["id"] for w in found["hops"][0]["waves"] for i in w["items"] if i["action"].get("approval"))
    plan = str(desk.place / "plan.json")
    code, said = desk.type("apply", plan, "--yes", "--approve", f"{gate}=1-29-6")
    assert code == 0, said

    after = owned_by(desk, "1-30-3", listing)
    assert {name.replace("1-30-3", "REV") for name in after} == {n.replace("1-29-6", "REV") for n in before}
    assert owned_by(desk, "1-29-6", listing) == set()
    managers = {
        m["manager"]
        for o in listing("istio.io/rev=1-30-3,app=istiod,!istio.io/tag")
        for m in o["metadata"].get("managedFields", ())
    }
    assert "istio-operator" not in managers, "a revision of our own has nobody else's field manager"
    gone = desk.tool(str(programs()[1]), "uninstall", "--revision", "1-30-3", "-y", "--dry-run")
    assert gone.count("Not pruning object") >= len(after)
    assert desk.plan("--to", "1.30")["hops"] == []


def test_what_istioctl_finds_wrong_is_in_the_plan(desk: Desk) -> None:
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "lost", "namespace": "app"},
        "spec": {
            "hosts": ["web"],
            "gateways": ["missing"],
            "http": [{"route": [{"destination": {"host": "nowhere"}}]}],
        },
    }
    (desk.place / "lost.json").write_text(json.dumps(body))
    desk.tool("kubectl", "create", "-f", str(desk.place / "lost.json"))
    found = [f for f in desk.plan()["findings"] if f["code"] == "UPG-0344"]
    assert ("analyze IST0101", "advisory") in {(f["subject"], f["severity"]) for f in found}
    assert any("VirtualService app/lost" in text for f in found for text in (f["summary"], *f["what"]))
