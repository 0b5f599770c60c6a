"""Where things are that the user did not name."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from upgrader.cli.input.options import Globals
from upgrader.cluster.access import Access
from upgrader.host.shipped import playbooks


def runs_folder(said: Globals) -> Path:
    """Folder of run directories: ``--state``, else ``./state/runs`` where ``./state`` exists, else the XDG state folder."""
    if said.state:
        return Path(said.state.removeprefix("file:"))
    here = Path("state")
    return here / "runs" if here.is_dir() else Path(platformdirs.user_state_dir("upgrader")) / "runs"


def playbook_path(named: str) -> Path:
    """A playbook file or folder; a bare word names one that is shipped."""
    path = Path(named)
    shipped = playbooks() / named
    return shipped if not path.exists() and os.sep not in named and shipped.is_dir() else path


def manifests_folder(named: str, playbook_folder: str, access: Access) -> Path | None:
    """Folder with one sub-folder per version: named, the playbook's, ``./manifests``, or beside the kubeconfig."""
    if named or playbook_folder:
        return Path(named or playbook_folder)
    beside = [Path(one).expanduser().parent / "manifests" for one in access.paths.split(os.pathsep) if one]
    return next((place for place in (Path("manifests"), *beside) if place.is_dir()), None)
