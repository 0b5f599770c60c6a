"""The directory of one run: what it is made of and how it is read back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from errno import EEXIST
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from upgrader.engine.keeping.journal import NAME as JOURNAL
from upgrader.engine.keeping.journal import read_events
from upgrader.host.files import atomic_write, inside, private_directory
from upgrader.model.codec import decode, pretty
from upgrader.model.codec import digest as digest_of
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import RunEvent
from upgrader.planning.plan import Plan
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
        plan, written = decode(data, Plan), decode(data, dict[str, Any])
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unfit(path, str(error)) from error
    expected = f"pl-{_written_digest(written)[:8]}"
    if plan.id != expected:
        raise _unfit(path, f"it says {plan.id}, its content is {expected}: it was edited after it was made")
    if not _known(written, msgspec.to_builtins(plan)):
        raise _unfit(path, f"it was made by {plan.tool} and says things that this release does not know")
    return plan


def _written_digest(written: dict[str, Any]) -> str:
    """``plan_digest`` of a plan as it stands in its file, whatever fields this release has beyond those."""
    return digest_of(written | {"id": ""})


def _known(written: Any, understood: Any) -> bool:
    """Whether everything that was written was also read: a field that is not known must not be skipped in silence.

    Fields that a later release added are understood by their defaults, so that old plans go on loading.
    """
    if isinstance(written, dict):
        return all(key in understood and _known(value, understood[key]) for key, value in written.items())
    if isinstance(written, list):
        return len(written) == len(understood) and all(map(_known, written, understood))
    return True


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
            FileExistsError: there is such a run already.
            OSError: it cannot be written.
            ValueError: a file would be outside the directory.
        """
        folder = cls(private_directory(private_directory(runs) / run))
        if (folder.path / PLAN).exists():
            raise FileExistsError(EEXIST, "there is such a run already", str(folder.path))
        folder.write(dict(files) | {PLAN: pretty(plan).encode()})
        return folder

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files of the run, in that order.

        Raises:
            ValueError: one would be outside the directory; none is written then.
        """
        for name in files:
            inside(self.path, name)
        for name, data in files.items():
            private_directory((self.path / name).parent)
            atomic_write(self.path / name, data)

    def plan(self) -> Plan:
        """The plan of the run.

        Raises:
            UpgradeError: UPG-0405.
        """
        return read_plan(self.path / PLAN)

    def _digest(self, name: str) -> str:
        return _written_digest(decode((self.path / name).read_bytes(), dict[str, Any]))

    def is_of(self, plan: Plan) -> bool:
        """Whether this is a run of *plan*; a run whose own plan cannot be read is of none."""
        try:
            return self.plan().id == plan.id
        except UpgradeError:
            return False

    def back_plan(self) -> Plan | None:
        """The plan that takes the run back, once going back began."""
        path = self.path / BACK
        return read_plan(path) if path.exists() else None

    def plan_of(self, record: Record) -> Plan:
        """What is carried out now: the plan that the run was opened with, or the one that takes it back.

        Raises:
            UpgradeError: UPG-0405: the file has another plan than the one that the journal names.
        """
        plan, known = self.plan(), record.opened
        if known is not None and self._digest(PLAN) != known.plan_digest:
            raise _unfit(self.path / PLAN, f"it is plan {plan.id}, the run was opened with {known.plan}")
        if not record.going_back:
            return plan
        back = self.back_plan()
        if back is None:
            raise _unfit(self.path / BACK, "it is not there, and the run is being taken back")
        if record.back_plan and self._digest(BACK) != record.back_plan:
            raise _unfit(self.path / BACK, f"plan {back.id} is not the one that going back began with")
        return back

    def save_back_plan(self, plan: Plan) -> None:
        """Keep the plan that takes the run back."""
        atomic_write(self.path / BACK, pretty(plan).encode())

    def events(self) -> Sequence[RunEvent]:
        """Everything that its journal holds.

        Raises:
            UpgradeError: UPG-0502.
        """
        return read_events(self.path)

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
