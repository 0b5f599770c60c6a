"""istioctl as ``plan`` uses it: which ones there are, what they render, what they say of the cluster."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from upgrader.cli.input.configuration import setting
from upgrader.cli.input.options import Globals
from upgrader.host.istioctl import Found, ask, find, places, start
from upgrader.host.process import Ended, Process
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.finding import Finding
from upgrader.model.installing import Binary
from upgrader.model.version import Version
from upgrader.planning.rendering.upstream import NOTHING, could_not_look, findings_of, messages_of

RENDERING = 60.0
"""Seconds for one rendering; it takes one or two."""
LOOKING = 300.0
"""Seconds for one look at a whole cluster."""
_ERRORS = 12


def cache() -> Path:
    """Where fetched programs and rendered manifests are kept."""
    return Path(platformdirs.user_cache_dir("upgrader"))


def found_here(said: Globals, named: Sequence[str]) -> Found:
    """Every istioctl: named ones, the configuration's, those of the cache, those in PATH.

    Raises:
        UpgradeError: UPG-0108: one that was named is none.
    """
    return find(places(named, setting(said, "istioctl"), cache() / "istioctl"))


def check_hops(minors: Sequence[Version], found: Found) -> None:
    """There is one for every minor on the way.

    Raises:
        UpgradeError: UPG-0105 naming the first hop that has none.
    """
    ready = {v.series for v in found.versions}
    for hop, minor in enumerate(minors, 1):
        if minor.series not in ready:
            raise _none_for(hop, minor, found)


def _none_for(hop: int, minor: Version, found: Found) -> UpgradeError:
    have = [f"found {b.version}: {b.path}" for b in found.binaries]
    return UpgradeError(
        "UPG-0105",
        f"no istioctl for hop {hop} (needs {minor.series}.x)",
        what=(*(have or ("found none",)), *found.passed_over, f"looked into {cache() / 'istioctl'} and PATH"),
        why="each hop is rendered by the istioctl of its own version",
        do=(
            "upgrade plan --istioctl PATH      # a file, or a folder that holds several; may be repeated",
            f"or put it to {cache() / 'istioctl' / f'{minor.series}.N' / 'istioctl'}, or set istioctl in .upgrader.yaml",
            f"or render it elsewhere: upgrade plan --manifests DIR      # DIR/{minor.series}.N/istiod.yaml",
        ),
        exit_code=Exit.BLOCKED,
    )


def generated(binary: Binary, files: Sequence[str], stopped: Callable[[], object]) -> bytes:
    """What ``manifest generate`` writes for the revision of *binary*'s own version.

    Args:
        binary: Which istioctl.
        files: IstioOperators as YAML, the last one wins.
        stopped: Asked meanwhile; ends it.

    Raises:
        UpgradeError: UPG-0109: it failed or hung; UPG-0108: it is not the file that it was.
    """
    revision = Version.parse(binary.version).revision
    words = ["manifest", "generate", "--set", "profile=minimal", "--set", f"revision={revision}"]
    with tempfile.TemporaryDirectory() as home:
        for number, text in enumerate(files):
            place = Path(home) / f"{number}.yaml"
            place.write_text(text, encoding="utf-8")
            words += ["-f", str(place)]
        ended = ask(binary, words, seconds=RENDERING, home=Path(home), stopped=stopped)
    if ended.failed:
        raise not_rendered(binary, ended.failed, ended)
    return ended.out


def not_rendered(binary: Binary, why: str, ended: Ended | None = None) -> UpgradeError:
    """UPG-0109: what it wrote cannot be applied."""
    told = [line.strip()[:300] for line in (ended.err if ended else "").splitlines() if line.strip()]
    return UpgradeError(
        "UPG-0109",
        f"istioctl {binary.version} did not render its control plane",
        what=(f"{binary.path}: {why}", *told[:_ERRORS]),
        why="half a manifest is never applied",
        do=(
            "look at the options it was given: upgrade plan -o wide      # of a version that can be rendered",
            "or change one in the overlay of the playbook (install.overlay)",
        ),
        exit_code=Exit.BLOCKED,
    )


@dataclass(frozen=True)
class Looks:
    """Upstream's own checks, running.

    Attributes:
        binary: Who looks; None where there is no istioctl.
    """

    binary: Binary | None
    running: tuple[tuple[str, Process], ...] = ()

    @property
    def number(self) -> int:
        """How many checks these are."""
        return len(self.running)

    def findings(self, stopped: Callable[[], object]) -> Iterator[Finding]:
        """What they say, once they have ended; that they could not look is a finding too."""
        for tool, process in self.running:
            assert self.binary is not None
            yield from _told(tool, process.finish(stopped), f"istioctl {self.binary.version}")


@contextmanager
def looking(
    said: Globals, binary: Binary | None, revision: str, *, seconds: float = LOOKING
) -> Iterator[Looks]:
    """``analyze`` and ``precheck`` of *binary* on the cluster of *said*, beside everything else; ended with the block.

    Neither writes: they list, and ask the API server what they would be allowed to do.

    Raises:
        UpgradeError: UPG-0108: the file is not what it was.
    """
    if binary is None:
        yield Looks(None)
        return
    files = said.kubeconfig if os.pathsep in said.kubeconfig else ""
    reach = _reaching(said, "" if files else said.kubeconfig)
    asked = {
        "precheck": ["x", "precheck", "-o", "json"],
        "analyze": ["analyze", "-A", "-o", "json", "--revision", revision],
    }
    with ExitStack() as stack:
        running = tuple(
            (
                tool,
                stack.enter_context(
                    start(binary, [*words, *reach], seconds=seconds, home=None, kubeconfig=files)
                ),
            )
            for tool, words in asked.items()
        )
        yield Looks(binary, running)


def _reaching(said: Globals, kubeconfig: str) -> list[str]:
    """The same cluster, as the same person; a list of files is for the environment, the flag takes one."""
    pairs = [
        ("--kubeconfig", kubeconfig),
        ("--context", said.context),
        ("--istioNamespace", said.istio_namespace),
        ("--as", said.as_user),
        *(("--as-group", group) for group in said.as_group),
    ]
    return [word for name, value in pairs if value for word in (name, value)]


def _told(tool: str, ended: Ended, program: str) -> Iterator[Finding]:
    """Findings of one look. Its exit status says nothing: it is not zero when there is something to say."""
    messages = messages_of(ended.out)
    if tool == "precheck" and not ended.out.strip() and NOTHING in ended.err and not ended.failed:
        messages = ()
    if messages is None or ended.late or ended.cut or ended.code < 0:
        last = [line.strip() for line in ended.err.splitlines() if line.strip()]
        why = ended.failed or "it wrote no JSON"
        yield could_not_look(tool, f"{why}: {last[-1][:200]}" if last else why, program)
        return
    yield from findings_of(tool, messages, program)
