"""Who holds a run, as another process can check it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from upgrader.host.clock import SystemClock
from upgrader.host.identity import is_alive, person, who
from upgrader.host.shipped import playbooks


def test_this_process_is_alive_by_the_name_it_gives_itself() -> None:
    assert is_alive(who()) is True
    assert who().startswith(person() + "/")
    assert f"/{os.getpid()}:" in who()


@pytest.mark.slow
def test_a_process_that_has_ended_is_not_alive() -> None:
    code = "from upgrader.host.identity import who; print(who())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert is_alive(ended.stdout.strip()) is False


def test_a_reused_process_number_is_not_the_former_holder() -> None:
    name, _, rest = who().rpartition(":")
    start, _, boot = rest.partition("/")
    assert is_alive(f"{name}:{int(start) + 1}/{boot}") is False


def test_nothing_is_said_about_a_process_of_another_machine_or_container_with_the_same_host_name() -> None:
    name, _, boot = who().rpartition("/")
    assert is_alive(f"{name}/ffffff{boot}") is None


@pytest.mark.parametrize("holder", ["ana@elsewhere.example/17:42", "", "nonsense", f"{person()}/x:1"])
def test_nothing_is_said_about_a_holder_that_cannot_be_checked(holder: str) -> None:
    assert is_alive(holder) is None


def test_a_sleep_ends_at_once_when_somebody_wants_the_process_to_stop() -> None:
    asked: list[bool] = []

    def awake() -> bool:
        asked.append(True)
        return True

    SystemClock(awake).sleep(3600)
    assert asked == [True]


def test_wall_time_is_aware_and_boot_time_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() is not None
    assert clock.boottime() <= clock.boottime()


def test_the_shipped_playbooks_are_found_in_a_checkout() -> None:
    assert playbooks().name == "playbooks"
    assert playbooks().is_dir()
