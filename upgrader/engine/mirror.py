"""Copies of a run in the cluster, so that another person resumes it from another machine.

Sealed segments are immutable ConfigMaps, a head ConfigMap names them. Backups are not copied: configuration may hold
credentials; the index with their digests is part of the journal's evidence only.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

from upgrader.cluster.port import Cluster
from upgrader.engine.folder import BACK, PLAN, RunFolder
from upgrader.engine.journal import HEAD, NAME
from upgrader.engine.lease import HOME
from upgrader.host.files import atomic_write, private_directory
from upgrader.model.change import Create, Patch
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure, Conflict
from upgrader.model.kinds import CONFIG_MAP, Obj, Ref
from upgrader.model.step import Reader

LABEL = "upgrader.istio/run"
CHUNK = 512 * 1024
"""Bytes of one ConfigMap's content; the server's limit is 1 MiB for the whole object."""


class Mirror:
    """The copy of one run.

    Args:
        folder: What is copied.
    """

    def __init__(self, cluster: Cluster, folder: RunFolder) -> None:
        self._cluster = cluster
        self._folder = folder
        self._done = 0
        self._names: list[str] = []
        self._known = False

    def sync(self) -> str:
        """Copy what is new. Returns why it could not be done, or an empty string."""
        try:
            self._learn()
            self._copy()
        except Conflict as failure:
            return f"somebody else writes the copy: {failure.message}"
        except (ClusterFailure, OSError) as failure:
            return str(failure)
        return ""

    def _learn(self) -> None:
        """What an earlier process copied."""
        if self._known:
            return
        head = self._cluster.get(_head(self._folder.run))
        if head is not None:
            told = head.get("data") or {}
            self._done, self._names = int(told.get("journal", 0)), json.loads(told.get("parts", "[]"))
        self._known = True

    def _copy(self) -> None:
        files = {} if self._names else _files(self._folder)
        if (self._folder.path / BACK).exists() and not any("-back-" in name for name in self._names):
            self._store("back", _pack({BACK: (self._folder.path / BACK).read_bytes()}))
        if files:
            self._store("files", _pack(files))
        with (self._folder.path / NAME).open("rb") as file:
            file.seek(self._done)
            fresh = file.read()
        if fresh:
            self._store(f"journal-{self._done}", zlib.compress(fresh))
            self._done += len(fresh)
            self._point()

    def _store(self, word: str, data: bytes) -> None:
        """Immutable ConfigMaps with *data*; one that exists holds the same, for its name says what is in it."""
        for number, start in enumerate(range(0, len(data), CHUNK)):
            name = f"{self._folder.run}-{word}-{number}"
            piece = base64.b64encode(data[start : start + CHUNK]).decode()
            body = _config_map(name, self._folder.run) | {"immutable": True, "binaryData": {"part": piece}}
            self._put(Ref(CONFIG_MAP, name, HOME), body)
            self._names.append(name)

    def _put(self, ref: Ref, body: Obj) -> None:
        if self._cluster.get(ref) is None:
            self._cluster.perform(Create(ref, body))

    def _point(self) -> None:
        ref = _head(self._folder.run)
        data = {"plan": self._folder.plan().id, "journal": str(self._done), "parts": json.dumps(self._names)}
        found = self._cluster.get(ref)
        if found is None:
            self._cluster.perform(Create(ref, _config_map(ref.name, self._folder.run) | {"data": data}))
            return
        meta = found["metadata"]
        self._cluster.perform(Patch(ref, {"data": data}, meta["uid"], meta["resourceVersion"]))


def mirrored(reader: Reader) -> list[str]:
    """Ids of the runs that the cluster has copies of, the newest last."""
    found = reader.list(CONFIG_MAP, namespace=HOME, labels=LABEL)
    heads = [one for one in found if one["metadata"]["name"].endswith("-head")]
    heads.sort(key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))
    return [str(one["metadata"]["labels"][LABEL]) for one in heads]


def run_of_plan(reader: Reader, plan: str) -> str:
    """The run that the cluster knows of this plan, or an empty string."""
    found = reader.list(CONFIG_MAP, namespace=HOME, labels=LABEL)
    return next(
        (str(o["metadata"]["labels"][LABEL]) for o in found if (o.get("data") or {}).get("plan") == plan), ""
    )


def bring(reader: Reader, run: str, runs: Path) -> RunFolder:
    """The run directory of *run*, written from the cluster's copy.

    Raises:
        UpgradeError: UPG-0504: there is no copy; UPG-0502: it is incomplete.
    """
    head = reader.get(_head(run))
    if head is None:
        raise UpgradeError(
            "UPG-0504",
            f"there is no run {run}, neither here nor in the cluster",
            why="a run is known by its directory, or by the copy in namespace " + HOME,
            do=("upgrade status      # the runs of this cluster",),
            exit_code=Exit.USAGE,
        )
    names = json.loads(head["data"]["parts"])
    folder = RunFolder(private_directory(private_directory(runs) / run))
    files = {p: d for w in ("files", "back") for p, d in _unpack(_joined(reader, run, names, w)).items()}
    for name, data in files.items():
        place = folder.path / name
        if not place.resolve().is_relative_to(folder.path.resolve()):
            raise _incomplete(run, f"a file is called {name}")
        private_directory(place.parent)
        atomic_write(place, data)
    atomic_write(folder.path / NAME, _journal(reader, run, names))
    (folder.path / HEAD).unlink(missing_ok=True)
    return folder


def _journal(reader: Reader, run: str, names: list[str]) -> bytes:
    starts = sorted({int(name.rsplit("-", 2)[1]) for name in names if "-journal-" in name})
    return b"".join(zlib.decompress(_joined(reader, run, names, f"journal-{start}")) for start in starts)


def _joined(reader: Reader, run: str, names: list[str], word: str) -> bytes:
    data = b""
    for name in (n for n in names if n.startswith(f"{run}-{word}-")):
        part = reader.get(Ref(CONFIG_MAP, name, HOME))
        if part is None:
            raise _incomplete(run, f"ConfigMap {HOME}/{name} is missing")
        data += base64.b64decode(part["binaryData"]["part"])
    return data


def _files(folder: RunFolder) -> dict[str, bytes]:
    names = [PLAN, *(str(p.relative_to(folder.path)) for p in sorted(folder.path.glob("manifests/*/*")))]
    return {name: (folder.path / name).read_bytes() for name in names}


def _pack(files: dict[str, bytes]) -> bytes:
    return zlib.compress(json.dumps({name: data.decode() for name, data in files.items()}).encode(), 9)


def _unpack(data: bytes) -> dict[str, bytes]:
    if not data:
        return {}
    return {name: text.encode() for name, text in json.loads(zlib.decompress(data)).items()}


def _head(run: str) -> Ref:
    return Ref(CONFIG_MAP, f"{run}-head", HOME)


def _config_map(name: str, run: str) -> Obj:
    meta = {"name": name, "namespace": HOME, "labels": {LABEL: run}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def _incomplete(run: str, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0502",
        f"the cluster's copy of run {run} is incomplete",
        what=(why,),
        why="half a record cannot steer a cluster",
        do=("resume on the machine that has the run directory",),
        exit_code=Exit.BAD_DATA,
    )
