"""What must hold before a plan is carried out: the right cluster, a fresh and whole plan, the permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from upgrader.catalog import site_digests, site_flag
from upgrader.checks.mesh.unread import gaps
from upgrader.cli.runs.permitting import check_permissions
from upgrader.cli.wiring import Connection, survey
from upgrader.engine.keeping.folder import runs_in
from upgrader.engine.keeping.mirror import run_of_plan
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.finding import Finding
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted
from upgrader.planning.drift import drifted
from upgrader.planning.permissions import Ground
from upgrader.planning.plan import Plan


def admit(connection: Connection, plan: Plan, runs: Path, until: str = "") -> Snapshot:
    """The cluster as it is, once everything speaks for carrying out *plan*, or its beginning up to *until*.

    Raises:
        UpgradeError: UPG-0402 another cluster, UPG-0406 blocked, UPG-0403 expired or used, UPG-0401 the cluster or the
            site's catalog changed, UPG-0302 a permission is missing.
    """
    check_cluster(connection, plan)
    check_applicable(connection, plan, runs)
    check_catalog(plan)
    mesh = survey(connection)
    check_fit(plan, mesh)
    check_permissions(connection, plan, Ground.of(mesh), until)
    return mesh


def check_cluster(connection: Connection, plan: Plan) -> None:
    """The plan is for this cluster.

    Raises:
        UpgradeError: UPG-0402.
    """
    if plan.cluster.uid == connection.id.uid:
        return
    raise UpgradeError(
        "UPG-0402",
        "this plan is for another cluster",
        what=(
            f"it was made for context {plan.cluster.context} (cluster {plan.cluster.uid[:8]})",
            f"the current context {connection.id.context} is cluster {connection.id.uid[:8]}",
        ),
        why="a plan names the objects of one cluster and was reviewed for it",
        do=(f"upgrade apply plan.json --context {plan.cluster.context}",),
        exit_code=Exit.STALE,
    )


def check_applicable(connection: Connection, plan: Plan, runs: Path) -> None:
    """Nothing blocks the plan, it is fresh, and nobody carried it out before.

    Raises:
        UpgradeError: UPG-0406, UPG-0403.
    """
    blocking = [f for f in plan.findings if f.blocks]
    if blocking:
        raise blocked(blocking)
    now = connection.clock.now()
    if now > plan.valid_until:
        raise _stale(
            plan,
            f"it could be applied until {plan.valid_until:%Y-%m-%d %H:%M} UTC",
            "a plan is a promise about a cluster that moves on",
        )
    used = next((f.run for f in runs_in(runs) if f.is_of(plan)), "") or run_of_plan(
        connection.reader, plan.id
    )
    if used:
        raise _stale(
            plan,
            f"it was applied by run {used}",
            "a plan is carried out once",
            f"upgrade status {used}",
            f"upgrade resume {used}",
        )


def check_catalog(plan: Plan) -> None:
    """The site's catalog is the one that the plan was made with, where it is on this machine.

    Elsewhere it cannot be compared, as a playbook cannot: the plan holds what was decided from both.

    Raises:
        UpgradeError: UPG-0401; UPG-0003 it cannot be read any more.
    """
    if not plan.catalog or not Path(plan.catalog).is_dir():
        return
    then = {name: value for name, value in plan.inputs.items() if name.startswith("catalog/")}
    now = site_digests(Path(plan.catalog))
    if changed := sorted(name for name in {*then, *now} if then.get(name) != now.get(name)):
        raise UpgradeError(
            "UPG-0401",
            f"{plan.catalog} is not the catalog that the plan was made with",
            what=tuple(f"{name.removeprefix('catalog/')}: {_change(name, then, now)}" for name in changed),
            why="what is known of releases decides which way is taken, and what stands in it",
            do=(_again(plan),),
            exit_code=Exit.STALE,
        )


def _change(name: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    return "it is gone" if name not in now else "it is new" if name not in then else "its content changed"


def blocked(findings: Sequence[Finding]) -> UpgradeError:
    """What stands in the way, all of it at once: under its own code where there is one kind, under UPG-0406 else."""
    codes = {f.code for f in findings}
    first, only = findings[0], len(codes) == 1
    headline = f"the plan is blocked by {counted(len(findings), 'finding')}"
    if only:
        headline = (
            first.summary
            if len(findings) == 1
            else f"{len(findings)} findings of this kind: {first.summary}, ..."
        )
    what = [
        line
        for f in findings
        for line in ((f.summary if only else f"{f.code} {f.summary}"), *(f"  {w}" for w in f.what))
    ]
    excuse = [
        f"--allow {f.code}:{f.subject} --reason TEXT      # if it is meant; shown in plan, review and report"
        for f in findings
        if f.allowable
    ]
    return UpgradeError(
        first.code if only else "UPG-0406",
        headline,
        what=tuple(what[1:] if only and len(findings) == 1 else what),
        why=first.why if only else "each of them would leave something behind or break it",
        do=tuple(dict.fromkeys([*(one for f in findings for one in f.do), *excuse])) or ("upgrade check",),
        exit_code=Exit.BLOCKED,
    )


def _again(plan: Plan) -> str:
    """The command that plans the same again, with the same catalog."""
    target = plan.path[-1] if plan.path else "VERSION"
    return f"upgrade plan --to {target}{site_flag(plan.catalog)} --out plan.json"


def _stale(plan: Plan, what: str, why: str, *do: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0403",
        f"plan {plan.id} cannot be applied any more",
        what=(what,),
        why=why,
        do=do or (_again(plan),),
        exit_code=Exit.STALE,
    )


def check_fit(plan: Plan, mesh: Snapshot) -> None:
    """What the plan was decided from is still so.

    Raises:
        UpgradeError: UPG-0401 naming each difference and the steps it touches; UPG-0303 some of it could not be read now,
            which is not the same as being gone.
    """
    if unread := [*gaps(mesh)]:
        raise blocked(unread)
    found = drifted(plan, mesh)
    if not found:
        return
    what = [f"{len(found)} of {len(plan.preconditions)} preconditions changed"]
    for one in found:
        steps = (
            f" (touches {', '.join(one.steps[:3])}{' …' if len(one.steps) > 3 else ''})" if one.steps else ""
        )
        what.append(
            f"  {one.subject}: {one.fact} is {one.found or 'gone'}, was {one.expected or 'absent'}{steps}"
        )
    raise UpgradeError(
        "UPG-0401",
        "the plan no longer fits the cluster",
        what=tuple(what),
        why="what was reviewed was decided from what is not so any more",
        do=(_again(plan),),
        exit_code=Exit.STALE,
    )


def manifests_of(plan: Plan, plan_file: Path | None) -> Path:
    """The folder of the plan's manifests: where they were, or beside the plan if it was taken somewhere else."""
    there = Path(plan.manifests)
    beside = plan_file.with_suffix(".manifests") if plan_file is not None else there
    return beside if beside.is_dir() and not there.is_dir() else there


def run_files(plan: Plan, mesh: Snapshot, plan_file: Path | None = None) -> dict[str, bytes]:
    """The files that a run directory keeps beside the plan.

    Raises:
        UpgradeError: UPG-0401: a manifest file is not the one that the plan was made from.
    """
    folder = manifests_of(plan, plan_file)
    files = {"snapshot.json": pretty(mesh).encode()}
    for name, digest in plan.inputs.items():
        if not name.startswith("manifests/"):
            continue
        place = folder / name.removeprefix("manifests/")
        try:
            data = place.read_bytes()
        except OSError as error:
            raise _other_manifest(place, plan, error.strerror or "it cannot be read") from error
        if sha256(data).hexdigest() != digest:
            raise _other_manifest(place, plan, "its content changed since the plan was made")
        files[name] = data
    return files


def _other_manifest(place: Path, plan: Plan, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0401",
        f"{place} is not what the plan was made from",
        what=(why,),
        why="what was reviewed is what is installed, to the byte",
        do=(_again(plan),),
        exit_code=Exit.STALE,
    )
