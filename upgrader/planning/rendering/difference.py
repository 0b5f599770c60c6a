"""The new control plane against the old one: which fields of which objects differ, beside names and release numbers."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from upgrader.model.installing import Difference
from upgrader.model.kinds import Obj
from upgrader.model.version import Version, revision_suffix
from upgrader.planning.rendering.owned import owned

_KEPT = 12
"""Fields of an object that a plan lists."""
_LONGEST = 70
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LABELS = (
    "app.kubernetes.io/",
    "helm.sh/",
    "operator.istio.io/",
    "install.operator.istio.io/",
    "istio.io/rev",
)
"""Bookkeeping of installers and renderers."""
_TEMPORARY = ("upgrader.istio/", "kubectl.kubernetes.io/", "deployment.kubernetes.io/")
_FILLED = (".caBundle", ".failurePolicy", ".fieldRef.apiVersion", "].scope")
"""What istiod fills in, and defaults inside lists that are owned as a whole."""
_COPIES = "values"
"""ConfigMap ``values[-REVISION]`` repeats what others say."""
Flat = dict[str, Any]


class Side:
    """One of the two control planes: which revision and release its objects name.

    Args:
        objects: Rendered, or live: of live ones only what their installers set is compared.
    """

    def __init__(self, revision: str, version: str, objects: Iterable[Obj]) -> None:
        suffix = revision_suffix(revision)
        self._suffix = re.compile(rf"{re.escape(suffix)}(?![0-9A-Za-z])" if suffix else r"(?!)")
        self._version = re.compile(rf"(?<![0-9.]){re.escape(version)}(?![0-9])")
        self._revision = revision
        self.objects = {self._key(o): o for o in objects}

    def flat(self, obj: Obj) -> Flat:
        """Every field that counts, by path."""
        spec = {k: v for k, v in owned(obj).items() if k not in {"apiVersion", "kind", "status"}}
        return {str(self._plain(p)): self._plain(v) for p, v in _flat(spec, ()) if not _ignored(p)}

    def _key(self, obj: Obj) -> tuple[str, str]:
        """Kind and name without the revision."""
        return str(obj["kind"]), self._suffix.sub("", str(obj["metadata"]["name"]))

    def _plain(self, value: Any) -> Any:
        """A value without its revision and release."""
        match value:
            case str():
                text = self._version.sub("VERSION", value)
                return "REVISION" if value == self._revision else self._suffix.sub("", text)
            case list():
                return [self._plain(one) for one in value]
            case Mapping():
                return {key: self._plain(one) for key, one in value.items()}
            case _:
                return value


def differences(old: Side, new: Side) -> tuple[Difference, ...]:
    """Every object of which something differs, in the order of kinds and names."""
    found: list[Difference] = []
    for key in sorted(old.objects.keys() | new.objects.keys()):
        if key[1] == _COPIES:
            continue
        subject = " ".join(key)
        if key not in old.objects or key not in new.objects:
            found.append(Difference(subject=subject, change="added" if key in new.objects else "removed"))
            continue
        fields = list(_fields(old.flat(old.objects[key]), new.flat(new.objects[key])))
        if fields:
            more = max(len(fields) - _KEPT, 0)
            found.append(
                Difference(subject=subject, change="changed", fields=tuple(fields[:_KEPT]), more=more)
            )
    return tuple(found)


def side(revision: str, version: Version, objects: Iterable[Obj]) -> Side:
    """What ``differences`` compares."""
    return Side(revision, str(version), objects)


def _fields(old: Flat, new: Flat) -> Iterator[str]:
    for path in sorted(old.keys() | new.keys()):
        was, will = old.get(path), new.get(path)
        if was == will:
            continue
        if isinstance(was, str) and isinstance(will, str) and "\n" in was + will:
            lines = difflib.unified_diff(was.splitlines(), will.splitlines(), n=0, lineterm="")
            gone, come = _counts(list(lines)[2:])
            yield f"{path}: {come} lines added, {gone} removed"
        else:
            yield f"{path}: {_short(was)} -> {_short(will)}"


def _counts(lines: Sequence[str]) -> tuple[int, int]:
    return sum(one.startswith("-") for one in lines), sum(one.startswith("+") for one in lines)


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _ignored(path: str) -> bool:
    head, found, key = path.partition("labels.")
    if found and head.endswith(("metadata.", "matchLabels.", "")) and key.startswith(_LABELS):
        return True
    if "annotations." in path and path.partition("annotations.")[2].startswith(_TEMPORARY):
        return True
    if path in {"metadata.name", "metadata.namespace"} or path.startswith(
        ("metadata.uid", "metadata.managed")
    ):
        return True
    return path.endswith(_FILLED)


def _flat(found: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    match found:
        case Mapping():
            for key, value in found.items():
                yield from _flat(
                    _inside(str(key), value) if above == ("data",) else value, (*above, str(key))
                )
        case list() if found and all(isinstance(one, Mapping) for one in found):
            for number, one in enumerate(found):
                rest = {k: v for k, v in one.items() if k != "name"} or one
                yield from _flat(rest, (*above[:-1], f"{above[-1]}[{one.get('name', number)}]"))
        case None:
            return
        case _:
            yield ".".join(above), found


_INSIDE = frozenset({"values", "mesh", "meshNetworks", "config"})
"""Keys of Istio's ConfigMaps that hold documents themselves: YAML, of which JSON is a part."""


def _inside(key: str, value: Any) -> Any:
    if key not in _INSIDE or not isinstance(value, str):
        return value
    try:
        return yaml.load(value, Loader=_LOADER)  # noqa: S506  a safe loader, in C where there is one
    except yaml.YAMLError:
        return value
