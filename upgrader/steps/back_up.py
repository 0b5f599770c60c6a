"""Copies of everything a restore could need, in the run directory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

import msgspec
import yaml

from upgrader.cluster.read import is_istio_webhook, template_of
from upgrader.model.change import RESTARTED_FOR, Change, Save
from upgrader.model.codec import decode, pretty
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HPA,
    MUTATING_WEBHOOK,
    NAMESPACE,
    PDB,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOK,
    WORKLOADS,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.step import Reader, Reading, counted
from upgrader.model.version import revision_suffix
from upgrader.steps.drift import damaged

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,180}[a-z0-9])?")
_GATEWAY_OBJECTS = (DEPLOYMENT, SERVICE, HPA, PDB, SERVICE_ACCOUNT, ROLE, ROLE_BINDING)
_OF_GATEWAYS = "operator.istio.io/component in (IngressGateways,EgressGateways)"
_NAMESPACE_LABELS = ("istio-injection", "istio.io/rev", "istio.io/dataplane-mode", "istio.io/use-waypoint")
_TEMPLATE_LABELS = ("istio.io/rev", "sidecar.istio.io/inject")
_TEMPLATE_NOTES = ("sidecar.istio.io/inject", RESTARTED_FOR)


class Entry(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One object of a backup.

    Attributes:
        uid: Of the object that was copied.
        digest: SHA-256 of the file's bytes.
        file: Relative to the backup's folder.
    """

    kind: str
    group: str
    version: str
    plural: str
    namespace: str
    name: str
    uid: str
    digest: str
    file: str

    @property
    def ref(self) -> Ref:
        """Where the object belongs, in the version that it was read in."""
        kind = Kind(self.group, self.version, self.plural, self.kind, bool(self.namespace))
        return Ref(kind, self.name, self.namespace)


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """``index.json``: written last, so that it exists only for a backup that is whole.

    Attributes:
        records: Other files of the backup to their SHA-256.
        absent: What was asked for and was not there.
    """

    schema: Literal["upgrader.backup/v1"] = "upgrader.backup/v1"
    revision: str
    objects: tuple[Entry, ...]
    records: dict[str, str] = {}
    absent: tuple[Ref, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """What is to be copied."""

    objects: tuple[tuple[Kind, Obj], ...]
    workloads: tuple[Obj, ...]


class BackUp(msgspec.Struct, frozen=True, kw_only=True, tag="back-up", tag_field="step"):
    """Everything a restore could need is in *folder*: a YAML file per object, and ``index.json`` with their SHA-256.

    Every Istio and Gateway API object (found by discovery), webhook, tag, injection label, gateway of istioctl and
    ConfigMap of *revision*; no Secrets. A whole backup is never made again: the run may have changed things since.

    Attributes:
        folder: Relative to the run directory: ``backup/h1``.
        revision: The control plane that is about to be replaced.
        also: Objects that the hop applies anew and that are there already.
    """

    folder: str
    revision: str
    root_namespace: str = "istio-system"
    also: tuple[Ref, ...] = ()

    def observe(self, cluster: Reader) -> Index | Found:
        """The backup if it is there, else everything that it must hold.

        Raises:
            ClusterFailure: something could not be read: a backup with a hole is no backup.
            UpgradeError: UPG-0802: the index is there and is not one.
        """
        index = load_index(cluster, self.folder)
        if index is not None:
            return index
        served = {(k.group, k.plural): k for k in cluster.kinds()}
        objects: dict[Ref, tuple[Kind, Obj]] = {}
        for kind, obj in self._everything(cluster, served):
            metadata = obj["metadata"]
            objects[Ref(kind, metadata["name"], metadata.get("namespace", ""))] = (kind, obj)
        workloads = [_record(obj) for kind in WORKLOADS for obj in cluster.list(kind)]
        return Found(
            tuple(objects[ref] for ref in sorted(objects)), tuple(w for w in workloads if len(w) > _PLACE)
        )

    def diff(self, seen: Index | Found) -> tuple[Change, ...]:
        """Every file, the index last; () when the backup is whole."""
        if isinstance(seen, Index):
            return ()
        files: dict[str, str] = {}
        entries = []
        for kind, obj in seen.objects:
            text = yaml.dump(_bare(obj), Dumper=_DUMPER, sort_keys=True, allow_unicode=True, width=1 << 20)
            entry = _entry(kind, obj, text)
            entries.append(entry)
            files[entry.file] = text
        files["workloads.json"] = pretty(seen.workloads)
        records = {"workloads.json": _sha(files["workloads.json"].encode())}
        copied = {
            (kind.group, kind.plural, e.namespace, e.name)
            for (kind, _), e in zip(seen.objects, entries, strict=True)
        }
        absent = tuple(
            r for r in self.also if (r.kind.group, r.kind.plural, r.namespace, r.name) not in copied
        )
        index = Index(revision=self.revision, objects=tuple(entries), records=records, absent=absent)
        files["index.json"] = pretty(index)
        return tuple(Save(f"{self.folder}/{name}", text) for name, text in files.items())

    def verify(self, cluster: Reader) -> Reading:
        """Read every file again and compare its digest."""
        try:
            index = load_index(cluster, self.folder)
        except UpgradeError as error:
            return Reading.broken(error.headline)
        if index is None:
            return Reading.broken(f"{self.folder}/index.json is not there")
        digests = {entry.file: entry.digest for entry in index.objects} | index.records
        for file, digest in digests.items():
            data = cluster.saved(f"{self.folder}/{file}")
            if data is None or _sha(data) != digest:
                return Reading.broken(
                    f"{self.folder}/{file} is {'missing' if data is None else 'not what was written'}"
                )
        return Reading.holds(
            f"{counted(len(index.objects), 'object')} in {self.folder}", objects=str(len(index.objects))
        )

    def title(self) -> str:
        """What is copied where, for plan and journal."""
        return f"back up the configuration of the mesh and of {self.revision} to {self.folder}"

    def _everything(
        self, cluster: Reader, served: Mapping[tuple[str, str], Kind]
    ) -> Iterator[tuple[Kind, Obj]]:
        for kind in served.values():
            if is_backed_up(kind.group):
                yield from ((kind, obj) for obj in cluster.list(kind))
        for kind in (MUTATING_WEBHOOK, VALIDATING_WEBHOOK):
            yield from ((kind, obj) for obj in cluster.list(kind) if is_istio_webhook(obj))
        for obj in cluster.list(SERVICE, namespace=self.root_namespace, labels="istio.io/tag"):
            yield SERVICE, obj
        for obj in cluster.list(NAMESPACE):
            if any(label in (obj["metadata"].get("labels") or {}) for label in _NAMESPACE_LABELS):
                yield NAMESPACE, obj
        for obj in cluster.list(CONFIG_MAP, namespace=self.root_namespace):
            if self._is_of_revision(obj):
                yield CONFIG_MAP, obj
        yield from self._rewritten(cluster, served)

    def _rewritten(
        self, cluster: Reader, served: Mapping[tuple[str, str], Kind]
    ) -> Iterator[tuple[Kind, Obj]]:
        """What the hop writes in place: objects that it applies anew, and the gateways of istioctl."""
        for ref in self.also:
            if (obj := cluster.get(ref)) is not None:
                yield ref.kind, obj
        for usual in _GATEWAY_OBJECTS:
            kind = served.get((usual.group, usual.plural), usual)
            yield from ((kind, obj) for obj in cluster.list(kind, labels=_OF_GATEWAYS))

    def _is_of_revision(self, config: Obj) -> bool:
        suffix = revision_suffix(self.revision)
        names = {
            f"{n}{suffix}" for n in ("istio", "istio-sidecar-injector", "values", "pilot-jwks-extra-cacerts")
        }
        metadata = config["metadata"]
        labels = metadata.get("labels") or {}
        return metadata["name"] in names or labels.get("istio.io/rev") == self.revision


def load_index(cluster: Reader, folder: str) -> Index | None:
    """The index of a backup; None when there is none.

    Raises:
        UpgradeError: UPG-0802: it is damaged.
    """
    data = cluster.saved(f"{folder}/index.json")
    if data is None:
        return None
    try:
        return decode(data, Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged(f"{folder}/index.json", str(error)) from error


def is_backed_up(group: str) -> bool:
    """Whether every object of an API group is copied: Istio's own groups and those of the Gateway API."""
    return group.endswith(".istio.io") or group in {
        "gateway.networking.k8s.io",
        "gateway.networking.x-k8s.io",
    }


def _bare(obj: Obj) -> Obj:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return {k: v for k, v in obj.items() if k != "status"} | {"metadata": metadata}


def _entry(kind: Kind, obj: Obj, text: str) -> Entry:
    metadata = obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    place = f"{_safe(namespace)}_{_safe(name)}" if namespace else _safe(name)
    return Entry(
        kind=kind.kind,
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        namespace=namespace,
        name=name,
        uid=metadata.get("uid", ""),
        digest=_sha(text.encode()),
        file=f"{_safe(kind.resource)}/{place}.yaml",
    )


def _safe(name: str) -> str:
    """A file name that is told apart from every other and cannot lead anywhere."""
    return name if _PLAIN.fullmatch(name) else f"x_{_sha(name.encode())[:40]}"


def _sha(data: bytes) -> str:
    return sha256(data).hexdigest()


_PLACE = 4


def _record(workload: Obj) -> Obj:
    """Which workload, and what its pod template says about injection (nothing more when it says nothing)."""
    metadata, template = workload["metadata"], template_of(workload).get("metadata") or {}
    said = {
        "labels": _some(template.get("labels") or {}, _TEMPLATE_LABELS),
        "annotations": _some(template.get("annotations") or {}, _TEMPLATE_NOTES),
    }
    place = {
        "kind": workload["kind"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return place | {key: value for key, value in said.items() if value}


def _some(values: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}
