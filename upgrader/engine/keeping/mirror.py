"""Copies of a run in the cluster, so that another person resumes it from another machine.

Pieces are immutable ConfigMaps whose names say what is in them; one head ConfigMap names the pieces and the record they
reach to. Backups are not copied, for configuration may hold credentials.

What is written here is bookkeeping of ours in namespace ``istio-upgrade``; it is not part of the plan, so it has no
intents in the journal.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from upgrader.cluster.port import Cluster
from upgrader.engine.keeping.folder import BACK, LARGEST, PLAN, RunFolder, parse_plan
from upgrader.engine.keeping.journal import HEAD, NAME, FileJournal, Line, head_of, verified
from upgrader.host.files import private_directory
from upgrader.model.change import HOME, Create, Patch
from upgrader.model.codec import decode, encode
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure, Conflict
from upgrader.model.kinds import CONFIG_MAP, Obj, Ref
from upgrader.model.step import Reader

LABEL = "upgrader.istio/run"
PART = "upgrader.istio/part"
"""``head`` or ``piece``."""
CHUNK = 512 * 1024
"""Bytes of one ConfigMap's content; the server's limit is 1 MiB for the whole object."""
_RUN = re.compile(r"r-\d{8}-[0-9a-z]{4}")


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that was copied: ``files``, ``back`` or the next part of the ``journal``, in ConfigMaps of these names."""

    kind: str
    digest: str
    names: tuple[str, ...]


