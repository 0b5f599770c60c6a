"""YAML that is read strictly: no aliases, no duplicate or unknown keys, every complaint with file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import yaml

from upgrader.model.duration import duration
from upgrader.model.errors import Exit, UpgradeError

T = TypeVar("T")
LARGEST = 1 << 20
DEEPEST = 20
_WHERE = re.compile(r" - at `\$?(.*)`$")


class Unfit(Exception):
    """The text is not what was expected; ``line`` is 1-based, 0 when unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read(text: str, type_: type[T], file: str, *, code: str) -> T:
    """Decode *text* as *type_*.

    Raises:
        UpgradeError: *code* (exit 78) with ``file:line`` and what would be right.
    """
    try:
        return _read(text, type_)
    except Unfit as unfit:
        where = f"{file}:{unfit.line}" if unfit.line else file
        raise UpgradeError(
            code,
            f"{where}: {unfit.message}",
            why="what is not understood is not carried out",
            do=(f"edit {where}",),
            exit_code=Exit.CONFIG,
        ) from unfit


def _read(text: str, type_: type[T]) -> T:
    if len(text) > LARGEST:
        raise Unfit(f"the file is larger than {LARGEST >> 20} MiB")
    lines: dict[str, int] = {}
    data = _plain(_compose(text), "", type_, lines, 0)
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        found = _WHERE.search(str(error))
        path = found[1] if found else ""
        what = _WHERE.sub("", str(error)).replace("Object missing", "missing").replace("`", "'")
        key = path.rsplit(".", 1)[-1] if path else ""
        raise Unfit(f"{key}: {what}" if key else what, _line_of(path, lines)) from error


def _line_of(path: str, lines: dict[str, int]) -> int:
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)


def _compose(text: str) -> yaml.Node:
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = getattr(event.start_mark, "line", -1) + 1
                raise Unfit("aliases (*name) are not allowed", line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = getattr(error.problem_mark, "line", -1) + 1
        raise Unfit(f"not YAML: {error.problem}", line) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise Unfit(f"not YAML: {error}") from error
    if node is None:
        raise Unfit("the file is empty", 1)
    return node


def _plain(node: yaml.Node, path: str, type_: Any, lines: dict[str, int], depth: int) -> Any:
    lines[path] = node.start_mark.line + 1
    if depth > DEEPEST:
        raise Unfit("nested too deeply", lines[path])
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, path, type_, lines, depth))
    if isinstance(node, yaml.SequenceNode):
        inner = next((a for a in get_args(type_) if a is not Ellipsis), None)
        return [_plain(item, f"{path}[{i}]", inner, lines, depth + 1) for i, item in enumerate(node.value)]
    return _scalar(node, type_, lines[path])


def _pairs(
    node: yaml.MappingNode, path: str, type_: Any, lines: dict[str, int], depth: int
) -> Iterator[tuple[str, Any]]:
    fields = get_type_hints(type_) if isinstance(type_, type) and issubclass(type_, msgspec.Struct) else None
    values = get_args(type_)[1] if get_origin(type_) is dict else None
    seen: set[str] = set()
    for key_node, value in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in seen:
            raise Unfit(f"key {key!r} is there twice", line)
        seen.add(key)
        if fields is not None and key not in fields:
            raise Unfit(_unknown(key, fields), line)
        inner = fields[key] if fields is not None else values
        yield key, _plain(value, f"{path}.{key}", inner, lines, depth + 1)


def _unknown(key: str, fields: dict[str, Any]) -> str:
    if key in ("when", "if", "loop", "for", "register", "include"):
        return f"unknown key {key!r}: a playbook has no conditions and no loops; that is what checks are for"
    near = difflib.get_close_matches(key, fields, 1, 0.6)
    return f"unknown key {key!r}" + (
        f"; did you mean {near[0]}?" if near else f"; known are {', '.join(fields)}"
    )


def _scalar(node: yaml.Node, type_: Any, line: int) -> Any:
    if type_ is timedelta:
        try:
            return duration(node.value)
        except ValueError as error:
            raise Unfit(str(error), line) from error
    if type_ is str and node.tag != "tag:yaml.org,2002:str" and node.value != "":
        raise Unfit(f"{node.value} must be in quotes: YAML reads it as another type", line)
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise Unfit(f"{node.value} is no value that a file of ours can have", line) from error
