"""Who moves, and in which wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Self

import msgspec

from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.playbook import WaveRule
from upgrader.model.snapshot import Labels, Snapshot, Workload


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--only`` and ``--exclude`` leave to be moved.

    Each names ``namespace``, ``namespace/workload`` or ``namespace/gateway``.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, mesh: Snapshot, only: Sequence[str], exclude: Sequence[str]) -> Self:
        """The scope, once every name is known to mean something.

        Raises:
            UpgradeError: UPG-0014 a name is neither a namespace nor a workload nor a Gateway.
        """
        if not only and not exclude:
            return cls()
        known = {n.name for n in mesh.namespaces} | {w.name for w in mesh.workloads}
        known |= {f"{g.ref.namespace}/{g.ref.name}" for g in mesh.api_gateways}
        strange = sorted({*only, *exclude} - known)
        if strange:
            near = get_close_matches(strange[0], sorted(known), 1)
            raise UpgradeError(
                "UPG-0014",
                f"{strange[0]} is no namespace, workload or Gateway of the mesh",
                what=(f"asked for: {', '.join(strange)}", *(f"did you mean {one}?" for one in near)),
                why="a misspelt exception would move, or leave, the wrong thing",
                do=("write it as NAMESPACE or NAMESPACE/WORKLOAD",),
                exit_code=Exit.USAGE,
            )
        return cls(only=tuple(sorted(only)), exclude=tuple(sorted(exclude)))

    def moves(self, namespace: str) -> bool:
        """Whether the binding of *namespace* moves."""
        chosen = not self.only or any(name.partition("/")[0] == namespace for name in self.only)
        return chosen and namespace not in self.exclude

    def restarts(self, workload: Workload) -> bool:
        """Whether *workload* moves."""
        if self.whole:
            return True
        names = {workload.name, workload.ref.namespace}
        return not names.intersection(self.exclude) and (not self.only or bool(names.intersection(self.only)))

    @property
    def whole(self) -> bool:
        """Whether the scope is all of the mesh."""
        return not self.only and not self.exclude


def cut_waves(namespaces: Mapping[str, Labels], rules: Sequence[WaveRule]) -> dict[str, tuple[str, ...]]:
    """Give each namespace to the first wave that selects it.

    Returns:
        Wave name to sorted namespace names, in the order of *rules*; every namespace appears exactly once.

    Raises:
        UpgradeError: UPG-0012 a namespace is selected by no wave; nothing moves, and nothing is left, by accident.
    """
    waves: dict[str, list[str]] = {rule.name: [] for rule in rules}
    left: list[str] = []
    for name, labels in sorted(namespaces.items()):
        wave = next((rule.name for rule in rules if selects(rule, name, labels)), None)
        (left if wave is None else waves[wave]).append(name)
    if left:
        raise UpgradeError(
            "UPG-0012",
            f"no wave selects {', '.join(left)}",
            what=(f"waves of the playbook: {', '.join(waves) or 'none'}",),
            why="a namespace that no wave moves would keep the old revision for ever",
            do=(
                "add a last wave with `select: {}` to the playbook",
                *(f"or: --exclude {name}" for name in left),
            ),
            exit_code=Exit.CONFIG,
        )
    return {name: tuple(members) for name, members in waves.items()}


def selects(rule: WaveRule, name: str, labels: Labels) -> bool:
    """Whether *rule* takes the namespace: by name where it names any, else by labels."""
    if rule.namespaces:
        return name in rule.namespaces
    return rule.select.items() <= labels.items()
