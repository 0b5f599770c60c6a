"""Configuration files: strict, in order of precedence, each value with where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

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

    color: Literal["auto", "always", "never"] | None = None
    ascii: bool | None = None
    accessible: bool | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One configuration file. ``target``, ``playbook`` and ``manifests`` are for the project's file only.

    Attributes:
        istioctl: An istioctl, or a folder that holds several.
    """

    apiVersion: Literal["upgrader/v1"]  # noqa: N815  Kubernetes' spelling
    target: str = ""
    playbook: str = ""
    manifests: str = ""
    istioctl: str = ""
    state: str = ""
    output: Output = Output()
    contexts: dict[str, ContextSettings] = {}


_PROJECT_ONLY = ("target", "playbook", "manifests")
_FILLED = ("state", "output.color", "output.ascii", "output.accessible")


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
    """Take from the strongest file that says it what neither a flag nor the environment said.

    Raises:
        UpgradeError: UPG-0002.
    """
    found = load(said)
    for name in _FILLED:
        value = _strongest(found, name)[0]
        attribute = name.removeprefix("output.")
        if value is not None and attribute not in said.heard:
            setattr(said, attribute, value)


def _strongest(found: Sequence[tuple[Path, Settings]], name: str) -> tuple[str | bool | None, Path | None]:
    """Value and file of a setting; nothing where no file says it."""
    for place, settings in found:
        value = attrgetter(name)(settings)
        if value not in {None, ""}:
            return value, place
    return None, None


def context_settings(said: Globals, context: str) -> ContextSettings:
    """What the strongest file says about *context*."""
    return next((s.contexts[context] for _, s in load(said) if context in s.contexts), ContextSettings())


def titled(said: Globals, context: str) -> str:
    """*context* with the word that a configuration file gives it: ``prod-eu1 (PRODUCTION)``."""
    banner = context_settings(said, context).banner
    return f"{context} ({banner})" if banner else context


def setting(said: Globals, name: str) -> str:
    """The strongest file's value of a text setting, or an empty string."""
    return next((value for _, s in load(said) if (value := str(getattr(s, name)))), "")


def view(said: Globals) -> list[tuple[str, str, str]]:
    """Name, value and origin of every setting in effect; a file's with the line."""
    found = load(said)
    rows = [_row(said, found, name) for name in (*_PROJECT_ONLY, "istioctl", *_FILLED)]
    known: set[str] = set()
    for place, settings in found:
        for context, value in settings.contexts.items():
            if context not in known:
                known.add(context)
                text = f"banner {value.banner or '-'}, require_saved_plan {str(value.require_saved_plan).lower()}"
                rows.append((f"contexts.{context}", text, f"{place}:{_line(place, 'contexts', context)}"))
    return rows


def _row(said: Globals, found: Sequence[tuple[Path, Settings]], name: str) -> tuple[str, str, str]:
    attribute = name.removeprefix("output.")
    value, place = _strongest(found, name)
    origin = f"{place}:{_line(place, *name.split('.'))}" if place else "default"
    if attribute in said.heard:
        origin = "flag" if attribute in said.given else "environment"
    if attribute in said.heard or value is None:
        value = getattr(said, attribute, "")
    return name, str(value).lower() if isinstance(value, bool) else str(value), origin


def _line(place: Path, *keys: str) -> int:
    """Where *place* says it, counted from 1."""
    import yaml

    node: Any = yaml.compose(place.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = 0
    for key in keys:
        name, node = next((k, v) for k, v in node.value if k.value == key)
        line = name.start_mark.line + 1
    return line


def _wrong(headline: str, why: str) -> UpgradeError:
    return UpgradeError(CODE, headline, why=why, do=("upgrade config path",), exit_code=Exit.CONFIG)
