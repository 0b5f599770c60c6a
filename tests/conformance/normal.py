"""What two answers are compared by: everything, but for what must differ between any two runs of the same server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_TOO_OLD = re.compile(r"(resource version: \d+) \(\d+\)")
_RECORD = re.compile(r"(ResourceVersion in (?:the precondition|record)) \(\d+\)")
_REPLICA_SET = re.compile(r'(ReplicaSet "[a-z]+)-[a-z0-9]+"')
_OF_LIST = "<revision>"
_ADDRESSES = frozenset({"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "podIP", "podIPs"})
_BUILD = frozenset({"gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"})
_HASHES = ("pod-template-hash", "controller-revision-hash")


class Normal:
    """Puts words in the place of what is volatile; the same value gets the same word throughout one case.

    So that it is still seen whether an owner reference names its owner, or a write that changes nothing keeps its
    resourceVersion.
    """

    def __init__(self, space: str) -> None:
        self._space = space
        self._known: dict[tuple[str, str], str] = {}
        self._hashes: set[str] = set()

    def __call__(self, value: Any) -> Any:
        """The value as it is compared and recorded."""
        self.note(value)
        return self._shown("", value)

    def _shown(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._object(value)
        if isinstance(value, list | tuple):
            return self._list(name, value)
        if name in _ADDRESSES and value not in ("", "None", 0):
            return "<address>"  # allocated from what is free
        if isinstance(value, str):
            return self._text(name, value)
        return value

    def _object(self, value: Mapping[str, Any]) -> dict[str, Any]:
        if "resourceVersion" in value and not ({"name", "uid", "namespace"} & value.keys()):
            value = {**value, "resourceVersion": _OF_LIST}  # of a list: moves with every write of anybody
        shown = {
            name: self._shown(name, inner) for name, inner in value.items() if name not in _BUILD
        }  # of a binary
        meta = value.get("metadata")
        if isinstance(meta, Mapping) and meta.get("generateName") and meta.get("name"):
            shown["metadata"]["name"] = self._text("", meta["generateName"]) + "<random>"  # drawn by lot
        if len((value.get("details") or {}).get("causes") or ()) > 1:
            shown["message"] = _beginning(shown["message"])  # the causes again, in any order
        return shown

    def _list(self, name: str, value: Sequence[Any]) -> list[Any]:
        shown = [self._shown(name, inner) for inner in value]
        if name == "managedFields" or _are_managers(shown):
            shown.sort(key=_manager)  # the server sorts by time in whole seconds: by chance
        if name == "causes":
            shown.sort(key=repr)  # Go walks over maps in any order
        if name == "items" and any("generateName" in (each.get("metadata") or {}) for each in value):
            shown.sort(key=lambda each: str(each["metadata"]["name"]))  # sorted by what was drawn by lot
        return shown

    def _text(self, name: str, text: str) -> str:
        if name == "resourceVersion" and text not in ("", "0", _OF_LIST):
            return self._word("revision", text)  # etcd's counter
        if name == "continue" and text:
            return "<token>"  # holds a resourceVersion
        text = text.replace(self._space, "<space>")  # every run has a namespace of its own
        for each in self._hashes:
            text = text.replace(each, "<hash>")  # of the template as Go prints it
        text = _REPLICA_SET.sub(r'\1-<hash>"', text)  # of the template as Go prints it
        text = _UID.sub(lambda found: self._word("uid", found[0]), text)  # drawn by lot
        text = _TIME.sub(lambda found: "<microtime>" if found[1] else "<time>", text)  # the moment of the run
        text = _RECORD.sub(r"\1 (<revision>)", text)  # etcd's counter
        return _TOO_OLD.sub(r"\1 (<revision>)", text)  # etcd's counter

    def _word(self, what: str, value: str) -> str:
        number = sum(kind == what for kind, _ in self._known) + 1
        return self._known.setdefault((what, value), f"<{what} {number}>")

    def note(self, value: Any) -> None:
        """See which hashes there are, in a part that is not compared too."""
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if name in _HASHES and isinstance(inner, str) and inner:
                    self._hashes.add(inner.rpartition("-")[2])
                if name in {"currentRevision", "updateRevision"} and isinstance(inner, str) and inner:
                    self._hashes.add(inner.rpartition("-")[2])
                self.note(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self.note(inner)


def _manager(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        str(entry.get(name, "")) for name in ("manager", "operation", "subresource", "apiVersion", "fieldsV1")
    )


def _are_managers(shown: list[Any]) -> bool:
    return bool(shown) and all(isinstance(each, dict) and "fieldsV1" in each for each in shown)


def _beginning(message: str) -> str:
    return re.split(r"(?<=is invalid:) |(?<=conflicts): | (?=conflicts with)", message)[0]
