"""The smallest NetworkPolicy that lets something through, as a command."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from upgrader.checks.network.policies import EGRESS, INGRESS
from upgrader.model.kinds import Obj


def ports(*numbers: int, protocol: str = "TCP") -> list[Obj]:
    """Ports as a rule lists them."""
    return [{"port": number, "protocol": protocol} for number in numbers]


def allowing(title: str, selector: Obj, *, ingress: Sequence[Obj] = (), egress: Sequence[Obj] = ()) -> str:
    """A command that adds a policy called *title* (``namespace/name``) with these rules.

    Policies only add up, so it takes nothing away where another one selects the same pods for these directions already.
    """
    namespace, _, name = title.partition("/")
    spec: Obj = {"podSelector": selector, "policyTypes": []}
    for direction, rules in ((INGRESS, ingress), (EGRESS, egress)):
        if rules:
            spec["policyTypes"].append(direction)
            spec[direction.lower()] = list(rules)
    made = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    return f"kubectl apply -f - <<< '{msgspec.json.encode(made).decode()}'"
