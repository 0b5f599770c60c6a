"""A small program that behaves as istioctl does, written by the test that needs it: a real process, and real files."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path

from upgrader.sandbox.scenarios.versions import version_folders

HEALTHY = "echo '✔ No issues found when checking the cluster.' >&2"
"""``precheck`` writes nothing else when all is well."""


def rendered(version: str, scenario: str = "shop") -> str:
    """What ``manifest generate`` of *version* writes: every document, one after the other; nothing for an unknown one."""
    return "\n---\n".join(_folders(scenario).get(version, {}).values())


@cache
def _folders(scenario: str) -> dict[str, dict[str, str]]:
    return version_folders(scenario)


def write_istioctl(
    place: Path,
    version: str,
    *,
    told: str = "",
    render: str = "",
    manifest: str | None = None,
    precheck: str = HEALTHY,
    analyze: str = "echo '[]'",
) -> Path:
    """An executable file *place*.

    Args:
        place: Where.
        version: Whose.
        told: Shell of ``version``, if not the JSON that says so.
        render: Shell of ``manifest generate``, if it does not write *manifest*.
        manifest: YAML; the sandbox's own of that version unless given.
        precheck: Shell of ``x precheck``.
        analyze: Shell of ``analyze``.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    data = place.with_name(f"{place.name}.rendered")
    data.write_text(
        rendered(version) if manifest is None and not render else manifest or "", encoding="utf-8"
    )
    says = json.dumps({"clientVersion": {"version": version, "status": "Clean"}})
    log = shlex.quote(str(place.with_name(f"{place.name}.log")))
    options = shlex.quote(str(place.with_name(f"{place.name}.options")))
    place.write_text(
        f"""#!/bin/sh
echo "$*" >> {log}
case "$1" in
  version) {told or f"echo {shlex.quote(says)}"} ;;
  manifest) for word in "$@"; do case "$word" in *.yaml) cat "$word" >> {options} ;; esac; done
    {render or f"cat {shlex.quote(str(data))}"} ;;
  x) {precheck} ;;
  analyze) {analyze} ;;
esac
""",
        encoding="utf-8",
    )
    place.chmod(0o755)
    return place


def asked(place: Path) -> list[str]:
    """Every call so far: its words."""
    log = place.with_name(f"{place.name}.log")
    return log.read_text().splitlines() if log.exists() else []
