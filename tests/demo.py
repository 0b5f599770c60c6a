"""``make demo``: the main job with the real commands, on the embedded sandbox, in under a minute.

Plan two minors, apply, kill -9 in the middle of a wave, look, resume, verify. Every command is printed as you would
type it, and the end is checked: every proxy, gateway and tag on the target, the old revisions gone.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TARGET = "1.29"
SPEED = "50"
READY_WITHIN = 30.0
"""Seconds for the sandbox to appear."""
_UPGRADE = Path(sys.executable).with_name("upgrade")
_PAUSE = threading.Event()


class Unexpected(Exception):
    """The demo did not end as it must."""


def main() -> int:
    """Run it; the exit code is that of the last check."""
    with tempfile.TemporaryDirectory(prefix="upgrade-demo-") as place, sandbox(Path(place)) as user:
        user.type("plan", "--to", TARGET, "--playbook", "quick", "--out", "plan.json")
        gates = manual_gates(Path(place) / "plan.json")
        user.kill_in_a_wave("apply", "plan.json")
        user.type("status")
        user.type("resume", *[word for gate in gates for word in ("--approve", gate)])
        user.type("verify")
        check(user)
    print("\nEvery proxy, gateway and tag is on the target, and the old revisions are gone.")
    return 0


class User:
    """Somebody at a terminal.

    Attributes:
        place: Their folder.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.environment = os.environ | {
            "KUBECONFIG": str(place / "sandbox" / "kubeconfig"),
            "XDG_STATE_HOME": str(place / "state"),
            "UPGRADER_STATE": str(place / "runs"),
        }

    def start(self, *words: str, output: int | None = None) -> subprocess.Popen[str]:
        """Begin a command without waiting."""
        line = [str(_UPGRADE), *words]
        return subprocess.Popen(
            line, cwd=self.place, env=self.environment, stdout=output, stderr=output, text=True
        )

    def type(self, *words: str) -> None:
        """Run a command and show it.

        Raises:
            Unexpected: it failed.
        """
        say(*words)
        code = self.start(*words).wait()
        if code != 0:
            raise Unexpected(f"upgrade {' '.join(words)} ended with {code}")

    def kill_in_a_wave(self, *words: str) -> None:
        """Run a command and kill -9 its process while workloads restart.

        Raises:
            Unexpected: it ended before.
        """
        say(*words)
        events = self.place / "events.jsonl"
        process = self.start(*words, "--events", str(events))
        while process.poll() is None and not _restarting(events):
            _PAUSE.wait(0.02)
        if process.poll() is not None:
            raise Unexpected("the run was over before it could be killed")
        process.send_signal(signal.SIGKILL)
        process.wait()
        print("\n# kill -9, in the middle of a wave: no goodbye, the lock is still held", flush=True)

    def kubectl(self, path: str) -> list[dict[str, Any]]:
        """Objects of the cluster, asked past the tool."""
        from urllib.request import urlopen

        config = (self.place / "sandbox" / "kubeconfig").read_text()
        server = next(line.split("server:")[1].strip() for line in config.splitlines() if "server:" in line)
        with urlopen(server + path) as answer:
            return list(json.load(answer)["items"])


def say(*words: str) -> None:
    """The command as a person would type it."""
    print(f"\n$ upgrade {shlex.join(words)}", flush=True)


def _restarting(events: Path) -> bool:
    """Whether a second workload of a wave has begun."""
    if not events.exists():
        return False
    lines = [line for line in events.read_text().splitlines() if line.endswith("}")]
    started = [
        e for e in map(json.loads, lines) if e["type"] == "step.start" and e.get("scope", {}).get("workload")
    ]
    return len(started) > 3


def manual_gates(plan: Path) -> list[str]:
    """``h1.28=1-27-9`` for each gate that wants a name."""
    found = json.loads(plan.read_text())
    items = [item for hop in found["hops"] for wave in hop["waves"] for item in wave["items"]]
    return [f"{i['id']}={i['action']['approval']}" for i in items if i["action"].get("approval")]


@contextmanager
def sandbox(place: Path) -> Iterator[User]:
    """The shop, served as long as the block runs."""
    user = User(place)
    config = place / "sandbox" / "kubeconfig"
    words = ("sandbox", "start", "shop", "--speed", SPEED, "--kubeconfig", str(config))
    say("sandbox", "start", "shop", "--speed", SPEED)
    process = user.start(*words)
    try:
        for _ in range(int(READY_WITHIN / 0.05)):
            if config.exists() or process.poll() is not None:
                break
            _PAUSE.wait(0.05)
        if not config.exists():
            raise Unexpected("the sandbox did not start")
        yield user
    finally:
        process.terminate()
        process.wait()


def check(user: User) -> None:
    """Look at the cluster itself.

    Raises:
        Unexpected: something is not on the target.
    """
    pods = [p for p in user.kubectl("/api/v1/pods") if p["status"]["phase"] == "Running"]
    images = {c["image"] for p in pods for c in _containers(p) if c["name"] == "istio-proxy"}
    if {image.rpartition(":")[2] for image in images} != {"1.29.6"}:
        raise Unexpected(f"proxies run {sorted(images)}")
    webhooks = user.kubectl("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations")
    revisions = {w["metadata"]["labels"]["istio.io/rev"] for w in webhooks}
    planes = {
        d["metadata"]["name"] for d in user.kubectl("/apis/apps/v1/namespaces/istio-system/deployments")
    }
    if revisions != {"1-29-6"} or planes != {"istiod-1-29-6"}:
        raise Unexpected(f"webhooks name {sorted(revisions)}, control planes are {sorted(planes)}")


def _containers(pod: dict[str, Any]) -> list[dict[str, str]]:
    spec = pod["spec"]
    return [*spec["containers"], *spec.get("initContainers", [])]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unexpected as unexpected:
        print(f"\nThe demo failed: {unexpected}", file=sys.stderr)
        sys.exit(1)
