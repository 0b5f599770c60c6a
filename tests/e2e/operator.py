"""Somebody who types ``upgrade`` at the bed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bed.bed import Bed

UPGRADE = Path(sys.executable).with_name("upgrade")
PLAYBOOK = """
schema: 1
name: bed
waves:
  - {name: canary, namespaces: [default], soak: 2s, at_once: 2}
  - {name: rest, select: {}, soak: 2s, at_once: 4}
gateways_soak: 2s
probe_every: 1s
approvals: []
patience: {step: 90s, gate: 60s, api: 60s}
"""
"""Two waves, seconds for minutes."""


@dataclass
class Said:
    """How a command ended.

    Attributes:
        text: What it printed, both streams.
    """

    code: int
    text: str

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.text}"


@dataclass
class Operator:
    """A person with a folder, a kubeconfig and the command.

    Attributes:
        user: Of the kubeconfig; the audit log knows them by it.
    """

    bed: Bed
    place: Path
    user: str = "upgrader"
    playbook: str = PLAYBOOK
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        (self.place / "playbook.yaml").write_text(self.playbook)

    def render(self, stamp: str, *more: str) -> None:
        """The manifests of a version, as the README says."""
        text = self.bed.rendered(stamp, stamp.replace(".", "-"), *more)
        folder = self.place / "manifests" / stamp
        folder.mkdir(parents=True)
        (folder / "istiod.yaml").write_text(text)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command."""
        settings = os.environ | {
            "KUBECONFIG": str(self.bed.kubeconfig(self.user)),
            "UPGRADER_STATE": str(self.place / "runs"),
            "XDG_STATE_HOME": str(self.place / "state"),
            "XDG_CONFIG_HOME": str(self.place / "config"),
            "COLUMNS": "110",
            **self.environment,
        }
        return subprocess.Popen(
            [str(UPGRADE), *words],
            cwd=self.place,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, *words: str) -> Said:
        """Run a command to its end."""
        with self.start(*words) as process:
            text, _ = process.communicate(timeout=600)
        return Said(process.returncode, text)

    def plan(self, to: str, *more: str) -> Said:
        """``plan --out plan.json``."""
        return self.type(
            "plan", "--to", to, "--manifests", "manifests", "--playbook", "playbook.yaml",
            "--out", "plan.json", *more,
        )  # fmt: skip

    def has_entered(self, phase: str) -> bool:
        """Whether the newest run is or was in that phase."""
        return any(e["type"] == "phase-entered" and e["phase"] == phase for e in self.journal())

    def journal(self) -> list[dict[str, Any]]:
        """Every whole event of the newest run's journal."""
        found = sorted((self.place / "runs").glob("*/journal.jsonl"), key=lambda file: file.stat().st_mtime)
        whole = found[-1].read_text().rpartition("\n")[0] if found else ""
        return [json.loads(line)["event"] for line in whole.splitlines()]
