"""Which advisories a plan has to ask, and whether an answer is one to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from upgrader.catalog.advisories import advisories_of, advisory, minors_with_advisories, near_ids
from upgrader.catalog.advisory import Advisory
from upgrader.catalog.load import site_flag, unusable
from upgrader.checks.advisories.named import NAMED
from upgrader.model.answer import Answer
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.version import Version


def advisories_along(
    path: Iterable[Version], folder: Path | None = None
) -> Mapping[str, tuple[Advisory, ...]]:
    """Minor to what changes when one moves onto it, for each minor of *path* but the first.

    Raises:
        UpgradeError: UPG-0003 a file is not usable, or names a check that there is none of.
    """
    _, *entered = (*dict.fromkeys(v.series for v in path), "")
    return {minor: known(minor, folder) for minor in entered if minor}


def known(minor: str, folder: Path | None = None) -> tuple[Advisory, ...]:
    """What changes when one moves onto *minor*; every named check that it needs exists.

    Raises:
        UpgradeError: UPG-0003.
    """
    found = advisories_of(minor, folder)
    for one in found:
        for detector in one.detect:
            if detector.check and detector.check not in NAMED:
                near = near_ids(detector.check, NAMED)
                raise unusable(
                    f"{minor}.yaml",
                    f"{one.id}: there is no check {detector.check!r}; near: {', '.join(near) or 'none'}",
                )
    return found


def checked(answers: Iterable[Answer], folder: Path | None = None) -> tuple[Answer, ...]:
    """*answers* by id, one each (the last one counts), when each is one to an advisory that can be answered.

    Raises:
        UpgradeError: UPG-0364 there is no such advisory, or what it says is not a question.
    """
    found: dict[str, Answer] = {}
    for answer in answers:
        one = next((a for a in known(answer.id.partition("-")[0], folder) if a.id == answer.id), None)
        if one is None:
            raise _unknown(answer.id, folder)
        if not (one.ask or (one.detect and not one.certain)):
            raise _no_question(one, folder)
        found[answer.id] = answer
    return tuple(sorted(found.values()))


def explain(id_: str, site: str | Path = "") -> str:
    """The command that tells about an advisory: with the *site*'s catalog where ours has none of that id, or another."""
    other = site and advisory(id_) != advisory(id_, Path(site))
    return f"upgrade explain {id_}{site_flag(site) if other else ''}"


def _unknown(id_: str, folder: Path | None) -> UpgradeError:
    every = [a.id for minor in minors_with_advisories(folder) for a in advisories_of(minor, folder)]
    near = near_ids(id_, every)
    return UpgradeError(
        "UPG-0364",
        f"there is no advisory {id_}",
        what=(f"near: {', '.join(near)}",) if near else (),
        why="an answer is recorded in the plan and may silence a warning, so it must name the right one",
        do=(explain(near[0], folder or "") if near else "upgrade explain UPG-0362",),
        exit_code=Exit.USAGE,
    )


def _no_question(one: Advisory, folder: Path | None) -> UpgradeError:
    certain = bool(one.detect)
    return UpgradeError(
        "UPG-0364",
        f"{one.id} is no question",
        what=("the objects of the cluster prove it",) if certain else ("nothing depends on an answer to it",),
        why="an answer counts where the cluster cannot tell",
        do=(f"--allow UPG-0360:{one.id} --reason TEXT      # to go on although it concerns the mesh",)
        if certain
        else (explain(one.id, folder or ""),),
        exit_code=Exit.USAGE,
    )
