"""Load balancers: every Service that asks for one gets an address of its own."""

from __future__ import annotations

from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.controllers.network.endpoints import SERVICES
from upgrader.sandbox.store import Event, Key


class Balancers(Loop):
    """Writes status.loadBalancer; addresses are from a network set aside for documentation."""

    user = "service-controller"
    hears = frozenset({"services"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == SERVICES and event.type != "DELETED":
            self.queue.add(event.key)

    def sync(self, key: Key) -> None:
        service = self.store.get(key)
        if service is None:
            return
        known = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
        wanted = service["spec"].get("type") == "LoadBalancer"
        if wanted and not known:
            self.cluster.write_status(key, service, {"loadBalancer": {"ingress": [{"ip": self._free()}]}})
        elif known and not wanted:
            self.cluster.write_status(key, service, {"loadBalancer": {}})

    def _free(self) -> str:
        """The lowest address nobody has: 198.18.0.0/15."""
        taken = {
            each["ip"]
            for service in self.store.list(*SERVICES)
            for each in ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
            if "ip" in each
        }
        pool = (f"198.18.{number // 250}.{number % 250 + 1}" for number in range(60_000))
        return next(address for address in pool if address not in taken)
