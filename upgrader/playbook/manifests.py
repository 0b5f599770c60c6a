"""A folder with one sub-folder of rendered YAML per version, read and sorted by what each object is.

What a document is follows from its content, not from its file name: ``istioctl manifest generate`` writes one file,
``helm template`` several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from upgrader.model.codec import digest
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import Obj
from upgrader.model.said_once import once_loader
from upgrader.model.version import UNNAMED, Version

Part = Literal["crds", "base", "control-plane", "ingress-gateway", "other"]
LARGEST = 64 << 20
_GATEWAY_PARTS = ("IngressGateways", "EgressGateways")
_SHARED = re.compile(
    r"istio-reader-service-account|istiod-service-account|(istiod|istio-reader)-istio-system"
)
"""Names in the base chart, 1.12 to 1.31: one for all revisions, whatever label a renderer gave it."""
_OWN = re.compile(r"istiod|istio-reader-clusterrole|istio-sidecar-injector|istio-validator|values-|istio-\d")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a manifest file.

    Attributes:
        file: Relative to the run directory: ``manifests/1.28.10/istiod.yaml``.
        index: Position among the non-empty documents of that file, lists unfolded, from 0.
        digest: SHA-256 of the object's canonical JSON.
    """

    file: str
    index: int
    part: Part
    body: Obj
    digest: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The manifests of one version, checked to be of that version and of one named revision.

    Attributes:
        files: Relative file to SHA-256 of its bytes.
    """

    version: str
    revision: str
    documents: tuple[Document, ...]
    files: dict[str, str]

    def part(self, part: Part) -> tuple[Document, ...]:
        """The documents of one part, in file order."""
        return tuple(d for d in self.documents if d.part == part)


def documents_of(text: str | bytes) -> Iterator[Obj]:
    """Every object in YAML text: empty documents left out, ``List`` kinds unfolded.

    Raises:
        yaml.YAMLError: not YAML, or a key is said twice.
        ValueError: a document is not an object with apiVersion, kind and a name.
    """
    for found in yaml.load_all(text, Loader=once_loader()):
        for body in found.get("items") or () if _is_list(found) else (found,) if found else ():
            if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
                raise ValueError("a document is not a Kubernetes object")  # noqa: TRY004  bad data, not a bug
            if not (body.get("apiVersion") and body.get("kind") and body["metadata"].get("name")):
                raise ValueError("an object has no apiVersion, kind or metadata.name")
            yield body


def _is_list(body: object) -> bool:
    return isinstance(body, dict) and str(body.get("kind", "")).endswith("List") and "items" in body


def load_releases(folder: Path, versions: Sequence[Version]) -> dict[str, Release]:
    """The manifests of every version in *versions*.

    Raises:
        UpgradeError: UPG-0010 the folder or a file is missing or unreadable, UPG-0105 a version has no folder,
            UPG-0011 the YAML is of another version, or of no named revision.
    """
    if not folder.is_dir():
        raise UpgradeError(
            "UPG-0010",
            f"there is no manifest folder {folder}",
            why="each hop installs the objects of its own version from a sub-folder named after it",
            do=(
                "upgrade plan --manifests DIR      # DIR/1.29.6/*.yaml, rendered by istioctl or helm of that version",
            ),
            exit_code=Exit.BAD_DATA,
        )
    missing = [v for v in versions if not (folder / str(v)).is_dir()]
    if missing:
        have = sorted(p.name for p in folder.iterdir() if p.is_dir())
        raise UpgradeError(
            "UPG-0105",
            f"no manifests for {', '.join(map(str, missing))}",
            what=(f"{folder} has: {', '.join(have) or 'nothing'}",),
            why="each hop installs the objects of its own version",
            do=tuple(
                f"istioctl-{v} manifest generate --set profile=minimal --set revision={v.revision} > {folder}/{v}/istiod.yaml"
                for v in missing
            ),
            exit_code=Exit.BLOCKED,
        )
    return {str(v): _release(folder / str(v), v) for v in versions}


def _release(folder: Path, version: Version) -> Release:
    documents: list[Document] = []
    files: dict[str, str] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        name = f"manifests/{version}/{path.name}"
        data = _bytes(path)
        files[name] = sha256(data).hexdigest()
        try:
            bodies = list(documents_of(data))
        except (yaml.YAMLError, ValueError, RecursionError, UnicodeDecodeError) as error:
            raise _unreadable(path, str(error).splitlines()[0]) from error
        documents += [
            Document(file=name, index=i, part=part_of(body), body=body, digest=digest(body))
            for i, body in enumerate(bodies)
        ]
    documents = _without_other_revisions(documents)
    revision = _revision(documents, version, folder)
    return Release(version=str(version), revision=revision, documents=tuple(documents), files=files)


def _without_other_revisions(documents: Sequence[Document]) -> list[Document]:
    """A file rendered without a revision, beside one that names its revision, is an alternative: nothing of it is used.

    The same holds for an ingress gateway that was rendered to talk to another control plane.
    """
    planes = {d.file: _rev(d.body) for d in documents if _is_istiod(d)}
    named = {rev for rev in planes.values() if rev != UNNAMED}
    gateways = {
        d.file: _rev(d.body)
        for d in documents
        if d.part == "ingress-gateway" and d.body["kind"] == "Deployment"
    }
    unused = {f for f, rev in planes.items() if rev == UNNAMED} if named else set()
    foreign = {f for f, rev in gateways.items() if f not in planes and rev not in named}
    return [
        msgspec.structs.replace(d, part="other")
        if d.file in unused or (d.file in foreign and d.part == "ingress-gateway")
        else d
        for d in documents
    ]


def _is_istiod(document: Document) -> bool:
    body = document.body
    return document.part == "control-plane" and body["kind"] == "Deployment" and _discovery(body) is not None


def _rev(body: Obj) -> str:
    return str((body["metadata"].get("labels") or {}).get("istio.io/rev", UNNAMED))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise _unreadable(path, f"larger than {LARGEST >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or "can not be read") from error


def _unreadable(path: Path, reason: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0010",
        f"{path} is no manifest file",
        what=(reason,),
        why="half a manifest is never applied",
        do=(f"render {path} again with istioctl or helm of that version",),
        exit_code=Exit.BAD_DATA,
    )


def part_of(body: Obj) -> Part:
    """What kind of thing it is, by its labels and the names of the charts."""
    labels: Mapping[str, str] = body["metadata"].get("labels") or {}
    kind, name = str(body["kind"]), str(body["metadata"]["name"])
    if kind == "CustomResourceDefinition":
        return "crds"
    if labels.get("operator.istio.io/component") in _GATEWAY_PARTS:
        return "ingress-gateway"
    if _is_moved_by_tag(kind, name, labels) or _is_data_plane(body, labels):
        return "other"
    if labels.get("release") == "istio-base" or _SHARED.fullmatch(name):
        return "base"
    own = labels.get("istio.io/rev") or labels.get("app") in ("istiod", "istio-reader", "sidecar-injector")
    return "control-plane" if own or _OWN.match(name) else "other"


def _is_moved_by_tag(kind: str, name: str, labels: Mapping[str, str]) -> bool:
    """Tags and the default validator point at one revision; they move in a step of their own, never with an install."""
    return bool(labels.get("istio.io/tag")) or (
        kind == "ValidatingWebhookConfiguration" and name == "istiod-default-validator"
    )


def _is_data_plane(body: Obj, labels: Mapping[str, str]) -> bool:
    """Gateways of the gateway chart, CNI and ztunnel: not part of a control plane."""
    if labels.get("operator.istio.io/component") in ("Cni", "Ztunnel") or body["kind"] == "DaemonSet":
        return True
    chart = str(labels.get("helm.sh/chart", ""))
    if chart.startswith(("gateway-", "cni-", "ztunnel-")):
        return True
    name = str(body["metadata"]["name"])
    return name.startswith(("istio-cni", "ztunnel")) or str(labels.get("istio", "")).endswith("gateway")


def _revision(documents: Sequence[Document], version: Version, folder: Path) -> str:
    planes = [d.body for d in documents if _is_istiod(d)]
    if len(planes) != 1:
        raise _wrong(folder, version, f"{len(planes)} istiod Deployments were found, one is expected")
    image = str((_discovery(planes[0]) or {}).get("image", ""))
    tag = image.rsplit("/", 1)[-1].partition(":")[2].partition("@")[0]
    if Version.of_tag(tag) != version:
        raise _wrong(folder, version, f"its istiod image is {image}")
    revision = _rev(planes[0])
    if revision == UNNAMED:
        raise _wrong(folder, version, "it was rendered without a revision")
    strangers = sorted(
        {
            found
            for d in documents
            if d.part == "control-plane"
            and (found := (d.body["metadata"].get("labels") or {}).get("istio.io/rev", revision)) != revision
        }
    )
    if strangers:
        raise _wrong(folder, version, f"it mixes revisions {revision} and {', '.join(strangers)}")
    return revision


def _discovery(deployment: Obj) -> Obj | None:
    template = (deployment.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    return next((c for c in containers if c.get("name") == "discovery"), None)


def _wrong(folder: Path, version: Version, what: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0011",
        f"{folder} does not hold revision {version.revision} of {version}",
        what=(what,),
        why="an object of another version or revision would change the control plane that is still serving",
        do=(
            f"istioctl-{version} manifest generate --set profile=minimal --set revision={version.revision} > {folder}/istiod.yaml",
        ),
        exit_code=Exit.BLOCKED,
    )
