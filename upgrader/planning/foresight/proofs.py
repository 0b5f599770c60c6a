"""What restarts count on, as questions to the API server: whose proxy the next pods get, one for each distinct template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from upgrader.model.kinds import WORKLOADS, Labels, Ref
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.planning.foresight.forecast import Forecast, relabelled
from upgrader.probes import NextPodsOn
from upgrader.probes.admission.next_pods import question
from upgrader.steps import RestartWorkload

Move = tuple[Workload, RestartWorkload, str]
"""A workload, the restart that moves it, and the revision that its next pods would have got when the hop began."""
Member = tuple[Workload, Labels]
_Question = tuple[str, str, str, tuple[tuple[str, str | None], ...]]
"""Expected revision, expected image, former revision, labels that the restart sets."""


def proofs(
    mesh: Snapshot, moves: Sequence[Move], forecast: Forecast, also: tuple[str, ...]
) -> tuple[NextPodsOn, ...]:
    """Probes of the next pods of *moves*, and of those beside them that are to stay without a proxy.

    Args:
        mesh: Who is there.
        moves: What restarts.
        forecast: What is when they are asked, after labels and tags moved and before any restart.
        also: Pod labels that istiod itself looks at.
    """
    groups: dict[_Question, list[Member]] = {}
    for workload, step, former in moves:
        asks = tuple(sorted(step.labels.items())) if step.labels else ()
        question = (step.revision, step.image, former, asks)
        labels = forecast.templates[workload.key]
        labels = relabelled(labels, step.labels) if step.labels else labels
        groups.setdefault(question, []).append((workload, labels))
    for workload in _spared(mesh, moves, forecast):
        groups.setdefault(("", "", "", ()), []).append((workload, forecast.templates[workload.key]))
    return tuple(_probe(q, members, forecast, also) for q, members in sorted(groups.items(), key=_first))


def _first(group: tuple[_Question, list[Member]]) -> tuple[str, str, str, str]:
    """Groups come in the order of this."""
    (revision, image, former, labels), _ = group
    return revision, image, former, str(labels)


def _probe(
    question: _Question, members: Sequence[Member], forecast: Forecast, also: tuple[str, ...]
) -> NextPodsOn:
    revision, image, former, labels = question
    return NextPodsOn(
        workloads=tuple(workload.ref for workload, _ in members),
        asked=tuple(_distinct(members, forecast, also)),
        revision=revision,
        image=image,
        former=former,
        labels=dict(labels),
        versions=dict(sorted(forecast.versions.items())),
        also=also,
        settings=forecast.own_settings or msgspec.UNSET,
    )


def _spared(mesh: Snapshot, moves: Sequence[Move], forecast: Forecast) -> Iterator[Workload]:
    """Workloads of the same namespaces that refuse a proxy, or cannot have one."""
    moving = {workload.key for workload, _, _ in moves}
    for name in sorted({workload.ref.namespace for workload, _, _ in moves}):
        for workload in mesh.workloads_in(name):
            if workload.key in moving or workload.gateway or workload.ref.kind not in WORKLOADS:
                continue
            if not forecast.next_proxy(workload).revisions:
                yield workload


def _distinct(members: Sequence[Member], forecast: Forecast, also: Sequence[str]) -> Iterator[Ref]:
    """The first workload of each template that is another one as far as injection is concerned."""
    seen: set[object] = set()
    for workload, labels in members:
        key = question(forecast.likeness(workload, labels), labels, workload.template_annotations, also)
        if key not in seen:
            seen.add(key)
            yield workload.ref
