"""Brings objects up in a world: everything passes the API, injection and the controllers, nothing is put by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import yaml

from upgrader.sandbox.scenarios.health import unhealthy
from upgrader.sandbox.store import Obj
from upgrader.sandbox.world import World

PATIENCE: Final = 600.0
"""Virtual seconds until a scenario must be healthy."""
_STEP: Final = 5.0


class StillUnhealthy(Exception):
    """Something did not come up: the sandbox or the data is wrong."""


class Builder:
    """Creates objects in one world, and waits in its time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local("admin", "kubectl")

    def create(self, obj: Obj) -> None:
        """Create an object unless the cluster brought it along."""
        path = self._collection(obj)
        if self.local.get(f"{path}/{obj['metadata']['name']}") is None:
            self.local.create(path, obj)

    def apply(self, text: str, manager: str) -> None:
        """Apply rendered manifests server-side, as the installer did."""
        for obj in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if obj is not None:
                self.local.apply(
                    f"{self._collection(obj)}/{obj['metadata']['name']}", obj, manager, force=True
                )

    def merge(self, obj: Obj, patch: Mapping[str, Any]) -> None:
        """Merge a patch into an object that exists."""
        path = f"{self._collection(obj)}/{obj['metadata']['name']}"
        self.local.patch(path, orjson.dumps(patch), "application/merge-patch+json")

    def wait(self) -> None:
        """Let time pass until everything is healthy.

        Raises:
            StillUnhealthy: it is not within `PATIENCE`.
        """
        self.world.settle()
        waited = 0.0
        while left := unhealthy(self.world.store):
            if waited >= PATIENCE:
                raise StillUnhealthy("; ".join(left))
            self.world.advance(_STEP)
            waited += _STEP

    def _collection(self, obj: Obj) -> str:
        group, _, version = obj["apiVersion"].rpartition("/")
        resource = self.world.api.catalogue.by_kind(group, obj["kind"])
        if resource is None:
            raise StillUnhealthy(f"{obj['apiVersion']} {obj['kind']} is not served")
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        place = f"/namespaces/{obj['metadata'].get('namespace', 'default')}" if resource.namespaced else ""
        return f"{root}{place}/{resource.plural}"
