"""YAML in which every key is said once."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def once_loader() -> Any:
    """A safe loader for ``yaml.load`` that refuses a mapping with a key that is said twice, with both lines.

    PyYAML itself keeps the last of the two and says nothing: half of what somebody wrote would be lost. What it raises
    is a ``yaml.YAMLError`` of one line. Made when it is asked for: most commands read no YAML.
    """
    import yaml

    class Once(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: dict[str, Any] = {}
            for key, _ in node.value:
                # a key that is itself a list or a mapping is refused by the loader
                if isinstance(key.value, str) and seen.setdefault(key.value, key) is not key:
                    lines = f"in lines {seen[key.value].start_mark.line + 1} and {key.start_mark.line + 1}"
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} is said twice, {lines}"
                    )
            return super().construct_mapping(node, deep)

    return Once
