"""What the first moves of a hop would be, typed by hand: for a reviewer who knows the commands and not this program."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from upgrader.planning.plan import Gate, Hop, Planned
from upgrader.report.plan.escaping import shell
from upgrader.steps import (
    AnyStep,
    ApplyManifests,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RestartWorkload,
    ScalePlane,
)

SHOWN = 40
"""Commands at most."""


def equivalents(hop: Hop) -> tuple[str, list[str]]:
    """Name of the first wave that moves namespaces, and the commands up to its end; gates have none."""
    moving = next((w for w in hop.waves if w.kind in {"namespaces", "gateways"}), None)
    before = takewhile(lambda wave: wave is not moving, hop.waves)
    items = [item for wave in (*before, *([moving] if moving else [])) for item in wave.items]
    lines = [line for item in items for line in _lines(item)]
    more = [f"# and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return moving.name if moving else "", [*lines[:SHOWN], *more]


def _lines(item: Planned) -> Iterator[str]:
    if not isinstance(item.action, Gate):
        yield from (f"{command}      # {item.id}" for command in _commands(item.action))


def _commands(step: AnyStep) -> Iterator[str]:
    match step:
        case ApplyManifests():
            for file in dict.fromkeys(one.file for one in step.documents):
                yield f"kubectl apply --server-side -f {shell(file)}"
        case RelabelNamespace():
            yield f"kubectl label namespace {shell(step.namespace)} {_labels(step.labels)} --overwrite"
        case RelabelGateway():
            label = _labels({"istio.io/rev": step.value})
            named = f"{step.ref.kind.resource} {shell(step.ref.name)}"
            yield f"kubectl -n {shell(step.ref.namespace)} label {named} {label} --overwrite"
        case MoveTag():
            yield f"istioctl tag set {shell(step.tag)} --revision {shell(step.revision)} --overwrite"
        case ScalePlane():
            name = f"deployment {shell(step.ref.name)}"
            yield f"kubectl -n {shell(step.ref.namespace)} scale {name} --replicas={step.replicas}"
        case RestartWorkload():
            kind = step.ref.kind.kind.lower()
            yield f"kubectl -n {shell(step.ref.namespace)} rollout restart {kind}/{shell(step.ref.name)}"
        case _:
            return


def _labels(labels: dict[str, str | None]) -> str:
    return " ".join(shell(f"{k}-" if v is None else f"{k}={v}") for k, v in labels.items())
