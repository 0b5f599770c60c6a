"""Binaries of the bed: built once into a cache outside the tree, keyed by everything that they are made from."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path

from tests.bed.versions import PARTS, Program, programs

CACHE = "UPGRADER_BED_CACHE"
_OPTIONS = ("-trimpath",)
_GATEWAY_API = "sigs.k8s.io/gateway-api"


class Unable(Exception):
    """The bed cannot be made on this machine; one line says why."""


def cache() -> Path:
    """Where binaries stay between runs."""
    return Path(os.environ.get(CACHE) or user_cache_path("upgrader-bed"))


def place(program: Program) -> Path:
    """Where the binary of *program* is, or will be."""
    made_from = [(PARTS / program.module / name).read_bytes() for name in ("go.mod", "go.sum", "parts.go")]
    words = [program.package, *_OPTIONS, _linker(program), *program.tags]
    key = sha256(b"\0".join([*made_from, *(word.encode() for word in words)])).hexdigest()[:12]
    return cache() / f"{program.name}-{program.version}-{key}" / program.name


def gateway_api() -> Path:
    """Folder of the Gateway API's resource definitions, of the version that istiod is built with."""
    lines = (PARTS / "istio" / "go.mod").read_text().split("\n")
    version = next(line.split()[1] for line in lines if line.strip().startswith(f"{_GATEWAY_API} "))
    return cache() / f"gateway-api-{version}"


def build(minor: str) -> dict[str, float]:
    """Build what is missing for that Kubernetes minor, one after the other.

    Returns:
        ``name version`` to seconds, of what was built; empty when nothing was missing.

    Raises:
        Unable: no Go, or a build failed.
    """
    took: dict[str, float] = {}
    if gateway_api().exists() and all(place(program).exists() for program in programs(minor)):
        return took
    with _alone():
        for program in programs(minor):
            if place(program).exists():
                continue
            name = f"{program.name} {program.version}"
            print(f"building {name} …", flush=True)
            begun = time.monotonic()
            _compile(program)
            took[name] = time.monotonic() - begun
            print(f"built {name} in {took[name]:.0f} s", flush=True)
        _copy_definitions()
    return took


def _compile(program: Program) -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Unable("the bed is built from source and needs Go: none was found in PATH")
    target = place(program)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_suffix(".made")
    command = [go, "build", *_OPTIONS, "-ldflags", _linker(program), "-o", str(made), program.package]
    settings = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        command, cwd=PARTS / program.module, env=settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-3:]
        raise Unable(f"{program.name} {program.version} could not be built: {' / '.join(last)}")
    made.rename(target)


def _copy_definitions() -> None:
    if gateway_api().exists():
        return
    words = ["go", "mod", "download", "-json", _GATEWAY_API]
    done = subprocess.run(words, cwd=PARTS / "istio", capture_output=True, text=True, check=False)
    source = Path(json.loads(done.stdout or "{}").get("Dir", "/")) / "config/crd/standard"
    if not source.is_dir():
        raise Unable(f"the definitions of the Gateway API were not found: {done.stdout}{done.stderr}")
    made = gateway_api().with_suffix(".made")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(source, made, copy_function=shutil.copyfile)
    made.rename(gateway_api())


def _linker(program: Program) -> str:
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.variables.items())])


@contextmanager
def _alone() -> Iterator[None]:
    """Two builds at once would only slow each other down."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
