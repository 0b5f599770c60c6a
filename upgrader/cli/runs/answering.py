"""Answers to the questions of advisories: those of the playbook, and those of the command line over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from upgrader.checks.advisories.choosing import checked
from upgrader.model.answer import Answer, parse_answer
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.playbook import Playbook
from upgrader.model.version import Version


def answers_of(given: Sequence[str], playbook: Playbook, folder: Path | None = None) -> tuple[Answer, ...]:
    """Every answer, one for each advisory, sorted by id.

    Args:
        given: ``ID=yes``, ``ID=no``, either with ``:TEXT``.
        playbook: Its ``answers``; what is *given* goes before.
        folder: A site's own catalog.

    Raises:
        UpgradeError: UPG-0364 one of them is no answer, or none to a question that there is.
    """
    kept = [(id_, _word(said)) for id_, said in playbook.answers.items()]
    spoken = [(one.partition("=")[0], one.partition("=")[2]) for one in given]
    return checked([_read(id_, said) for id_, said in (*kept, *spoken)], folder)


def of_the_way(
    answers: Sequence[Answer], path: Sequence[Version], given: Sequence[str]
) -> tuple[Answer, ...]:
    """Those that the plan records: of minors that it enters, and whatever was said for this plan alone."""
    entered = {v.series for v in path[1:]}
    said = {one.partition("=")[0].strip().lower() for one in given}
    return tuple(a for a in answers if a.id in said or a.id.partition("-")[0] in entered)


def _word(said: str | bool) -> str:
    """YAML reads a bare yes and no as truth values."""
    return said if isinstance(said, str) else "yes" if said else "no"


def _read(id_: str, said: str) -> Answer:
    try:
        return parse_answer(id_, said)
    except ValueError as error:
        raise UpgradeError(
            "UPG-0364",
            f"answer to {id_}: {error}" if said else f"answer to {id_}: it says neither yes nor no",
            why="an answer is recorded in the plan, and no ends a warning",
            do=(f"--answer {id_}=no      # or yes; a text may follow: no:TEXT",),
            exit_code=Exit.USAGE,
        ) from error
