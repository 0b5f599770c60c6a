"""The overlay of a playbook: an IstioOperator whose settings come after those of the running installation.

Plain YAML, no template: what differs from run to run is the revision and the release, and those are set by the plan.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import yaml

from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import Obj
from upgrader.model.said_once import once_loader

_DECIDED = (("revision",), ("tag",), ("values", "revision"), ("values", "global", "tag"), ("profile",))
"""What the plan decides: a file that says it too would be overruled in silence, or break the hop."""


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was read.

    Attributes:
        digest: SHA-256 of its bytes.
    """

    path: str
    text: str
    digest: str
    spec: Obj


def read_overlay(path: Path) -> Overlay:
    """The IstioOperator in *path*.

    Raises:
        UpgradeError: UPG-0110: it cannot be read, says a key twice, is no IstioOperator, or sets what the plan decides.
    """
    try:
        data = path.read_bytes()
        found = list(yaml.load_all(data, Loader=once_loader()))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = (
            error.strerror or "it cannot be read"
            if isinstance(error, OSError)
            else str(error).splitlines()[0]
        )
        raise _unfit(path, reason) from error
    if len(found) != 1 or not isinstance(found[0], dict) or found[0].get("kind") != "IstioOperator":
        raise _unfit(path, "it is not one IstioOperator")
    spec = found[0].get("spec")
    spec = {} if spec is None else spec
    if not isinstance(spec, dict):
        raise _unfit(path, "its spec is not a mapping")
    for keys in _DECIDED:
        if _at(spec, keys) is not None:
            raise _unfit(path, f"it sets spec.{'.'.join(keys)}, which the plan decides")
    return Overlay(path=str(path), text=data.decode(), digest=sha256(data).hexdigest(), spec=spec)


def _at(found: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _unfit(path: Path, what: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0110",
        f"{path} is no overlay",
        what=(what,),
        why="an overlay is one IstioOperator with options for every new revision; revision and release are the plan's",
        do=(f"mend {path}, or take install.overlay out of the playbook",),
        exit_code=Exit.CONFIG,
    )
