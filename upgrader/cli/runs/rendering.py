"""Manifests of every hop by the istioctl of its version, with the options of the running installation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import yaml

from upgrader.cli.runs.istioctl import cache, generated, not_rendered
from upgrader.host.files import atomic_write, private_directory
from upgrader.host.istioctl import Found
from upgrader.model.finding import Finding, Severity
from upgrader.model.installing import Binary, Difference, Options
from upgrader.model.kinds import Obj, Ref
from upgrader.model.snapshot import ControlPlane, Snapshot
from upgrader.model.step import Reader
from upgrader.model.version import Version
from upgrader.planning.hop.documents import reference
from upgrader.planning.hop.retire import own_object
from upgrader.planning.rendering.carrying import Hop, carry
from upgrader.planning.rendering.difference import Side, differences, side
from upgrader.playbook.manifests import Release, documents_of, load_releases
from upgrader.playbook.overlay import Overlay
from upgrader.playbook.rendered import defaults_of, lacking, with_owner_labels
from upgrader.survey.options import Installed, installed_options

FILE = "istiod.yaml"


@dataclass(frozen=True)
class Rendered:
    """What ``make`` plans with.

    Attributes:
        folder: Where the manifests are, as ``--manifests`` would name it; None where there are none.
        targets: Versions of the hops, in order.
        options: By version, what was carried over and what was not.
        changed: By version, the new control plane against the one before it.
        inputs: Digests of what else it was made from.
    """

    folder: Path | None
    targets: tuple[Version, ...]
    releases: dict[str, Release]
    options: dict[str, Options] = field(default_factory=dict)
    changed: dict[str, tuple[Difference, ...]] = field(default_factory=dict)
    binaries: tuple[Binary, ...] = ()
    findings: tuple[Finding, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rendering:
    """Everything that a rendering is made from.

    Attributes:
        keep: Where the manifests stay; None for a place in the cache that is named by their content.
        stopped: Asked while istioctl runs.
    """

    reader: Reader
    mesh: Snapshot
    plane: ControlPlane
    found: Found
    overlay: Overlay | None
    keep: Path | None
    stopped: Callable[[], object] = lambda: False

    def make(self, targets: Sequence[Version]) -> Rendered:
        """Render every target, keep it, and compare each with the control plane before it.

        Raises:
            UpgradeError: UPG-0108, UPG-0109, UPG-0011: istioctl is not what it was, failed, or wrote something else.
            ClusterFailure: an object of the running control plane cannot be read.
        """
        if not targets:
            return Rendered(None, (), {})
        installed = installed_options(self.reader, self.plane, self.mesh.kinds)
        done = [(v, *self._one(v, installed)) for v in targets]
        files = {version: data for version, data, _ in done}
        folder = _written(cache() / "rendered" / _content(files), files)
        releases = load_releases(folder, targets)
        for version in targets:
            self._check(releases[str(version)], version)
        folder = _written(self.keep, files) if self.keep else folder
        return Rendered(
            folder=folder,
            targets=tuple(targets),
            releases=releases,
            options={str(v): options for v, _, options in done},
            changed=dict(self._compared(releases, targets)),
            binaries=tuple(self._binary(v) for v in targets),
            findings=tuple(self._findings(installed)),
            inputs={"overlay": self.overlay.digest} if self.overlay else {},
        )

    def _binary(self, version: Version) -> Binary:
        found = self.found.of(version)
        assert found is not None, "targets are taken from what was found"
        return found

    def _one(self, version: Version, installed: Installed) -> tuple[bytes, Options]:
        """Manifests of one version, and what became of each option."""
        binary = self._binary(version)
        try:
            defaults = defaults_of(generated(binary, (), self.stopped))
            hop = Hop(self.plane.revision, Version.parse(self.plane.version), version, self._gateways())
            spec, options = carry(installed.spec, hop, defaults, self._sources(installed))
            files = [_operator(spec), *([self.overlay.text] if self.overlay else [])]
            data = generated(binary, files, self.stopped)
            deque(documents_of(data), maxlen=0)
            if self.plane.installer == "istioctl":
                data = with_owner_labels(data, version, self.plane.ref.namespace)
        except (yaml.YAMLError, ValueError) as error:
            raise not_rendered(
                binary, f"what it wrote is no manifest: {str(error).splitlines()[0]}"
            ) from error
        return data, options

    def _gateways(self) -> frozenset[str]:
        return frozenset(w.ref.name for w in self.mesh.workloads if w.gateway == "istioctl")

    def _sources(self, installed: Installed) -> tuple[str, ...]:
        overlay = (f"overlay {self.overlay.path}",) if self.overlay else ()
        return (*((installed.source,) if installed.source else ()), *installed.passed_over, *overlay)

    def _check(self, release: Release, version: Version) -> None:
        missing = lacking(release)
        if missing:
            raise not_rendered(
                self._binary(version), f"it wrote no {', no '.join(missing)} of its control plane"
            )

    def _compared(
        self, releases: dict[str, Release], targets: Sequence[Version]
    ) -> Iterator[tuple[str, tuple[Difference, ...]]]:
        live = self._live(releases[str(targets[0])])
        before = side(self.plane.revision, Version.parse(self.plane.version), live)
        for version in targets:
            release = releases[str(version)]
            after = _side(release, version)
            yield str(version), differences(before, after)
            before = after

    def _live(self, release: Release) -> list[Obj]:
        """Objects of the running control plane as they are, and those of gateways that *release* changes in place."""
        mesh, old = self.mesh, self.plane.revision
        refs: set[Ref] = {self.plane.ref} | {b.ref for b in mesh.belongings if b.revision == old}
        refs |= {w.ref for w in (*mesh.injectors, *mesh.validators) if w.revision == old and not w.tag}
        own = {r for r in refs if own_object(r, old, mesh.root_namespace) and r.kind.kind != "Lease"}
        own |= {reference(d.body, mesh.kinds, mesh.root_namespace) for d in release.part("ingress-gateway")}
        found = [self.reader.get(ref) for ref in sorted(own)]
        return [one for one in found if one is not None and "-gatewayclass-" not in one["metadata"]["name"]]

    def _findings(self, installed: Installed) -> Iterator[Finding]:
        if self.plane.installer in {"helm", "sail"}:
            yield _other_owner(self.plane)
        if installed.unread:
            yield _unknown_options(self.plane, installed.unread)
        elif not installed.source:
            yield _no_record(self.plane)


def _content(files: dict[Version, bytes]) -> str:
    """A name that follows from the content, so that the same options give the same plan."""
    return sha256(b"".join(sha256(data).digest() for data in files.values())).hexdigest()[:16]


def _written(folder: Path, files: dict[Version, bytes]) -> Path:
    for version, data in files.items():
        atomic_write(private_directory(folder / str(version)) / FILE, data)
    return folder


def _side(release: Release, version: Version) -> Side:
    documents = (*release.part("control-plane"), *release.part("ingress-gateway"))
    return side(release.revision, version, (d.body for d in documents))


def _operator(spec: Obj) -> str:
    body = {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec}
    return yaml.safe_dump(body, sort_keys=True, allow_unicode=True)


def _other_owner(plane: ControlPlane) -> Finding:
    return Finding(
        code="UPG-0330",
        severity=Severity.BLOCKED,
        subject=f"method istioctl, installer {plane.installer}",
        summary=f"method istioctl, installer {plane.installer}: {plane.ref.namespace}/{plane.ref.name} is not istioctl's",
        why="two installers take tags, validators and definitions for their own, and what one removes the other needs",
        do=("render it with the tool that installed it, and name the folder: upgrade plan --manifests DIR",),
        objects=(str(plane.ref),),
    )


def _unknown_options(plane: ControlPlane, why: str) -> Finding:
    return Finding(
        code="UPG-0346",
        severity=Severity.BLOCKED,
        subject=f"options of {plane.revision}",
        summary=f"options of {plane.revision}: they could not be read: {why}",
        why="the new revision would be installed without settings that the old one has",
        do=("say them in the overlay of the playbook (install.overlay), and allow this finding",),
        allowable=True,
        objects=(str(plane.ref),),
    )


def _no_record(plane: ControlPlane) -> Finding:
    return Finding(
        code="UPG-0346",
        severity=Severity.ADVISORY,
        subject=f"options of {plane.revision}",
        summary=f"options of {plane.revision}: nothing on the cluster says what it was installed with",
        why="releases before 1.26 leave no values behind, and those after 1.23 no IstioOperator",
        do=(
            "upgrade plan -o wide      # what the new revision does differently; say what it lacks in install.overlay",
        ),
        objects=(str(plane.ref),),
    )
