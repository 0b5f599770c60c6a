"""The composition root: the only place that names adapters."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from upgrader import __version__
from upgrader.cli.input.options import Globals
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, FilesReader, ReadOnly, Rehearsal, Retrying, WithFiles
from upgrader.host.clock import Clock, SystemClock
from upgrader.model.snapshot import ClusterId, Snapshot

if TYPE_CHECKING:
    from upgrader.cluster.port import Cluster
    from upgrader.model.step import Reader

TOOL = f"upgrade {__version__}"
_KNOCKS = 2
"""Requests before a cluster that nothing was asked of yet counts as unreachable."""


@dataclass(frozen=True)
class Connection:
    """A cluster that answered.

    Attributes:
        cluster: Can write; only ``acting`` and the engine's session are given it.
        counted: Requests sent so far, by method.
        stopped: Whether somebody wants this process to stop; asked while others' programs run.
    """

    cluster: RestCluster
    id: ClusterId
    counted: Counting
    clock: Clock
    insecure: bool = False
    stopped: Callable[[], object] = lambda: False

    @property
    def reader(self) -> Reader:
        """The cluster, for looking only."""
        return ReadOnly(self.cluster)

    def with_files(self, folder: Path | None, mounts: Mapping[str, Path] | None = None) -> Reader:
        """For looking, with the files of a run directory (or *mounts* that stand for its folders)."""
        return FilesReader(self.cluster, folder, mounts)

    def acting(self, folder: Path) -> Cluster:
        """For writing, with the files of a run directory."""
        return WithFiles(self.cluster, folder)

    def rehearsing(self, mounts: Mapping[str, Path]) -> Reader:
        """For dry runs, with the files of folders that stand for those of a run."""
        return FilesReader(Rehearsal(self.cluster), None, mounts)


def connect(said: Globals, clock: Clock | None = None) -> Connection:
    """The cluster the user means.

    Raises:
        UpgradeError: no kubeconfig, no such context, not a cluster.
        ClusterFailure: it does not answer, or refuses.
    """
    from upgrader.cluster.kube import KubeTransport

    clock = clock or SystemClock()
    transport = KubeTransport(said.access, clock)
    counted = Counting(transport)
    found = identify(
        RestCluster(Retrying(counted, clock, attempts=_KNOCKS)), transport.context, transport.server
    )
    cluster = RestCluster(Retrying(counted, clock))
    return Connection(cluster, found, counted, clock, transport.insecure)


def survey(connection: Connection) -> Snapshot:
    """Everything there is to know, read once.

    Raises:
        ClusterFailure: the cluster cannot be read at all.
    """
    from upgrader.survey.take import take

    with _seldom_collecting():
        return take(connection.reader, connection.id, connection.clock.now())


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Pages of pods become a million small objects without cycles; the collector would walk those that stay over and over.

    Measured with 5,000 pods: a third of the time that the survey takes itself, and no more memory.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def scenarios() -> list[tuple[str, str, str]]:
    """Name, description and target of every sandbox scenario."""
    from upgrader.sandbox.scenarios.scenario import names, read_scenario

    return [(name, read_scenario(name).about, read_scenario(name).target) for name in names()]


class Sandbox:
    """A scenario, loaded and ready to be served; a cluster of its own each time, with uids of its own.

    Args:
        kubernetes: Minor; the scenario's own when empty.
        speed: How much faster than real time it lives.
        rbac: Users other than ``admin`` may do what roles allow, and no more.
    """

    def __init__(self, scenario: str, kubernetes: str, speed: float, *, rbac: bool = False) -> None:
        from upgrader.sandbox.scenarios.loader import load
        from upgrader.sandbox.scenarios.scenario import read_scenario
        from upgrader.sandbox.world import World

        self._scenario = scenario
        self._kubernetes = kubernetes or read_scenario(scenario).kubernetes
        self._speed = speed
        self._world = World(kubernetes=self._kubernetes, seed=secrets.randbits(32))
        load(self._world, scenario)
        self._world.api.rbac.enforced = rbac

    @contextmanager
    def serve(self, host: str, port: int, kubeconfig: Path, audit: Path | None) -> Iterator[str]:
        """Listen and live until the block ends; kubeconfig and manifests are there as long.

        Raises:
            OSError: the address is in use, or a file cannot be written.
        """
        from upgrader.sandbox.scenarios.versions import write_manifests
        from upgrader.sandbox.serving.kubeconfig import write_kubeconfig
        from upgrader.sandbox.serving.life import Life
        from upgrader.sandbox.serving.server import Server

        write_manifests(self._scenario, kubeconfig.parent / "manifests", self._kubernetes)
        if audit is not None:
            self._world.audit.write_to(audit)
        with Server(self._world, host, port) as server, Life(self._world, self._speed):
            write_kubeconfig(kubeconfig, server.url)
            try:
                yield server.url
            finally:
                kubeconfig.unlink(missing_ok=True)
