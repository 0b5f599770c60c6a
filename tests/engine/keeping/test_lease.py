"""One driver per mesh."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.desk import Desk
from tests.engine.faults import Fault, Faulty
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Retrying
from upgrader.engine.driving.wait import Stopped
from upgrader.engine.lease import DURATION, GIVE_UP, RENEW, Lease, current, freeing
from upgrader.host.identity import who
from upgrader.model.change import HOME
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import Unreachable
from upgrader.model.kinds import Obj

ANA, BEN = "ana@one/11:1/aaaaaa", "ben@two/22:2/bbbbbb"


def lease(desk: Desk, holder: str, run: str = "r-1", cluster: Any = None) -> Lease:
    """The mesh's lock, as one process sees it."""
    return Lease(cluster or desk.cluster, desk.clock, holder, run)


def take(one: Lease) -> int:
    """Take it; nobody wants to stop."""
    return one.acquire(lambda: None)


def stored(desk: Desk) -> Obj:
    """The Lease as it is."""
    found = desk.world.store.get(("coordination.k8s.io", "leases", HOME, "lock"))
    assert found is not None
    return found


def keeps(desk: Desk, one: Lease, seconds: float) -> None:
    """The process of *one* lives on for so long, two seconds at a time."""
    for second in range(2, int(seconds) + 1, 2):
        desk.clock.after(second, one.tick)


def test_the_first_one_gets_it_and_is_named_in_it(desk: Desk) -> None:
    epoch = take(lease(desk, ANA))
    assert epoch == 1
    assert stored(desk)["spec"]["holderIdentity"] == ANA
    assert current(desk.cluster.get)[:2] == (ANA, "r-1")


