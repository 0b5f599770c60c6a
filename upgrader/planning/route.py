"""The versions an upgrade passes: one minor at a time, and for each minor the best patch there is."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.catalog import Catalog
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.snapshot import ControlPlane, Snapshot
from upgrader.model.version import Version

RULE = (
    "our rule is one minor version per hop: each hop is checked against that version's upgrade notes, and can be "
    "undone onto a revision that is still installed. Istio itself supports a two-minor jump with revisions; this "
    "refusal is our policy and has no override."
)


def running(mesh: Snapshot) -> ControlPlane | None:
    """The control plane that an upgrade starts from: the oldest one that has proxies.

    Where none has any it is the oldest one that something names, else the newest. None when there is no istiod whose
    version is known.
    """
    planes = sorted((p for p in mesh.control_planes if p.version), key=lambda p: Version.parse(p.version))
    for needed in (mesh.revisions, _depended_on(mesh)):
        if found := [p for p in planes if p.revision in needed]:
            return found[0]
    return planes[-1] if planes else None


def _depended_on(mesh: Snapshot) -> set[str]:
    """Revisions that namespaces, tags, Gateways or the default validator name."""
    named = {w.revision for w in mesh.injectors if w.tag}
    named |= {n.labels.get("istio.io/rev", "") for n in mesh.namespaces}
    named |= {g.labels.get("istio.io/rev", "") for g in mesh.api_gateways}
    named |= {v.revision for v in mesh.validators if v.ref.name == "istiod-default-validator"}
    if any(n.labels.get("istio-injection") == "enabled" for n in mesh.namespaces):
        named |= {w.revision for w in mesh.injectors if w.tag == "default"} or {"default"}
    return named


def route(
    running: Version,
    to: Version | None,
    available: Sequence[Version],
    catalog: Catalog | None = None,
    floor: Version | None = None,
) -> tuple[Version, ...]:
    """The targets of the hops that lead from *running* to *to*, in order; () when *running* is *to*.

    Args:
        running: The release that runs.
        to: A release, a minor such as 1.29 (its best patch is taken), or None for the next minor.
        available: Every release that could be installed.
        catalog: Knows releases with a fault; one of them is taken only where there is nothing else.
        floor: The oldest patch of the running minor from which the next one may be reached; a hop to the best patch
            comes first where one is at hand and *running* is older.

    Raises:
        UpgradeError: UPG-0102 *to* is older, UPG-0103 there is no such release, UPG-0105 a minor on the way has none.
    """
    goal = Version(running.major, running.minor + 1) if to is None else to
    ahead = running.minors_to(goal)
    if ahead < 0 or (ahead == 0 and goal.patch >= 0 and goal < running):
        raise _older(running, goal)
    minors = [Version(goal.major, running.minor + n) for n in range(1, ahead)]
    if goal.major != running.major:
        raise _unknown(goal, available)
    if ahead == 0 and goal.patch < 0:
        newer = [v for v in _of_minor(goal, available) if v > running]
        return (_best(newer, catalog),) if newer else ()
    if goal == running:
        return ()
    raised = _raised(running, floor, available, catalog) if ahead else ()
    return (*raised, *(_pick(one, available, catalog) for one in (*minors, goal)))


def _raised(
    running: Version, floor: Version | None, available: Sequence[Version], catalog: Catalog | None
) -> tuple[Version, ...]:
    """A patch release of the running minor that has to come first, if there is one at hand."""
    if floor is None or running >= floor:
        return ()
    found = [v for v in _of_minor(running, available) if v >= floor and not v.pre]
    return (_best(found, catalog),) if found else ()


def explicit(
    running: Version, path: Sequence[Version], available: Sequence[Version], catalog: Catalog | None = None
) -> tuple[Version, ...]:
    """The targets of a path that somebody wrote down, such as ``--path 1.28,1.29.6``.

    Raises:
        UpgradeError: UPG-0101 a hop skips a minor, and whatever ``route`` raises.
    """
    targets: list[Version] = []
    here = running
    for asked in path:
        ahead = here.minors_to(asked)
        if ahead > 1:
            raise _skips(running, here, asked, path, available)
        if ahead == 0 and asked == here:
            if not targets:
                continue
            raise _older(here, asked)
        targets += route(here, asked, available, catalog)
        here = targets[-1] if targets else here
    return tuple(targets)


def _of_minor(minor: Version, available: Sequence[Version]) -> list[Version]:
    return [v for v in available if v.series == minor.series and v.patch >= 0]


def _best(found: Sequence[Version], catalog: Catalog | None) -> Version:
    """The newest release; one with a known fault, or a candidate, only where there is nothing else."""

    def sound(version: Version) -> bool:
        return catalog is None or catalog.fault(version) is None

    return max(found, key=lambda v: (not v.pre, sound(v), v))


def _pick(asked: Version, available: Sequence[Version], catalog: Catalog | None) -> Version:
    found = _of_minor(asked, available)
    if not found:
        raise _nothing(asked, available)
    if asked.patch < 0:
        return _best(found, catalog)
    if asked not in found:
        raise _unknown(asked, available)
    return asked


def _older(running: Version, goal: Version) -> UpgradeError:
    return UpgradeError(
        "UPG-0102",
        f"{goal} is not newer than {running}, which runs",
        why="an upgrade only goes forward; going back is a rollback of the run that came here",
        do=("upgrade rollback              # while the old revision is still installed",),
        exit_code=Exit.BLOCKED,
    )


def _unknown(goal: Version, available: Sequence[Version]) -> UpgradeError:
    near = sorted(_of_minor(goal, available)) or sorted(available)
    return UpgradeError(
        "UPG-0103",
        f"there is no release {goal} to install",
        what=(f"on offer: {', '.join(map(str, near)) or 'nothing'}",),
        why="each hop installs a release whose manifests are at hand",
        do=(f"upgrade plan --to {near[-1]}",) if near else ("upgrade plan --manifests DIR",),
        exit_code=Exit.BLOCKED,
    )


def _nothing(minor: Version, available: Sequence[Version]) -> UpgradeError:
    have = ", ".join(map(str, sorted(available))) or "nothing"
    return UpgradeError(
        "UPG-0105",
        f"no manifests for any release of {minor.series}",
        what=(f"on offer: {have}",),
        why="each hop installs the objects of its own version, and no minor may be left out",
        do=(
            f"add a folder {minor.series}.N with that release's rendered manifests to the --manifests folder",
        ),
        exit_code=Exit.BLOCKED,
    )


def _skips(
    running: Version, here: Version, asked: Version, path: Sequence[Version], available: Sequence[Version]
) -> UpgradeError:
    between = [f"{here.major}.{minor}" for minor in range(here.minor + 1, asked.minor)]
    skipped = (
        f"a minor version ({between[0]})"
        if len(between) == 1
        else f"{len(between)} minor versions ({', '.join(between)})"
    )
    try:
        whole = " -> ".join(str(v) for v in (running, *route(running, path[-1], available)))
    except UpgradeError as reason:
        whole = f"then: {reason.headline}"
    return UpgradeError(
        "UPG-0101",
        f"{here} -> {asked} skips {skipped}",
        what=(
            f"--path {','.join(map(str, path))} asks for one hop across {len(between) + 1} minor versions",
        ),
        why=RULE,
        do=(f"upgrade plan --to {path[-1]}            # {whole}",),
        exit_code=Exit.BLOCKED,
    )
