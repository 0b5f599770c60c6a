"""Which Gateways and ListenerSets a step can concern at all: a label of one namespace changes nothing for those elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from upgrader.model.snapshot import ApiGateway
from upgrader.planning.foresight.forecast import gateway_name
from upgrader.planning.foresight.listeners import Pair
from upgrader.planning.plan import Gate
from upgrader.steps import AnyStep, RelabelGateway, RelabelNamespace


class Nearby:
    """Gateways, and what adds to them, by the places whose labels decide about them.

    Whom they belong to hangs on their own label, the labels of their namespaces, and on tags and control planes, which
    are everywhere (``model.ownership``, ``model.listeners``).
    """

    def __init__(self, gateways: Sequence[ApiGateway], listening: Sequence[Pair]) -> None:
        self._gateways, self._listening = gateways, listening
        self._near: dict[str, list[ApiGateway]] = {}
        self._heard: dict[str, list[Pair]] = {}
        for gateway in gateways:
            for place in (gateway.ref.namespace, gateway_name(gateway)):
                self._near.setdefault(place, []).append(gateway)
        for pair in listening:
            gateway, listeners = pair
            spaces = {gateway.ref.namespace, listeners.ref.namespace}
            for place in (*sorted(spaces), gateway_name(gateway), str(listeners.ref)):
                self._heard.setdefault(place, []).append(pair)

    def gateways(self, action: AnyStep | Gate) -> Iterable[ApiGateway]:
        """The Gateways that may belong to another revision after *action*, in their order."""
        match action:
            case RelabelNamespace():
                return self._near.get(action.namespace, ())
            case RelabelGateway():
                return self._near.get(f"{action.ref.namespace}/{action.ref.name}", ())
            case _:
                return self._gateways

    def listening(self, action: AnyStep | Gate) -> Iterable[Pair]:
        """The ListenerSets that may be read by others after *action*, each with its Gateway, in their order."""
        match action:
            case RelabelNamespace():
                return self._heard.get(action.namespace, ())
            case RelabelGateway():
                name = f"{action.ref.namespace}/{action.ref.name}"
                of_gateway = action.ref.kind.kind == "Gateway"
                return self._heard.get(name if of_gateway else str(action.ref), ())
            case _:
                return self._listening
