"""Playbooks: from a folder or file to values."""

from __future__ import annotations

from pathlib import Path

from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.playbook import Playbook
from upgrader.playbook.render import check_template
from upgrader.playbook.strict import read

CODE = "UPG-0004"
APPROVAL_FACTS = ("wave", "namespaces", "source", "target", "old", "new")
"""What a message may mention."""


def parse_playbook(text: str, file: str) -> Playbook:
    """Read the text of a playbook.

    Raises:
        UpgradeError: UPG-0004 with file and line: unknown key, wrong type, duplicate wave, a template that names an
            unknown fact.
    """
    playbook = read(text, Playbook, file, code=CODE)
    names = [wave.name for wave in playbook.waves]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _wrong(file, f"two waves are called {twice[0]}", "give each wave its own name")
    for wave in playbook.waves:
        if wave.at_once < 1:
            raise _wrong(file, f"wave {wave.name}: at_once is {wave.at_once}", "use 1 or more")
    for name, template in (("approval", playbook.messages.approval), ("retire", playbook.messages.retire)):
        problem = check_template(template, APPROVAL_FACTS)
        if problem:
            raise _wrong(file, f"messages.{name}: {problem}", f"facts on offer: {', '.join(APPROVAL_FACTS)}")
    return playbook


def load_playbook(path: Path) -> Playbook:
    """Read a playbook file, or ``playbook.yaml`` of a folder.

    Raises:
        UpgradeError: UPG-0004, also when the file can not be read.
    """
    file = path / "playbook.yaml" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise _wrong(str(file), f"can not be read: {reason}", "upgrade plan --playbook PATH") from error
    return parse_playbook(text, str(file))


def _wrong(file: str, headline: str, do: str) -> UpgradeError:
    return UpgradeError(
        CODE,
        f"{file}: {headline}",
        why="what is not understood is not carried out",
        do=(do,),
        exit_code=Exit.CONFIG,
    )
