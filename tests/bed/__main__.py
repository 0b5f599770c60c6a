"""``python -m tests.bed``: build it, or run something in it."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bed.build import Unable, build, cache, place
from tests.bed.control_plane import ETCD
from tests.bed.space import enter, python, settle_in
from tests.bed.versions import KUBERNETES, NEW, OLD, USUAL, istio, kubectl

_ABOUT = """
build   build what is missing, for one Kubernetes minor
test    run pytest with the given arguments, in a network of its own, where tests start a bed each
bench   look at a mesh of thousands of pods in every way, and print what each costs
shell   start one bed and run a command in it; $SHELL when none is given
"""
MINOR = "UPGRADER_BED_KUBERNETES"


def main(arguments: Sequence[str]) -> int:
    """Exit code of what was run; 1 with one line when this machine cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bed", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("build", "test", "bench", "shell", "inside"))
    parser.add_argument("--kubernetes", choices=sorted(KUBERNETES), default=os.environ.get(MINOR) or USUAL)
    said, rest = parser.parse_known_args(arguments)
    rest = [word for word in rest if word != "--"]
    try:
        return _do(said.what, said.kubernetes, rest)
    except Unable as unable:
        print(f"bed: {unable}", file=sys.stderr)
        return 1


def _do(what: str, minor: str, rest: list[str]) -> int:
    if what == "inside":
        return _inside(rest[0], minor, rest[1:])
    took = build(minor)
    print(
        f"bed: {len(took)} programs built, all of Kubernetes {minor} and Istio are in {cache()}", flush=True
    )
    if what == "build":
        return 0
    child = os.fork()
    if child == 0:
        enter(python("-m", "tests.bed", "inside", "--kubernetes", minor, what, "--", *rest))
    return _wait(child)


def _wait(child: int) -> int:
    """Its exit code. What waits in ``unshare`` is deaf to SIGTERM, so that becomes a kill, which takes all along."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    while True:
        try:
            _, status = os.waitpid(child, 0)
            return os.waitstatus_to_exitcode(status)
        except KeyboardInterrupt:
            continue  # the child was interrupted too, and is cleaning up


def _inside(what: str, minor: str, rest: list[str]) -> int:
    folder = settle_in()
    settings = os.environ | {MINOR: minor, "TMPDIR": str(folder)} | _whereabouts(folder, minor)
    if what == "test":
        return _run(
            python("-m", "pytest", "-m", "e2e", "--timeout=600", f"--basetemp={folder / 'pytest'}", *rest),
            settings,
        )
    if what == "bench":
        return _run(python("-m", "tests.bed.bench", minor), settings)
    from tests.bed.bed import Bed

    with Bed(folder / "bed", minor) as bed:
        settings |= {"KUBECONFIG": str(bed.kubeconfig()), "BED": str(bed.folder)}
        return _run(rest or [os.environ.get("SHELL", "sh")], settings)


def _whereabouts(folder: Path, minor: str) -> dict[str, str]:
    """Where everything will be, for tests that can be asked of any real server."""
    for name, program in {
        "pilot-discovery": istio(NEW)[0],
        "istioctl": istio(NEW)[1],
        **{f"istioctl-{stamp}": istio(stamp)[1] for stamp in (OLD, NEW)},
        "path/kubectl": kubectl(minor),
    }.items():
        link = folder / "bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(place(program))
    return {
        "PATH": f"{folder / 'bin/path'}:{os.environ['PATH']}",
        "UPGRADER_BED_KUBECONFIG": str(folder / "bed/admin.kubeconfig"),
        "UPGRADER_BED_BIN": str(folder / "bin"),
        "UPGRADER_BED_ETCD": ETCD,
    }


def _run(command: list[str], settings: dict[str, str]) -> int:
    with subprocess.Popen(command, env=settings) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # it got the same signal


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
