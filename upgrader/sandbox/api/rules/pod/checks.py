"""Validation of pod specifications and of changes to pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.sandbox.api.rules.metadata import _LABEL, _LABEL_WHY, check_labels
from upgrader.sandbox.api.rules.pod.diff import spec_diff
from upgrader.sandbox.api.rules.shape import look, maps
from upgrader.sandbox.errors import Cause, forbidden_field, required, unsupported, wrong
from upgrader.sandbox.store import Obj

_PULL = ("Always", "IfNotPresent", "Never")
_MUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


def check_pod(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    """What is wrong with a pod, or with the way it changes."""
    if old is not None:
        yield from _changes(obj["spec"], old["spec"])
        return
    yield from check_spec(obj.get("spec"), "spec")


def check_template(holder: Obj, field: str, restart: tuple[str, ...] = ("Always",)) -> Iterator[Cause]:
    """What is wrong with the pod template of a workload's specification."""
    template = holder.get("template")
    yield from check_labels(look(template, "metadata", "labels"), f"{field}.metadata.labels")
    spec = look(template, "spec")
    yield from check_spec(spec, f"{field}.spec")
    policy = look(spec, "restartPolicy")
    if policy and policy not in restart:
        yield unsupported(f"{field}.spec.restartPolicy", policy, restart)


def check_spec(spec: Any, field: str) -> Iterator[Cause]:
    """What is wrong with the specification of a pod."""
    volumes = _volume_names(spec)
    containers = maps(look(spec, "containers"))
    yield from _volumes(spec, field)
    if not containers:
        yield required(f"{field}.containers")
    names: set[str] = set()
    for group in ("initContainers", "containers"):
        for at, container in enumerate(maps(look(spec, group))):
            yield from _container(container, f"{field}.{group}[{at}]", names, volumes)


def _volume_names(spec: Any) -> set[str]:
    return {str(volume.get("name")) for volume in maps(look(spec, "volumes"))}


def _volumes(spec: Any, field: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for at, volume in enumerate(maps(look(spec, "volumes"))):
        name, where = str(volume.get("name") or ""), f"{field}.volumes[{at}]"
        if not name:
            yield required(f"{where}.name")
        elif not _LABEL.fullmatch(name):
            yield wrong(f"{where}.name", name, _LABEL_WHY)
        elif name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(name)
        if sum(source != "name" for source in volume) > 1:
            second = [source for source in volume if source != "name"][1]
            yield forbidden_field(f"{where}.{second}", "may not specify more than 1 volume type")


def duplicate(field: str, value: str) -> Cause:
    """A value that must be unique and is not."""
    return Cause(field, "FieldValueDuplicate", f'Duplicate value: "{value}"')


def _container(container: Obj, field: str, names: set[str], volumes: set[str]) -> Iterator[Cause]:
    name, image = str(container.get("name") or ""), container.get("image")
    if not name:
        yield required(f"{field}.name")
    elif not _LABEL.fullmatch(name) or len(name) > 63:
        yield wrong(f"{field}.name", name, _LABEL_WHY)
    elif name in names:
        yield duplicate(f"{field}.name", name)
    names.add(name)
    if not image:
        yield required(f"{field}.image")
    elif str(image) != str(image).strip():
        yield wrong(f"{field}.image", image, "must not have leading or trailing whitespace")
    if container.get("imagePullPolicy") not in _PULL:
        yield unsupported(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), _PULL)
    yield from _ports(container, field)
    yield from _environment(container, field)
    yield from _mounts(container, field, volumes)


def _ports(container: Obj, field: str) -> Iterator[Cause]:
    names: set[str] = set()
    for at, port in enumerate(maps(container.get("ports"))):
        where, number = f"{field}.ports[{at}]", port.get("containerPort")
        if not number:
            yield required(f"{where}.containerPort")
        elif not isinstance(number, int) or not 0 < number < 65536:
            yield wrong(f"{where}.containerPort", number, "must be between 1 and 65535, inclusive")
        name = port.get("name")
        if name and name in names:
            yield duplicate(f"{where}.name", name)
        if name and len(str(name)) > 15:
            yield wrong(f"{where}.name", name, "must be no more than 15 characters")
        names.add(str(name))


def _environment(container: Obj, field: str) -> Iterator[Cause]:
    for at, variable in enumerate(maps(container.get("env"))):
        where, name = f"{field}.env[{at}]", variable.get("name")
        if not name:
            yield required(f"{where}.name")
        value = variable.get("value")
        if value is not None and not isinstance(value, str):
            yield wrong(f"{where}.value", value, "must be a string")
        if value and variable.get("valueFrom"):
            yield wrong(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")


def _mounts(container: Obj, field: str, volumes: set[str]) -> Iterator[Cause]:
    seen: set[str] = set()
    for at, mount in enumerate(maps(container.get("volumeMounts"))):
        where, name, path = (
            f"{field}.volumeMounts[{at}]",
            str(mount.get("name") or ""),
            mount.get("mountPath"),
        )
        if not name:
            yield required(f"{where}.name")
        elif name not in volumes:
            yield Cause(f"{where}.name", "FieldValueNotFound", f'Not found: "{name}"')
        if not path:
            yield required(f"{where}.mountPath")
        elif path in seen:
            yield wrong(f"{where}.mountPath", path, "must be unique")
        seen.add(str(path))


def _changes(new: Obj, old: Obj) -> Iterator[Cause]:
    allowed = _with_allowed(new, old)
    if allowed != new:
        yield forbidden_field("spec", _MUTABLE + spec_diff(old, new))


def _with_allowed(new: Obj, old: Obj) -> Obj:
    """The old specification with the changes a pod may see."""
    found = dict(old)
    for group in ("containers", "initContainers"):
        after = maps(new.get(group))
        if group in old and len(after) == len(old[group]):
            pairs = zip(old[group], after, strict=True)
            found[group] = [
                {**one, "image": other.get("image")} if "image" in other else one for one, other in pairs
            ]
    for name in ("activeDeadlineSeconds", "schedulingGates"):
        _take(found, new, name)
    before, after = old.get("tolerations") or [], new.get("tolerations") or []
    if all(toleration in after for toleration in before):
        _take(found, new, "tolerations")
    if old.get("terminationGracePeriodSeconds", 0) < 0 and new.get("terminationGracePeriodSeconds") == 1:
        found["terminationGracePeriodSeconds"] = 1
    return found


def _take(found: Obj, new: Obj, name: str) -> None:
    found.pop(name, None)
    if name in new:
        found[name] = new[name]