def test_our_namespace_is_made_once_and_is_not_injected(desk: Desk) -> None:
    one = lease(desk, ANA)
    take(one)
    one.release()
    take(lease(desk, BEN))
    made = [e for e in desk.world.audit.writes() if e.resource == "namespaces" and e.agent == "upgrade"]
    assert [e.verb for e in made] == ["create"]
    home = desk.world.store.get(("", "namespaces", "", HOME))
    assert home is not None
    assert home["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


def test_while_the_holder_lives_elsewhere_and_renews_nobody_else_gets_it(desk: Desk) -> None:
    ana = lease(desk, ANA)
    take(ana)
    keeps(desk, ana, 60)
    with pytest.raises(UpgradeError) as told:
        take(lease(desk, BEN, "r-2"))
    assert (told.value.code, told.value.exit_code, told.value.left) == (
        "UPG-0501",
        Exit.LOCKED,
        "Nothing was changed.",
    )
    assert ANA in told.value.what[0]
    assert "r-1" in told.value.what[0]


def test_after_thirty_seconds_of_silence_it_passes_on_and_the_epoch_grows(desk: Desk) -> None:
    take(lease(desk, ANA))
    began, said = desk.clock.boottime(), list[str]()
    ben = lease(desk, BEN)
    epoch = ben.acquire(lambda: None, said.append)
    assert epoch == 2
    assert DURATION <= desk.clock.boottime() - began < DURATION + 5
    assert ANA in said[0]


def test_the_wall_clock_on_the_lease_means_nothing(desk: Desk) -> None:
    """Timers are the watcher's own: a holder whose clock is a year behind is waited for like any other."""
    take(lease(desk, ANA))
    desk.local.patch(
        f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/lock",
        b'{"spec":{"renewTime":"2019-01-01T00:00:00.000000Z"}}',
        "application/merge-patch+json",
    )
    began = desk.clock.boottime()
    take(lease(desk, BEN))
    assert desk.clock.boottime() - began >= DURATION


def test_a_holder_that_comes_back_to_life_while_being_waited_out_keeps_it(desk: Desk) -> None:
    ana = lease(desk, ANA)
    take(ana)
    desk.clock.after(DURATION - 5, ana.tick)
    with pytest.raises(UpgradeError, match="another run holds"):
        take(lease(desk, BEN))


def test_a_holder_that_gives_it_back_is_not_waited_out(desk: Desk) -> None:
    ana = lease(desk, ANA)
    take(ana)
    desk.clock.after(3, ana.release)
    began = desk.clock.boottime()
    take(lease(desk, BEN))
    assert desk.clock.boottime() - began < 10


def test_waiting_for_it_ends_at_a_signal(desk: Desk) -> None:
    take(lease(desk, ANA))

    def heed() -> None:
        if desk.clock.boottime() > 10:
            raise Stopped("SIGINT")

    with pytest.raises(Stopped):
        lease(desk, BEN).acquire(heed)
    assert stored(desk)["spec"]["holderIdentity"] == ANA


def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(desk: Desk) -> None:
    name, _, rest = who().rpartition(":")
    start, _, boot = rest.partition("/")
    take(lease(desk, f"{name}:{int(start) + 1}/{boot}"))
    began = desk.clock.boottime()
    assert take(lease(desk, BEN)) == 2
    assert desk.clock.boottime() == began


def test_a_process_of_this_machine_that_lives_is_refused_at_once(desk: Desk) -> None:
    take(lease(desk, who()))
    began = desk.clock.boottime()
    with pytest.raises(UpgradeError, match="another run holds"):
        take(lease(desk, BEN))
    assert desk.clock.boottime() == began


def test_the_same_number_of_a_process_in_another_container_is_waited_for(desk: Desk) -> None:
    name, _, _ = who().rpartition("/")
    take(lease(desk, f"{name}/another"))
    began = desk.clock.boottime()
    take(lease(desk, BEN))
    assert desk.clock.boottime() - began >= DURATION


def test_of_two_that_ask_at_the_same_moment_one_gets_it(desk: Desk) -> None:
    first, second = lease(desk, ANA), lease(desk, BEN)
    take(lease(desk, "zoe@three/3:3/cc"))
    desk.world.advance(1)
    found = desk.cluster.get
    raced = list[int]()

    def get(ref: Any) -> Obj | None:
        seen = found(ref)
        if desk.clock.boottime() > DURATION and not raced:
            raced.append(1)
            first._held = False
            first._sent = desk.clock.boottime()
            first._take(seen)
        return seen

    desk.cluster.get = get  # type: ignore[method-assign]
    with pytest.raises(UpgradeError, match="another run holds"):
        take(second)
    assert stored(desk)["spec"]["holderIdentity"] == ANA


def test_the_fence_renews_in_time_and_costs_nothing_before(desk: Desk) -> None:
    ana = lease(desk, ANA)
    take(ana)
    before = len(desk.world.audit.entries)
    assert ana.fence() == 1
    assert len(desk.world.audit.entries) == before
    desk.world.advance(RENEW)
    ana.fence()
    assert desk.world.audit.entries[-1].verb == "patch"


@pytest.mark.parametrize("slept", [DURATION + 1, 600.0, 86_400.0])
def test_after_a_long_sleep_a_lock_that_nobody_took_is_ours_again(desk: Desk, slept: float) -> None:
    ana = lease(desk, ANA)
    take(ana)
    desk.world.advance(slept)
    assert ana.fence() == 1


@pytest.mark.parametrize("slept", [DURATION + 10, 600.0])
def test_after_a_long_sleep_a_lock_that_somebody_took_is_lost(desk: Desk, slept: float) -> None:
    ana = lease(desk, ANA)
    take(ana)
    ben = lease(desk, BEN, "r-2")
    take(ben)
    desk.world.advance(slept)
    with pytest.raises(UpgradeError) as told:
        ana.fence()
    assert (told.value.code, told.value.exit_code) == ("UPG-0501", Exit.STEP_FAILED)
    assert told.value.left == "Nothing more was changed. The run stays open."
    assert not ana.held


def test_a_lock_that_was_taken_and_given_back_meanwhile_is_lost_too(desk: Desk) -> None:
    ana, ben = lease(desk, ANA), lease(desk, BEN)
    take(ana)
    take(ben)
    ben.release()
    with pytest.raises(UpgradeError, match="lost"):
        ana.fence()
    assert take(ana) == 3
    assert ana.fence() == 3


@pytest.mark.parametrize("away", ["delete", "patch"])
def test_a_lock_that_a_person_removed_or_freed_is_lost(desk: Desk, away: str) -> None:
    ana = lease(desk, ANA)
    take(ana)
    if away == "delete":
        desk.local.delete(f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/lock")
    else:
        change = freeing(desk.cluster.get)
        assert change is not None
        desk.cluster.perform(change)
    desk.world.advance(RENEW)
    with pytest.raises(UpgradeError, match="lost"):
        ana.tick()
    with pytest.raises(UpgradeError, match="lost"):
        ana.fence()


def faulty(desk: Desk, fault: Fault, wanted: Callable[[str, str, int], bool]) -> RestCluster:
    """The same cluster behind a bad connection."""
    return RestCluster(Retrying(Faulty(desk.world.transport(), desk.clock, fault, wanted), desk.clock))


def test_nothing_may_be_written_when_it_could_not_be_renewed_for_too_long(desk: Desk) -> None:
    broken = list[int]()
    ana = lease(desk, ANA, cluster=faulty(desk, Fault.RESET_BEFORE, lambda *_: bool(broken)))
    take(ana)
    broken.append(1)
    desk.world.advance(RENEW + 1)
    assert ana.fence() == 1
    desk.world.advance(GIVE_UP - RENEW)
    with pytest.raises(Unreachable) as told:
        ana.fence()
    assert not told.value.ambiguous
    broken.clear()
    assert ana.fence() == 1


def test_time_that_renewing_takes_counts_as_time_without_it(desk: Desk) -> None:
    """A renewal that hangs for half a minute and fails must not let a write through afterwards."""
    slow = list[int]()
    ana = lease(desk, ANA, cluster=faulty(desk, Fault.TIMEOUT, lambda *_: bool(slow)))
    take(ana)
    slow.append(1)
    desk.world.advance(RENEW)
    with pytest.raises(Unreachable):
        ana.fence()


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.BROKEN_AFTER])
@pytest.mark.parametrize("known", [False, True])
def test_an_answer_that_is_lost_while_taking_it_is_looked_up(
    desk: Desk, fault: Fault, *, known: bool
) -> None:
    if known:
        former = lease(desk, BEN)
        take(former)
        former.release()
    first = itertools.count()
    ana = lease(
        desk, ANA, cluster=faulty(desk, fault, lambda _, path, __: "leases" in path and next(first) == 0)
    )
    assert take(ana) == 1 + known
    assert ana.fence() == 1 + known


def test_giving_it_back_leaves_it_free_for_the_next_one_at_once(desk: Desk) -> None:
    ana = lease(desk, ANA)
    take(ana)
    ana.release()
    ana.release()
    assert current(desk.cluster.get) == ("", "", "")
    began = desk.clock.boottime()
    assert take(lease(desk, BEN)) == 2
    assert desk.clock.boottime() == began


def test_giving_back_a_lock_that_is_somebody_elses_by_now_changes_nothing(desk: Desk) -> None:
    ana = lease(desk, ANA)
    take(ana)
    take(lease(desk, BEN))
    ana.release()
    assert stored(desk)["spec"]["holderIdentity"] == BEN


def test_a_server_that_is_away_does_not_keep_a_process_from_ending(desk: Desk) -> None:
    broken = list[int]()
    ana = lease(desk, ANA, cluster=faulty(desk, Fault.REFUSED, lambda *_: bool(broken)))
    take(ana)
    broken.append(1)
    ana.release()
    assert stored(desk)["spec"]["holderIdentity"] == ANA
