"""How long a plan takes, as a range with its reason."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from upgrader.planning.plan import Gate, Hop, Plan, Wave
from upgrader.steps import ApplyManifests, RestartWorkload

POD = (20, 40)
"""Seconds until a replaced pod is ready."""
STEP = (1, 5)
"""Seconds for any other step."""
PLANE = (30, 120)
"""Seconds until a new istiod is ready."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """From, to, and what it rests on; approvals are not in it."""

    shortest: timedelta
    longest: timedelta
    basis: str
    approvals: int = 0

    def __add__(self, other: Span) -> Span:
        return Span(
            shortest=self.shortest + other.shortest,
            longest=self.longest + other.longest,
            basis=self.basis,
            approvals=self.approvals + other.approvals,
        )


BASIS = f"{POD[0]}-{POD[1]} s for each pod, workloads of a wave at once as the playbook says, and the soaks"


def estimate(plan: Plan) -> Span:
    """The expected time of the whole plan."""
    return sum((estimate_hop(hop) for hop in plan.hops), _span(0, 0))


def estimate_hop(hop: Hop) -> Span:
    """The expected time of one hop."""
    return sum((_wave(wave) for wave in hop.waves), _span(0, 0))


def _span(shortest: float, longest: float, approvals: int = 0) -> Span:
    return Span(
        shortest=timedelta(seconds=shortest),
        longest=timedelta(seconds=longest),
        basis=BASIS,
        approvals=approvals,
    )


def _wave(wave: Wave) -> Span:
    low = high = 0.0
    pods, approvals = 0, 0
    for item in wave.items:
        match item.action:
            case RestartWorkload():
                pods += max(1, item.pods)
            case Gate() as gate:
                approvals += bool(gate.approval)
                low, high = low + gate.soak.total_seconds(), high + gate.soak.total_seconds() + STEP[1]
            case ApplyManifests(part="control-plane"):
                low, high = low + PLANE[0], high + PLANE[1]
            case _:
                rolls = max(1, len(item.rolls) * POD[1] // STEP[1])
                low, high = low + STEP[0], high + STEP[1] * rolls
    at_once = max(1, wave.at_once)
    return _span(low + pods * POD[0] / at_once, high + pods * POD[1] / at_once, approvals)
