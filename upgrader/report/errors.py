"""Errors as people and scripts read them: code, headline, what, why, do, more, and what was left."""

from __future__ import annotations

import textwrap

from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure, Denied, Forbidden, Unauthorized, Unreachable

WIDTH = 100
_MARGIN = 9


def error_text(error: UpgradeError, *, program: str = "upgrade", flags: str = "", width: int = WIDTH) -> str:
    """The message. Commands in ``do`` are never wrapped; those of this program get the name the user typed and *flags*."""
    lines = [f"error {error.code}: {error.headline}"]
    lines += _block("what", error.what, width)
    lines += _block("why", (error.why,) if error.why else (), width)
    commands = [_command(one, program, flags) for one in error.do]
    lines += [f"  {'do' if n == 0 else '':5}  {one}" for n, one in enumerate(commands)]
    lines.append(f"  more   {program} explain {error.code}")
    return "\n".join([*(line.rstrip() for line in lines), f"{error.left} (exit {int(error.exit_code)})"])


def _block(word: str, paragraphs: tuple[str, ...], width: int) -> list[str]:
    pieces = [
        piece
        for text in paragraphs
        for line in text.splitlines()
        for piece in textwrap.wrap(line, width - _MARGIN, break_long_words=False, break_on_hyphens=False)
        or [""]
    ]
    return [f"  {word if n == 0 else '':5}  {piece}" for n, piece in enumerate(pieces)]


def _command(text: str, program: str, flags: str) -> str:
    """``upgrade resume`` as this user must type it: our commands repeat the cluster and the records they are about."""
    if not text.startswith("upgrade "):
        return text
    command, gap, remark = text.partition("  #")
    named = command.removeprefix("upgrade ")
    plain = named.split(" ")[0] in {"explain", "completion", "version"}
    return f"{program} {named.rstrip()}{'' if plain else flags}" + (
        f"  {gap.strip()}{remark}" if remark else ""
    )


def error_json(error: UpgradeError, form: str = "json") -> str:
    """One document with the same facts, as JSON or YAML."""
    found = {
        "schema": "upgrader.error/v1",
        "code": error.code,
        "message": error.headline,
        "what": list(error.what),
        "why": error.why,
        "fix": list(error.do),
        "left": error.left,
        "exit_code": int(error.exit_code),
    }
    if form == "yaml":
        import yaml

        return yaml.safe_dump(found, sort_keys=True).rstrip()
    return pretty(found).rstrip()


def of_failure(failure: ClusterFailure) -> UpgradeError:
    """A failed request, before anything was done, as an error for people."""
    what = (f"{failure.request}: {failure.message}" if failure.request else failure.message,)
    if isinstance(failure, Unauthorized):
        return UpgradeError(
            "UPG-0301", "the API server does not accept these credentials", what=what,
            why="nothing can be read or changed without them", do=("kubectl auth whoami", "log in again, then run the same command"),
            exit_code=Exit.NO_PERMISSION,
        )  # fmt: skip
    if isinstance(failure, Forbidden):
        return UpgradeError(
            "UPG-0302", "not allowed to read what this command needs", what=what,
            why="what cannot be read is not taken for absent", do=("kubectl auth can-i --list", "ask for the missing permission"),
            exit_code=Exit.NO_PERMISSION,
        )  # fmt: skip
    if not isinstance(failure, Unreachable) and (isinstance(failure, Denied) or not failure.ambiguous):
        return UpgradeError(
            "UPG-0602", "the API server refused a request", what=what, why="nothing is forced",
            do=("upgrade status      # if a run is open",), exit_code=Exit.ERROR, left="Nothing was changed by that request.",
        )  # fmt: skip
    return UpgradeError(
        "UPG-0009", "the cluster does not answer", what=what, why="everything this tool says is read from the cluster",
        do=("kubectl cluster-info", "kubectl config get-contexts"), exit_code=Exit.UNAVAILABLE,
    )  # fmt: skip
