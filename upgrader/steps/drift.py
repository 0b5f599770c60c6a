"""Somebody else's change, found where a step expected its own before or after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.cluster.clean import clean_line
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import Obj, Ref


def drift(
    subject: str, *, found: str, expected: str, writer: str = "", copy: Ref | None = None
) -> UpgradeError:
    """The error for an object that is neither as it was planned for nor as it is to become.

    Args:
        subject: The object and the part of it: ``Namespace shop, label istio.io/rev``.
        found: What is there now.
        expected: What would have been right, before or after the step.
        writer: Field manager that wrote it, where the object says.
        copy: The object, where the backup of the hop has it.
    """
    what = [f"{subject}: found {clean_line(found)}, expected {clean_line(expected)}"]
    if writer:
        what.append(f"written by {clean_line(writer)}")
    do = [
        "put it back as it was and go on:  upgrade resume",
        "or keep the change and plan anew from what is there:  upgrade plan",
    ]
    if copy:
        do.insert(
            0, f"upgrade restore RUN --hop HOP --only {copy.spelled}      # as it was when the hop began"
        )
    return UpgradeError(
        "UPG-0604",
        f"{subject} was changed by somebody else",
        what=what,
        why="what we did not write we do not overwrite: whoever changed it had a reason",
        do=do,
        exit_code=Exit.STALE,
        left="This step sent nothing more. What was done before it stays; both revisions serve.",
    )


def check_same(subject: str, obj: Obj, uid: str) -> None:
    """Refuse a namesake.

    Raises:
        UpgradeError: UPG-0604: *obj* was deleted and made again since it was planned for.
    """
    now = str(obj["metadata"].get("uid", ""))
    if uid and now != uid:
        raise drift(subject, found=f"another object of that name (uid {now})", expected=f"uid {uid}")


def check_values(
    subject: str,
    obj: Obj,
    path: tuple[str, ...],
    wanted: Mapping[str, str | None],
    before: Mapping[str, str | None],
) -> dict[str, str | None]:
    """The part of *wanted* that the map at *path* of *obj* does not have yet.

    Raises:
        UpgradeError: UPG-0604: a value is neither wanted nor as before.
    """
    now: Mapping[str, str] = _at(obj, path)
    missing: dict[str, str | None] = {}
    for key, value in wanted.items():
        current = now.get(key)
        if current == value:
            continue
        if current != before.get(key):
            raise drift(
                f"{subject}, {path[-1].removesuffix('s')} {key}",
                found=told(current),
                expected=f"{told(before.get(key))} or {told(value)}",
                writer=writer_of(obj, *path, key),
            )
        missing[key] = value
    return missing


def told(value: str | None) -> str:
    """A label's value for people."""
    return "none" if value is None else value or "an empty value"


def writer_of(obj: Obj, *path: str) -> str:
    """Field managers that own the field at *path*, comma separated; empty when the object does not say."""
    return ", ".join(sorted(set(_writers(obj, path))))


def _writers(obj: Obj, path: tuple[str, ...]) -> Iterator[str]:
    for entry in obj["metadata"].get("managedFields") or ():
        fields = entry.get("fieldsV1") or {}
        for part in path:
            fields = fields.get(f"f:{part}") if isinstance(fields, Mapping) else None
            if fields is None:
                break
        else:
            yield str(entry.get("manager", ""))


def _at(obj: Obj, path: tuple[str, ...]) -> Mapping[str, str]:
    found: Mapping[str, str] = obj
    for part in path:
        found = found.get(part) or {}  # type: ignore[assignment]
    return found


def damaged(file: str, what: str) -> UpgradeError:
    """The error for a backup that cannot be relied on."""
    return UpgradeError(
        "UPG-0802",
        f"the backup is damaged: {file}",
        what=(what,),
        why="what is put back must be what was there before",
        do=("restore that file from your own copy of the run directory, then:  upgrade resume",),
        exit_code=Exit.BAD_DATA,
        left="This step sent nothing.",
    )
