"""Server-side apply's merge, and the removal of fields nobody claims any more."""

from __future__ import annotations

from typing import Any

from upgrader.sandbox.api.fields.sets import SELF, FieldSet
from upgrader.sandbox.api.fields.shapes import Shape, element_of


def merged(live: Any, config: Any, shape: Shape) -> Any:
    """The live value with the configuration laid over it; what is unchanged is shared, not copied."""
    if isinstance(config, dict) and isinstance(live, dict) and not shape.atomic:
        result = dict(live)
        for name, value in config.items():
            result[name] = merged(live[name], value, shape.child(name)) if name in live else value
        return result
    if isinstance(config, list) and isinstance(live, list) and shape.merges:
        return _Lists(live, config, shape).merged()
    return config


class _Lists:
    """Two keyed lists; the result keeps the order of both as far as they agree, and the configuration's where not."""

    def __init__(self, live: list[Any], config: list[Any], shape: Shape) -> None:
        self.shape = shape
        self.live = [(element_of(shape, item), item) for item in live]
        self.config = [(element_of(shape, item), item) for item in config]
        self.known = dict(self.live)
        self.wanted = dict(self.config)

    def merged(self) -> list[Any]:
        found: list[Any] = []
        done: set[str] = set()
        left, right = 0, 0
        while left < len(self.live) or right < len(self.config):
            element = self.live[left][0] if left < len(self.live) else None
            if element is not None and element in done:
                left += 1
            elif element is not None and element not in self.wanted:
                found.append(self.live[left][1])
                left += 1
            elif right < len(self.config):
                element, item = self.config[right]
                if element not in done:
                    found.append(self._item(element, item))
                done.add(element)
                right += 1
            else:
                left += 1
        return found

    def _item(self, element: str, item: Any) -> Any:
        if element not in self.known:
            return item
        return merged(self.known[element], item, self.shape.of_item())


def removed(value: Any, gone: FieldSet, shape: Shape) -> Any:
    """The value without the members of gone; maps and lists that become empty by it go too (None)."""
    if isinstance(value, dict) and not shape.atomic:
        return _removed_map(value, gone, shape)
    if isinstance(value, list) and shape.merges:
        return _removed_list(value, gone, shape)
    return value


def _removed_map(value: dict[str, Any], gone: FieldSet, shape: Shape) -> Any:
    kept = {}
    for name, inner in value.items():
        below = gone.get(f"f:{name}")
        if below is None:
            kept[name] = inner
        elif SELF not in below:
            rest = removed(inner, below, shape.child(name))
            if rest is not None:
                kept[name] = rest
    return kept or None


def _removed_list(value: list[Any], gone: FieldSet, shape: Shape) -> Any:
    kept = []
    for item in value:
        below = gone.get(element_of(shape, item))
        if below is None:
            kept.append(item)
        elif SELF not in below:
            rest = removed(item, below, shape.of_item())
            if rest is not None:
                kept.append(rest)
    return kept or None
