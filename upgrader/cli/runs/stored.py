"""Checks and plans from a snapshot that somebody stored: no cluster is asked, and no kubeconfig is looked for."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from upgrader.catalog import load_catalog
from upgrader.checks import run_checks
from upgrader.cli.input.options import Globals
from upgrader.cli.input.places import manifests_folder
from upgrader.cli.runs.answering import answers_of
from upgrader.cli.runs.choosing import Wish, from_folder, targets_of
from upgrader.cli.runs.making import Made, allowed, check_place, context_of, decided, wished_playbook
from upgrader.cli.runs.rendering import Rendered
from upgrader.host.clock import SystemClock
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.snapshot import ControlPlane, Snapshot, read_snapshot
from upgrader.model.version import Version
from upgrader.planning.route import running

SNAPSHOT = "snapshot.json"
_REACHING = ("context", "kubeconfig", "as_user", "as_group")


def stored_mesh(said: Globals, path: Path) -> Snapshot:
    """The snapshot in a file, or in a run directory.

    Raises:
        click.UsageError: a cluster was named as well.
        UpgradeError: UPG-0020.
    """
    named = next((name for name in _REACHING if name in said.given), "")
    if named:
        option = "as" if named == "as_user" else named.replace("_", "-")
        raise click.UsageError(f"--from asks no cluster, so --{option} means nothing; leave one of them out")
    place = path / SNAPSHOT if path.is_dir() else path
    try:
        return read_snapshot(place.read_bytes())
    except OSError as error:
        raise _unusable(place, error.strerror or "it cannot be read") from error
    except msgspec.DecodeError as error:
        raise _unusable(place, " ".join(str(error).split())) from error


def make_stored(said: Globals, wish: Wish, mesh: Snapshot) -> Made:
    """What the checks say about *mesh*, and the plan where there are manifests for it.

    Without manifests the plan has a path (of the newest releases that the catalog knows) and no steps, so it can be
    shown as findings only.

    Raises:
        UpgradeError: as ``making.make``.
    """
    playbook = wished_playbook(wish)
    check_place(mesh, said.istio_namespace)
    plane = running(mesh)
    folder = manifests_folder(wish.manifests, playbook.install.folder, said.access)
    rendered = from_folder(folder, plane, wish) if folder is not None else _by_catalog(plane, wish)
    said_before = answers_of(wish.answer, playbook)
    context, answers = context_of(plane, wish, playbook, rendered, said_before)
    report = run_checks(mesh, context)
    ready = rendered if rendered.releases else Rendered(None, (), {})
    plan = decided(SystemClock().now(), wish, playbook, ready, mesh, report.findings, report.ran, answers)
    if plane is not None and not rendered.releases:
        path = (str(Version.parse(plane.version)), *map(str, rendered.targets))
        plan = msgspec.structs.replace(plan, path=path)
    return Made(allowed(plan, wish.allow, wish.reason), mesh, releases=rendered.releases)


def _by_catalog(plane: ControlPlane | None, wish: Wish) -> Rendered:
    if plane is None:
        return Rendered(None, (), {})
    newest = [Version.parse(release.latest) for release in load_catalog().releases.values()]
    return Rendered(None, targets_of(Version.parse(plane.version), wish, newest), {})


def _unusable(place: Path, reason: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0020",
        f"{place} is not a snapshot that can be read",
        what=(reason,),
        why="findings from half a snapshot would be silent about the other half",
        do=(
            "upgrade check -o snapshot=snapshot.json      # writes one, where the cluster can be reached",
            "upgrade check --from RUN/snapshot.json      # every run directory has one",
        ),
        exit_code=Exit.BAD_DATA,
    )
