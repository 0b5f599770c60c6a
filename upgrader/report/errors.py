"""Errors as people and scripts read them: code, headline, what, why, do, more, and what was left."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.cluster.clean import clean, clean_line
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure, Denied, Forbidden, Unauthorized, Unreachable
from upgrader.report.fitting import Typed, advice, fitted

WIDTH = 100
_MARGIN = 9


def error_text(error: UpgradeError, typed: Typed | None = None, width: int = WIDTH) -> str:
    """The message: headline, what, why, do, more, and whether anything was changed. Commands are never wrapped."""
    typed = typed or Typed()
    lines = fitted(f"error {error.code}: {clean_line(error.headline)}", width, "  ")
    lines += _block("what", _facts(error.what, width - _MARGIN))
    lines += _block("why", _facts((error.why,) if error.why else (), width - _MARGIN))
    lines += _block("do", advice(error.do, typed, width - _MARGIN))
    lines += _block("more", [f"{typed.program} explain {error.code}"])
    return "\n".join([*lines, *fitted(f"{clean_line(error.left)} (exit {int(error.exit_code)})", width)])


def _facts(paragraphs: Sequence[str], room: int) -> list[str]:
    return [piece for text in paragraphs for line in clean(text).splitlines() for piece in fitted(line, room)]


def _block(word: str, lines: Sequence[str]) -> list[str]:
    return [f"  {word if n == 0 else '':5}  {line}".rstrip() for n, line in enumerate(lines)]


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
