"""The directory of one run: what it is made of and how it is read back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from upgrader.engine.journal import NAME as JOURNAL
from upgrader.engine.journal import read_events
from upgrader.host.files import atomic_write, private_directory
from upgrader.model.codec import decode, pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.planning.plan import Plan, plan_digest
from upgrader.planning.record import Record, fold

PLAN = "plan.json"
BACK = "rollback.json"
LARGEST = 256 << 20


def new_run_id(now: datetime) -> str:
    """``r-20260914-k3f9``."""
    letters = "".join(secrets.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(4))
    return f"r-{now:%Y%m%d}-{letters}"


def read_plan(path: Path) -> Plan:
    """A saved plan, whole and unedited.

    Raises:
        UpgradeError: UPG-0405: it cannot be read, is of another format, or is not what was saved.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise _unfit(path, f"it is larger than {LARGEST >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise _unfit(path, error.strerror or "it cannot be read") from error
    return parse_plan(data, path)


def parse_plan(data: bytes, path: Path) -> Plan:
    """The plan in *data*; *path* is for the words of a refusal.

    Raises:
        UpgradeError: UPG-0405.
    """
    try:
        plan = decode(data, Plan)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unfit(path, str(error)) from error
    expected = f"pl-{plan_digest(plan)[:8]}"
    if plan.id != expected:
        raise _unfit(path, f"it says {plan.id}, its content is {expected}: it was edited after it was made")
    return plan


def _unfit(path: Path, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0405",
        f"{path} is not a plan that can be used",
        what=(why,),
        why="what was reviewed is what is carried out, to the letter",
        do=("upgrade plan --to VERSION --out plan.json",),
        exit_code=Exit.BAD_DATA,
    )


class RunFolder:
    """One run directory.

    Attributes:
        path: The directory; its name is the id of the run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.path.name

    @classmethod
    def create(cls, runs: Path, run: str, plan: Plan, files: Mapping[str, bytes]) -> RunFolder:
        """A new directory with the plan and *files* (relative path to content: manifests, snapshot).

        Raises:
            UpgradeError: UPG-0503: the place is not ours alone.
            OSError: it cannot be written.
        """
        folder = cls(private_directory(private_directory(runs) / run))
        for name, data in files.items():
            private_directory((folder.path / name).parent)
            atomic_write(folder.path / name, data)
        atomic_write(folder.path / PLAN, pretty(plan).encode())
        return folder

    def plan(self) -> Plan:
        """The plan of the run.

        Raises:
            UpgradeError: UPG-0405.
        """
        return read_plan(self.path / PLAN)

    def back_plan(self) -> Plan | None:
        """The plan that takes the run back, once going back began."""
        path = self.path / BACK
        return read_plan(path) if path.exists() else None

    def save_back_plan(self, plan: Plan) -> None:
        """Keep the plan that takes the run back."""
        atomic_write(self.path / BACK, pretty(plan).encode())

    def record(self) -> Record:
        """The run as its journal tells it.

        Raises:
            UpgradeError: UPG-0502.
        """
        return fold(read_events(self.path))

    def check_manifests(self, plan: Plan) -> None:
        """The manifest files are those that the plan was made from.

        Raises:
            UpgradeError: UPG-0405: a file is missing or was edited.
        """
        for name, digest in plan.inputs.items():
            if not name.startswith("manifests/"):
                continue
            try:
                found = sha256((self.path / name).read_bytes()).hexdigest()
            except OSError:
                found = "missing"
            if found != digest:
                raise _unfit(self.path / name, f"SHA-256 {found[:12]}, the plan was made from {digest[:12]}")


def runs_in(runs: Path) -> list[RunFolder]:
    """Every run directory, the newest last."""
    if not runs.is_dir():
        return []
    found = [RunFolder(p) for p in runs.iterdir() if (p / PLAN).is_file() and (p / JOURNAL).is_file()]
    return sorted(found, key=lambda f: ((f.path / JOURNAL).stat().st_mtime, f.run))
