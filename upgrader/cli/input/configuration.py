"""Configuration files: strict, in order of precedence, each value with where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import platformdirs

from upgrader.cli.input.options import Globals
from upgrader.model.errors import Exit, UpgradeError
from upgrader.playbook.strict import read

CODE = "UPG-0002"


class ContextSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for one context.

    Attributes:
        banner: A word that every screen about this cluster shows: ``PRODUCTION``.
        require_saved_plan: ``apply`` without a saved plan is refused.
    """

    banner: str = ""
    require_saved_plan: bool = False


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How text looks, where no flag says otherwise."""

    color: Literal["auto", "always", "never"] = "auto"
    ascii: bool = False
    accessible: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One configuration file. ``target``, ``playbook`` and ``manifests`` are for the project's file only."""

    apiVersion: Literal["upgrader/v1"]  # noqa: N815  Kubernetes' spelling
    target: str = ""
    playbook: str = ""
    manifests: str = ""
    state: str = ""
    output: Output = Output()
    contexts: dict[str, ContextSettings] = {}


_PROJECT_ONLY = ("target", "playbook", "manifests")


def places(said: Globals) -> list[Path]:
    """Files that may hold settings, the strongest first."""
    named = [Path(said.config)] if said.config else []
    user = Path(platformdirs.user_config_dir("upgrader")) / "config.yaml"
    return [*named, Path(".upgrader.yaml"), user, Path("/etc/xdg/upgrader/config.yaml")]


def load(said: Globals) -> list[tuple[Path, Settings]]:
    """Every file that exists, decoded, the strongest first.

    Raises:
        UpgradeError: UPG-0002 with file and line: unknown key, wrong value, a project's setting in a user's file, or
            a file named with --config that is not there.
    """
    found: list[tuple[Path, Settings]] = []
    for place in places(said):
        if not place.is_file():
            if said.config and place == Path(said.config):
                raise _wrong(f"{place} does not exist", "--config FILE names a file")
            continue
        settings = read(place.read_text(encoding="utf-8"), Settings, str(place), code=CODE)
        project = str(place) in {said.config, ".upgrader.yaml"}
        misplaced = [name for name in _PROJECT_ONLY if getattr(settings, name) and not project]
        if misplaced:
            raise _wrong(
                f"{place}: {misplaced[0]} belongs into the project's file",
                "what steers an upgrade must be reviewable",
            )
        found.append((place, settings))
    return found


def fill(said: Globals) -> None:
    """Take from the strongest file what neither a flag nor the environment said.

    Raises:
        UpgradeError: UPG-0002.
    """
    found = [settings for _, settings in load(said)]
    said.state = said.state or next((s.state for s in found if s.state), "")
    shown = next((s.output for s in found if s.output != Output()), Output())
    said.color = shown.color if said.color == "auto" else said.color
    said.ascii, said.accessible = said.ascii or shown.ascii, said.accessible or shown.accessible


def context_settings(said: Globals, context: str) -> ContextSettings:
    """What the strongest file says about *context*."""
    return next((s.contexts[context] for _, s in load(said) if context in s.contexts), ContextSettings())


def setting(said: Globals, name: str) -> str:
    """The strongest file's value of a text setting, or an empty string."""
    return next((value for _, s in load(said) if (value := str(getattr(s, name)))), "")


def view(said: Globals) -> list[tuple[str, str, str]]:
    """Name, value and origin of every setting in effect."""
    files = load(said)
    rows = []
    for name in ("target", "playbook", "manifests", "state"):
        flag = str(getattr(said, name, "") or "")
        place, value = next(
            ((str(p), str(getattr(s, name))) for p, s in files if getattr(s, name)), ("default", "")
        )
        rows.append((name, flag or value, "flag or environment" if flag else place))
    place, output = next(
        ((str(p), s.output) for p, s in files if s.output != Output()), ("default", Output())
    )
    rows += [
        (f"output.{k}", str(getattr(output, k)).lower(), place) for k in ("color", "ascii", "accessible")
    ]
    for where, one in files:
        rows += [
            (
                f"contexts.{c}",
                f"banner {v.banner!r}, require_saved_plan {v.require_saved_plan}".lower(),
                str(where),
            )
            for c, v in one.contexts.items()
        ]
    return rows


def _wrong(headline: str, why: str) -> UpgradeError:
    return UpgradeError(CODE, headline, why=why, do=("upgrade config path",), exit_code=Exit.CONFIG)
