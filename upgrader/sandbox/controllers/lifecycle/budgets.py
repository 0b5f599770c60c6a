"""The status of PodDisruptionBudgets: how many pods may be evicted now."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import ENDED, is_deleted, is_ready, phase, with_condition
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.workloads.templates import portion
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Event, Key, Obj

BUDGETS = ("policy", "poddisruptionbudgets")
_SCALED = frozenset({"deployments", "replicasets", "statefulsets"})


class Budgets(Loop):
    """Counts healthy pods against what each budget asks for."""

    user = "disruption-controller"
    hears = _SCALED | {"poddisruptionbudgets", "pods"}

    def changed(self, event: Event) -> None:
        if event.key[:2] == BUDGETS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[:2] == PODS or (event.key[1] in _SCALED and not only_status(event)):
            for each in self.index.all(*BUDGETS, event.key[2]):
                self.queue.add((*BUDGETS, event.key[2], each["metadata"]["name"]))

    def sync(self, key: Key) -> None:
        budget = self.store.get(key)
        if budget is None or is_deleted(budget):
            return
        selector = budget["spec"].get("selector")
        pods = [
            pod for pod in self.index.all(*PODS, key[2]) if matches(selector, pod["metadata"].get("labels"))
        ]
        living = [pod for pod in pods if phase(pod) not in ENDED]
        expected, desired = self._wanted(budget["spec"], living)
        healthy = sum(is_ready(pod) and not is_deleted(pod) for pod in living)
        allowed = max(0, healthy - desired) if expected else 0
        status = {
            "observedGeneration": budget["metadata"].get("generation", 0),
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "conditions": self._told(budget, allowed),
        }
        self.cluster.write_status(key, budget, status)

    def _told(self, budget: Obj, allowed: int) -> list[Obj]:
        said = {
            "type": "DisruptionAllowed",
            "status": "True" if allowed else "False",
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "message": "",
            "observedGeneration": budget["metadata"].get("generation", 0),
        }
        known = (budget.get("status") or {}).get("conditions") or ()
        return with_condition(known, said, self.cluster.stamp())

    def _wanted(self, spec: Obj, pods: list[Obj]) -> tuple[int, int]:
        """How many pods there should be, and how many must stay healthy."""
        least = spec.get("minAvailable")
        if isinstance(least, int):
            return len(pods), least
        expected = self._scale(pods)
        if least is not None:
            return expected, portion(least, expected, up=True)
        most = spec.get("maxUnavailable")
        return expected, max(0, expected - portion(1 if most is None else most, expected, up=True))

    def _scale(self, pods: list[Obj]) -> int:
        """Sum of the replicas of all workloads the pods belong to; pods without one count for themselves."""
        sizes: dict[str, int] = {}
        for pod in pods:
            top = pod
            while (reference := controller_of(top)) and (key := self.index.key_of(reference["uid"])):
                found = self.store.get(key)
                if found is None:
                    break
                top = found
            sizes[top["metadata"]["uid"]] = int(top["spec"].get("replicas", 1)) if top is not pod else 1
        return sum(sizes.values())