class Copied(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the head says.

    Attributes:
        journal: Bytes of the journal that are copied.
        seq: Records that they are.
        h: Hash of the last of them.
    """

    plan: str = ""
    journal: int = 0
    seq: int = 0
    h: str = ""
    pieces: tuple[Piece, ...] = ()

    def agrees(self, lines: Sequence[Line]) -> bool:
        """Whether these lines begin with what was copied."""
        return not self.seq or (self.seq <= len(lines) and lines[self.seq - 1].h == self.h)


class Mirror:
    """The copy of one run.

    Args:
        folder: What is copied.
    """

    def __init__(self, cluster: Cluster, folder: RunFolder) -> None:
        self._cluster = cluster
        self._folder = folder

    def sync(self) -> str:
        """Copy what is new. Returns why it could not be done, or an empty string."""
        try:
            head = self._cluster.get(_head(self._folder.run))
            self._copy(head, _read_head(head, self._folder.run))
        except Conflict as failure:
            return f"somebody else writes the copy: {failure.message}"
        except UpgradeError as error:
            return "; ".join(error.what) or error.headline
        except (ClusterFailure, OSError) as failure:
            return str(failure)
        return ""

    def catch_up(self, journal: FileJournal) -> int:
        """Take over what another machine wrote since; returns how many records.

        Raises:
            UpgradeError: UPG-0502: copy and journal tell different stories.
            ClusterFailure: the copy cannot be read.
        """
        run = self._folder.run
        copied = _read_head(self._cluster.get(_head(run)), run)
        if copied.agrees(journal.lines):
            return 0
        files, data = _content(self._cluster, run, copied)
        added = journal.extend(data)
        self._folder.write({BACK: files[BACK]} if BACK in files else {})
        return added

    def _copy(self, head: Obj | None, copied: Copied) -> None:
        data = (self._folder.path / NAME).read_bytes()
        lines, end = verified(data, self._folder.path / NAME)
        if not copied.agrees(lines):
            raise _incomplete(
                self._folder.run, "the copy goes on differently: another machine drove this run"
            )
        pieces = list(copied.pieces)
        known = {piece.kind for piece in pieces}
        if "files" not in known:
            pieces.append(self._store("files", _pack(_files(self._folder))))
        back = self._folder.path / BACK
        if back.exists():
            pieces.append(self._store("back", _pack({BACK: back.read_bytes()}), known=pieces))
        if end > copied.journal:
            pieces.append(self._store("journal", zlib.compress(data[copied.journal : end])))
        if tuple(pieces) != copied.pieces:
            last = lines[-1].h if lines else ""
            self._point(
                head, Copied(self._folder.plan().id, end, len(lines), last, tuple(dict.fromkeys(pieces)))
            )

    def _store(self, kind: str, data: bytes, *, known: Sequence[Piece] = ()) -> Piece:
        """Immutable ConfigMaps with *data*; one that exists holds the same, for its name says what is in it."""
        digest = sha256(data).hexdigest()
        chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
        names = tuple(f"{self._folder.run}-{kind}-{digest[:12]}-{number}" for number in range(len(chunks)))
        piece = Piece(kind, digest, names)
        if piece in known:
            return piece
        for name, chunk in zip(names, chunks, strict=True):
            body = _config_map(name, self._folder.run, "piece")
            content = {"immutable": True, "binaryData": {"part": base64.b64encode(chunk).decode()}}
            self._put(Ref(CONFIG_MAP, name, HOME), body | content)
        return piece

    def _put(self, ref: Ref, body: Obj) -> None:
        if self._cluster.get(ref) is None:
            self._cluster.perform(Create(ref, body))

    def _point(self, found: Obj | None, copied: Copied) -> None:
        """The head last, and only over the very one that was read: half a copy is never pointed at."""
        ref = _head(self._folder.run)
        data = {"plan": copied.plan, "copied": encode(copied).decode()}
        if found is None:
            self._cluster.perform(
                Create(ref, _config_map(ref.name, self._folder.run, "head") | {"data": data})
            )
            return
        meta = found["metadata"]
        self._cluster.perform(Patch(ref, {"data": data}, meta["uid"], meta["resourceVersion"]))


def mirrored(reader: Reader) -> list[str]:
    """Ids of the runs that the cluster has copies of, the newest last."""
    heads = sorted(
        _heads(reader), key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"])
    )
    return [str(one["metadata"]["labels"][LABEL]) for one in heads]


def run_of_plan(reader: Reader, plan: str) -> str:
    """The run that the cluster knows of this plan, or an empty string."""
    found = (o for o in _heads(reader) if (o.get("data") or {}).get("plan") == plan)
    return next((str(o["metadata"]["labels"][LABEL]) for o in found), "")


def bring(reader: Reader, run: str, runs: Path) -> RunFolder:
    """The run directory of *run*, written from the cluster's copy; nothing is written unless all of it is right.

    Raises:
        UpgradeError: UPG-0504: there is no copy; UPG-0502: it is incomplete or damaged; UPG-0405: its plan is.
    """
    head = reader.get(_head(run)) if _RUN.fullmatch(run) else None
    if head is None:
        raise UpgradeError(
            "UPG-0504",
            f"there is no run {run}, neither here nor in the cluster",
            why="a run is known by its directory, or by the copy in namespace " + HOME,
            do=("upgrade status      # the runs of this cluster",),
            exit_code=Exit.USAGE,
        )
    copied = _read_head(head, run)
    files, data = _content(reader, run, copied)
    folder = RunFolder(private_directory(private_directory(runs) / run))
    lines, _ = verified(data, folder.path / NAME)
    if PLAN not in files or not copied.seq or not copied.agrees(lines):
        raise _incomplete(run, f"{len(lines)} of {copied.seq} records and {len(files)} files are there")
    plan = files.pop(PLAN)
    parse_plan(plan, folder.path / PLAN)
    try:
        folder.write({**files, NAME: data, HEAD: head_of(len(lines), lines[-1].h), PLAN: plan})
    except ValueError as error:
        raise _incomplete(run, str(error)) from error
    return folder


def _content(reader: Reader, run: str, copied: Copied) -> tuple[dict[str, bytes], bytes]:
    """Files by name, and the journal."""
    files: dict[str, bytes] = {}
    journal = b""
    for piece in copied.pieces:
        data = _inflated(run, _joined(reader, run, piece))
        if piece.kind == "journal":
            journal += data
        else:
            files |= _unpack(run, data)
    return files, journal


def _joined(reader: Reader, run: str, piece: Piece) -> bytes:
    data = b""
    for name in piece.names:
        part = reader.get(Ref(CONFIG_MAP, name, HOME))
        if part is None:
            raise _incomplete(run, f"ConfigMap {HOME}/{name} is missing")
        try:
            data += base64.b64decode(part["binaryData"]["part"])
        except (LookupError, TypeError, ValueError) as error:
            raise _incomplete(run, f"ConfigMap {HOME}/{name} is not what was written") from error
    if sha256(data).hexdigest() != piece.digest:
        raise _incomplete(run, f"the {piece.kind} in {', '.join(piece.names)} is not what was written")
    return data


def _inflated(run: str, data: bytes) -> bytes:
    try:
        machine = zlib.decompressobj()
        found = machine.decompress(data, LARGEST)
    except zlib.error as error:
        raise _incomplete(run, str(error)) from error
    if not machine.eof:
        raise _incomplete(run, f"a piece is cut short, or larger than {LARGEST >> 20} MiB")
    return found


def _files(folder: RunFolder) -> dict[str, bytes]:
    names = [PLAN, *(str(p.relative_to(folder.path)) for p in sorted(folder.path.glob("manifests/*/*")))]
    return {name: (folder.path / name).read_bytes() for name in names}


def _pack(files: Mapping[str, bytes]) -> bytes:
    texts = {name: data.decode(errors="surrogateescape") for name, data in files.items()}
    return zlib.compress(json.dumps(texts).encode(), 9)


def _unpack(run: str, data: bytes) -> dict[str, bytes]:
    try:
        return {name: text.encode(errors="surrogateescape") for name, text in json.loads(data).items()}
    except (ValueError, AttributeError) as error:
        raise _incomplete(run, f"a piece is not what was written: {error}") from error


def _read_head(found: Obj | None, run: str) -> Copied:
    if found is None:
        return Copied()
    try:
        return decode(found["data"]["copied"], Copied)
    except (LookupError, TypeError, msgspec.DecodeError) as error:
        raise _incomplete(run, f"ConfigMap {HOME}/{run}-head is not what was written: {error}") from error


def _heads(reader: Reader) -> list[Obj]:
    return list(reader.list(CONFIG_MAP, namespace=HOME, labels=f"{LABEL},{PART}=head"))


def _head(run: str) -> Ref:
    return Ref(CONFIG_MAP, f"{run}-head", HOME)


def _config_map(name: str, run: str, part: str) -> Obj:
    meta = {"name": name, "namespace": HOME, "labels": {LABEL: run, PART: part}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def _incomplete(run: str, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0502",
        f"the cluster's copy of run {run} cannot be used",
        what=(why,),
        why="half a record, or another one, cannot steer a cluster",
        do=("upgrade resume RUN      # on the machine that has the run directory".replace("RUN", run),),
        exit_code=Exit.BAD_DATA,
    )
