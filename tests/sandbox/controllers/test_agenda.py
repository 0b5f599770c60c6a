"""Whose turn it is: who hears of a change, and who has something in hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.controllers.loop import Queue
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.store import Event
from upgrader.sandbox.world import World


def _changes(key: Any, obj: Any) -> Iterator[Event]:
    """An object that comes, changes in all that can be told, and goes."""
    meta = {word: obj["metadata"][word] for word in ("name", "uid", "namespace") if word in obj["metadata"]}
    before = {**obj, "metadata": meta, "spec": {**(obj.get("spec") or {}), "was": "other"}}
    yield Event("ADDED", key, obj, None, 1)
    yield Event("MODIFIED", key, obj, before, 2)
    yield Event("DELETED", key, obj, obj, 3)


@pytest.mark.slow
def test_nobody_is_left_out_of_what_concerns_him() -> None:
    world = World()
    load(world, "shop")
    for key, obj in world.index.everything():
        for event in _changes(key, obj):
            told = world._listening(event)
            for each in world.controllers:
                if each not in told:
                    each.changed(event)
                    assert each.queue not in world.cluster.agenda, (type(each).__name__, event.type, key)


def test_what_falls_due_wakes_whoever_waited_for_it() -> None:
    world, clock = World(), VirtualClock()
    queue = Queue(clock, world.cluster.agenda)
    key = ("", "things", "", "one")
    queue.after(key, 2.0)
    clock.advance(1.0)
    queue.wake(clock.now())
    assert queue not in world.cluster.agenda
    clock.advance(1.0)
    queue.wake(clock.now())
    assert queue in world.cluster.agenda
    assert queue.take() == [key]
    assert queue not in world.cluster.agenda
    queue.at(key, clock.now())
    assert queue in world.cluster.agenda
