"""One hop, from a look before anything to the proof afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from upgrader.model.finding import Finding
from upgrader.model.snapshot import Workload
from upgrader.model.version import UNNAMED
from upgrader.planning.hop import gateways
from upgrader.planning.hop.documents import plane_image
from upgrader.planning.hop.gates import dangling, gateways_on, probe_round, workloads_on
from upgrader.planning.hop.install import back_up, install
from upgrader.planning.hop.moves import leave_behind, remaining, restart, waves
from upgrader.planning.hop.retire import retire
from upgrader.planning.hop.stage import Draft, HopInputs, Stage
from upgrader.planning.hop.tags import lend_default, move_remaining
from upgrader.planning.plan import Hop


def make_hop(inputs: HopInputs, stage: Stage) -> tuple[Hop, Stage, tuple[Finding, ...]]:
    """The hop, the stage that it leaves for the next one, and what the planner found on the way.

    Raises:
        UpgradeError: UPG-0012 no wave selects a namespace.
    """
    draft = Draft(inputs, stage)
    if not _name_is_free(draft):
        return _hop(draft), stage, tuple(draft.findings)
    leave_behind(draft)
    back_up(draft)
    install(draft)
    gateways.pin(draft)
    waves(draft)
    gateways.move(draft)
    _tags(draft)
    retire(draft)
    return _hop(draft), draft.result(), tuple(draft.findings)


def _hop(draft: Draft) -> Hop:
    inputs = draft.inputs
    return Hop(
        number=inputs.number,
        source=inputs.source,
        target=inputs.release.version,
        old=inputs.old,
        new=inputs.new,
        waves=tuple(draft.waves),
        former_images=dict(sorted(draft.former_images.items())),
        former_revisions=dict(sorted(draft.former_revisions.items())),
        adopted=draft.stage.replicas.get(inputs.new, 0),
        strict=draft.stage.forecast.default_validator in draft.stage.forecast.versions,
        dangling=dangling(inputs.mesh),
        images=_images(inputs),
    )


def _images(inputs: HopInputs) -> dict[str, str]:
    found = {"pilot": plane_image(inputs.release), "proxyv2": inputs.image}
    return {name: image for name, image in found.items() if image}


def _name_is_free(draft: Draft) -> bool:
    """Whether the new revision's name is unused, or used by exactly what is to be installed."""
    used = draft.forecast.versions.get(draft.new)
    if draft.new != draft.old and used in (None, draft.inputs.release.version):
        return True
    draft.block(
        "UPG-0332",
        f"istiod {draft.new}",
        f"revision {draft.new} runs {used or 'something else'}; the manifests of {draft.inputs.release.version} "
        "would change it in place",
        "a revision that serves is never changed: the new one is installed beside it under another name",
        f"render the manifests with --set revision={draft.inputs.target.revision}",
    )
    return False


def _tags(draft: Draft) -> None:
    """Tags that are left and Gateways that waited; before istiod is frozen nothing needs its webhooks any more.

    An istiod without a revision answers to the name ``default`` itself, so a tag of that name decides about pods only
    until it is gone.
    """
    if draft.old == UNNAMED:
        waiting = [w for w in remaining(draft) if not w.gateway]
        if waiting or not draft.behind:
            lend_default(draft)
        _close(draft, restart(draft, waiting), (), "tags")
        rolled = gateways.free(draft)
        _close(draft, restart(draft, remaining(draft)), rolled, "handover")
        return
    rolled = [*move_remaining(draft), *gateways.free(draft)]
    _close(draft, restart(draft, remaining(draft)), rolled, "tags")


def _close(draft: Draft, moved: list[Workload], rolled: Iterable[str], name: str) -> None:
    if draft.pending:
        probes = (*workloads_on(draft, moved), *gateways_on(draft, rolled), *probe_round(draft))
        draft.gate("gate: tags, gateways and webhooks agree on one revision", probes)
    draft.close(name, "tags")
