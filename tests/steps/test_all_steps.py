"""The same questions to every kind of step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

import upgrader.steps
from upgrader.model.change import Apply, Create, Delete, Patch, Replace, Save
from upgrader.model.codec import decode, digest, encode
from upgrader.model.failures import Conflict
from upgrader.model.kinds import CONFIG_MAP, DEPLOYMENT, K8S_GATEWAY, MUTATING_WEBHOOK, NAMESPACE, Kind, Ref
from upgrader.model.manifest import Manifest, Owned
from upgrader.model.step import Step, missing
from upgrader.steps import (
    STEPS,
    AnyStep,
    ApplyManifests,
    BackUp,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    Restore,
    ScalePlane,
)

if TYPE_CHECKING:
    from tests.steps.conftest import Planes, Shelf

OLD, NEW, ROOT = "1-27-9", "1-28-10", "istio-system"
FILE = "manifests/1.28.10/istiod.yaml"
SERVED = [
    CONFIG_MAP,
    DEPLOYMENT,
    MUTATING_WEBHOOK,
    NAMESPACE,
    Kind("networking.istio.io", "v1", "sidecars", "Sidecar"),
]


def one_of_each(planes: Planes) -> dict[str, AnyStep]:
    """A shelf on which every step has something to do, and those steps."""
    shelf = planes.shelf
    shelf.served = SERVED
    planes.plane("default")
    planes.tag("prod", OLD)
    shop = shelf.put(Ref(NAMESPACE, "shop"), metadata={"labels": {"istio-injection": "enabled"}})
    web = shelf.put(Ref(K8S_GATEWAY, "web", "shop"), metadata={"labels": {"istio.io/rev": OLD}}, spec={})
    cart = shelf.put(Ref(DEPLOYMENT, "cart", "shop"), spec={"template": {"metadata": {}}, "selector": {}})
    config = shelf.put(
        Ref(CONFIG_MAP, f"istio-{OLD}", ROOT), metadata={"labels": {"istio.io/rev": OLD}}, data={"a": "b"}
    )
    injector = Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{OLD}")
    shelf.carry_out(BackUp(folder="backup/h0", revision=OLD))
    shelf.edit(injector, {"metadata": {"labels": {"app": "changed"}}})
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "made", "namespace": ROOT},
        "data": {},
    }
    shelf.files[FILE] = yaml.safe_dump(body).encode()
    made = Manifest(ref=Ref(CONFIG_MAP, "made", ROOT), file=FILE, index=0, digest=digest(body))
    istiod = Ref(DEPLOYMENT, f"istiod-{OLD}", ROOT)
    owned = Owned(Ref(CONFIG_MAP, f"istio-{OLD}", ROOT), config["metadata"]["uid"])
    steps: list[AnyStep] = [
        BackUp(folder="backup/h1", revision=OLD),
        Restore(folder="backup/h0", refs=(injector,)),
        ApplyManifests(version="1.28.10", revision=NEW, part="control-plane", documents=(made,)),
        RelabelNamespace(
            namespace="shop",
            uid=shop["metadata"]["uid"],
            revision=NEW,
            labels={"istio.io/rev": NEW, "istio-injection": None},
            before={"istio.io/rev": None, "istio-injection": "enabled"},
        ),
        RelabelGateway(
            ref=Ref(K8S_GATEWAY, "web", "shop"),
            uid=web["metadata"]["uid"],
            revision=NEW,
            value=NEW,
            before=OLD,
        ),
        RestartWorkload(
            ref=Ref(DEPLOYMENT, "cart", "shop"), uid=cart["metadata"]["uid"], revision=NEW, image="", mark="x"
        ),
        MoveTag(tag="prod", revision=NEW, source=OLD, parts=("webhook", "service")),
        RemoveObjects(revision=OLD, objects=(owned,)),
        ScalePlane(
            ref=istiod, uid=shelf.found(istiod)["metadata"]["uid"], revision=OLD, replicas=0, before=1
        ),
    ]
    return {type(step).__name__: step for step in steps}


NAMES = sorted(kind.__name__ for kind in STEPS)


def test_every_file_with_a_step_is_listed() -> None:
    folder = Path(upgrader.steps.__file__).parent
    with_a_step = {p for p in folder.glob("*.py") if 'tag_field="step"' in p.read_text()}

    assert len(with_a_step) == len(STEPS)


@pytest.mark.parametrize("name", NAMES)
def test_done_once_it_is_done(planes: Planes, name: str) -> None:
    step = one_of_each(planes)[name]

    assert planes.shelf.carry_out(step) > 0
    after = planes.shelf.state()
    assert planes.shelf.carry_out(step) == 0
    assert planes.shelf.state() == after


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("writes", range(1, 5))
def test_killed_after_any_write_and_begun_again_it_ends_the_same(
    planes: Planes, name: str, writes: int
) -> None:
    step = one_of_each(planes)[name]
    straight = planes.shelf.copied()
    straight.carry_out(step)

    left = writes
    while left and (changes := missing(step, planes.shelf)):
        for change in changes[:left]:
            planes.shelf.perform(change)
        left -= min(left, len(changes))
    planes.shelf.carry_out(step)

    assert planes.shelf.state() == straight.state()


@pytest.mark.parametrize("name", NAMES)
def test_looking_changes_nothing_and_the_answer_is_pure(planes: Planes, name: str) -> None:
    step = one_of_each(planes)[name]
    before, sent = planes.shelf.state(), len(planes.shelf.sent)
    looked: Step[Any] = step
    seen = looked.observe(planes.shelf)

    assert looked.diff(seen) == looked.diff(seen)
    step.verify(planes.shelf)
    assert (planes.shelf.state(), len(planes.shelf.sent)) == (before, sent)


@pytest.mark.parametrize("name", NAMES)
def test_each_write_names_what_was_seen(planes: Planes, name: str) -> None:
    step = one_of_each(planes)[name]
    planes.shelf.sent.clear()
    planes.shelf.carry_out(step)

    for change in planes.shelf.sent:
        match change:
            case Patch() | Replace():
                assert change.uid
                assert change.version
            case Delete():
                assert change.uid
            case Apply() | Create():
                assert "uid" not in change.manifest["metadata"]
            case Save():
                assert not change.path.startswith(("/", ".."))


@pytest.mark.parametrize("name", NAMES)
def test_a_write_of_somebody_else_in_between_is_never_overwritten(planes: Planes, name: str) -> None:
    step = one_of_each(planes)[name]
    shelf: Shelf = planes.shelf
    changes = missing(step, shelf)
    first = next((c for c in changes if isinstance(c, Patch | Replace)), None)
    if first is None:
        return
    shelf.edit(first.ref, {"metadata": {"annotations": {"somebody": "else"}}})

    with pytest.raises(Conflict):
        shelf.perform(first)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_stored_and_loaded_as_the_same_step(planes: Planes, name: str) -> None:
    step = one_of_each(planes)[name]

    assert decode(encode(step), AnyStep) == step  # type: ignore[arg-type]
    assert "\n" not in step.title()
    assert len(step.title()) > 8
    assert msgspec.structs.fields(type(step))
