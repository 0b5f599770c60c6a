"""The pods decide whether a restart is over, not the counters alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from upgrader.model.change import RESTARTED_FOR, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import DAEMON_SET, DEPLOYMENT, POD, REPLICA_SET, STATEFUL_SET, Obj, Ref
from upgrader.model.step import Verdict
from upgrader.steps import RestartWorkload

if TYPE_CHECKING:
    from tests.steps.conftest import Shelf

OLD, NEW = "1-27-9", "1-28-10"
CART = Ref(DEPLOYMENT, "cart", "shop")
MARK = f"{NEW}.0123abcd"
IMAGE = "docker.io/istio/proxyv2:1.28.10"


class Cart:
    """A Deployment with its ReplicaSets and pods, moved by hand."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        template = {
            "metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "cart", "image": "cart"}]},
        }
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
        self.uid = shelf.put(CART, spec=spec)["metadata"]["uid"]
        self.settled(2)

    def settled(self, replicas: int, *, updated: int | None = None, **more: Any) -> None:
        counts = {"replicas": replicas, "updatedReplicas": replicas if updated is None else updated}
        status = {**counts, "availableReplicas": replicas, "observedGeneration": 1, **more}
        self.shelf.edit(CART, {"status": status})

    def pod(self, name: str, revision: str, mark: str | None, **more: Any) -> None:
        """One pod of the ReplicaSet for *mark*."""
        owner_ref = Ref(REPLICA_SET, f"cart-{mark or 'former'}", "shop")
        by = {"controller": True, "kind": "Deployment", "name": "cart", "uid": self.uid}
        owner = self.shelf.get(owner_ref) or self.shelf.put(
            owner_ref, metadata={"labels": {"app": "cart"}, "ownerReferences": [by]}
        )
        self.shelf.put(Ref(POD, name, "shop"), **pod(owner, revision, mark, **more))


def pod(owner: Obj, revision: str, mark: str | None, **more: Any) -> dict[str, Any]:
    version = revision.replace("-", ".")
    annotations = {RESTARTED_FOR: mark} if mark else {}
    annotations |= {"sidecar.istio.io/status": json.dumps({"revision": revision})} if revision else {}
    by = {
        "controller": True,
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    metadata: Obj = {"labels": {"app": "cart"}, "annotations": annotations, "ownerReferences": [by]}
    metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if more.get("going") else {}
    proxy = {"name": "istio-proxy", "image": more.get("image", f"docker.io/istio/proxyv2:{version}")}
    ready = "True" if more.get("ready", True) else "False"
    statuses = [{"name": "cart", "restartCount": more.get("restarts", 0), "state": more.get("state", {})}]
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "cart", "image": "cart"}, *([proxy] if revision else [])]},
        "status": {
            "phase": more.get("phase", "Running"),
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": statuses,
        },
    }


@pytest.fixture
def cart(shelf: Shelf) -> Cart:
    return Cart(shelf)


@pytest.fixture
def step(cart: Cart) -> RestartWorkload:
    return RestartWorkload(ref=CART, uid=cart.uid, revision=NEW, image=IMAGE, mark=MARK)


def test_the_template_gets_the_mark_in_one_conditional_patch(shelf: Shelf, step: RestartWorkload) -> None:
    (change,) = step.diff(step.observe(shelf))

    assert isinstance(change, Patch)
    assert change.body == {"spec": {"template": {"metadata": {"annotations": {RESTARTED_FOR: MARK}}}}}
    assert (change.uid, change.version) == (step.uid, shelf.found(CART)["metadata"]["resourceVersion"])


def test_a_second_send_changes_nothing(shelf: Shelf, step: RestartWorkload) -> None:
    assert shelf.carry_out(step) == 1
    assert shelf.carry_out(step) == 0


def test_a_workloads_own_label_moves_in_the_same_patch(shelf: Shelf, step: RestartWorkload) -> None:
    own = msgspec.structs.replace(step, labels={"istio.io/rev": NEW}, labels_before={"istio.io/rev": None})
    (change,) = own.diff(own.observe(shelf))

    assert isinstance(change, Patch)
    assert change.body["spec"]["template"]["metadata"]["labels"] == {"istio.io/rev": NEW}


def test_going_back_makes_the_template_what_it_was(shelf: Shelf, step: RestartWorkload) -> None:
    former = shelf.found(CART)["spec"]
    shelf.carry_out(step)
    shelf.carry_out(msgspec.structs.replace(step, mark=None, before=MARK, revision=OLD, image=""))

    template = shelf.found(CART)["spec"]["template"]
    assert template["metadata"].pop("annotations") == {}
    assert template == former["template"]


def test_a_mark_that_is_neither_is_somebody_elses(shelf: Shelf, step: RestartWorkload) -> None:
    shelf.edit(CART, {"spec": {"template": {"metadata": {"annotations": {RESTARTED_FOR: "other"}}}}})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))


@pytest.mark.parametrize(
    "held",
    [
        {"paused": True},
        {"updateStrategy": {"type": "OnDelete"}},
        {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
    ],
)
def test_a_rollout_in_somebodys_hands_is_not_started(shelf: Shelf, held: Obj) -> None:
    ref = CART if "paused" in held else Ref(STATEFUL_SET, "cart", "shop")
    uid = shelf.put(ref, spec={"template": {"metadata": {}}, **held})["metadata"]["uid"]
    step = RestartWorkload(ref=ref, uid=uid, revision=NEW, image="", mark=MARK)

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))


def test_a_workload_that_is_gone_is_skipped_and_says_so(shelf: Shelf, step: RestartWorkload) -> None:
    shelf.drop(CART)

    assert step.diff(step.observe(shelf)) == ()
    reading = step.verify(shelf)
    assert (reading.verdict, "gone" in reading.summary) == (Verdict.HOLDS, True)


def test_all_new_pods_ready_and_no_old_one_left_holds(
    shelf: Shelf, cart: Cart, step: RestartWorkload
) -> None:
    shelf.carry_out(step)
    cart.pod("a", NEW, MARK)
    cart.pod("b", NEW, MARK)
    cart.pod("z", OLD, None, phase="Succeeded")

    reading = step.verify(shelf)
    assert (reading.verdict, reading.summary) == (
        Verdict.HOLDS,
        "Deployment shop/cart: 2 of 2 pods on 1-28-10",
    )


def test_a_terminating_old_pod_is_waited_for(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    cart.pod("a", NEW, MARK)
    cart.pod("b", NEW, MARK)
    cart.pod("z", OLD, None, going=True)

    reading = step.verify(shelf)
    assert (reading.verdict, reading.facts["left"]) == (Verdict.PENDING, "1")


def test_half_way_through_it_says_how_far(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    cart.pod("a", NEW, MARK)
    cart.pod("b", NEW, MARK, ready=False)
    cart.pod("z", OLD, None)

    reading = step.verify(shelf)
    assert reading.verdict is Verdict.PENDING
    assert "1 of 2 pods on 1-28-10" in reading.summary


def test_a_template_that_the_controller_has_not_seen_is_pending(
    shelf: Shelf, cart: Cart, step: RestartWorkload
) -> None:
    shelf.carry_out(step)
    cart.pod("a", NEW, MARK)
    cart.pod("b", NEW, MARK)
    shelf.edit(CART, {"metadata": {"generation": 2}})

    assert step.verify(shelf).verdict is Verdict.PENDING


def test_pods_of_a_namesake_with_the_same_labels_do_not_count(
    shelf: Shelf, cart: Cart, step: RestartWorkload
) -> None:
    shelf.carry_out(step)
    cart.pod("a", NEW, MARK)
    cart.pod("b", NEW, MARK)
    stranger = shelf.put(Ref(REPLICA_SET, "other", "shop"), metadata={"labels": {"app": "cart"}})
    shelf.put(Ref(POD, "stranger", "shop"), **pod(stranger, OLD, None))

    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_a_new_pod_injected_by_the_wrong_revision_is_broken_and_names_it(
    shelf: Shelf, cart: Cart, step: RestartWorkload
) -> None:
    shelf.carry_out(step)
    cart.pod("a", OLD, MARK)

    reading = step.verify(shelf)
    assert reading.verdict is Verdict.BROKEN
    assert "injected by 1-27-9, not by 1-28-10" in reading.summary


def test_a_new_pod_without_a_proxy_is_broken(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    cart.pod("a", "", MARK)

    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_a_pinned_image_is_broken(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    cart.pod("a", NEW, MARK, image="docker.io/istio/proxyv2:1.27.7")

    assert step.verify(shelf).verdict is Verdict.BROKEN
    assert "1.27.7" in step.verify(shelf).summary


@pytest.mark.parametrize(
    ("reason", "restarts", "verdict"),
    [
        ("CrashLoopBackOff", 3, Verdict.BROKEN),
        ("CrashLoopBackOff", 1, Verdict.PENDING),
        ("ImagePullBackOff", 0, Verdict.BROKEN),
        ("ErrImagePull", 0, Verdict.PENDING),
    ],
)
def test_a_container_that_does_not_come_up_is_broken_once_it_is_hopeless(
    shelf: Shelf, cart: Cart, step: RestartWorkload, reason: str, restarts: int, verdict: Verdict
) -> None:
    shelf.carry_out(step)
    state = {"waiting": {"reason": reason, "message": "back-off"}}
    cart.pod("a", NEW, MARK, ready=False, state=state, restarts=restarts)

    reading = step.verify(shelf)
    assert reading.verdict is verdict
    assert reason in reading.summary


def test_a_deadline_of_the_rollout_is_broken(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    late = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "too slow",
    }
    cart.settled(2, updated=1, conditions=[late])

    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_pods_that_cannot_be_made_are_pending_with_the_servers_words(
    shelf: Shelf, cart: Cart, step: RestartWorkload
) -> None:
    shelf.carry_out(step)
    failing = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "quota \x1b[31mexceeded",
    }
    cart.settled(2, updated=0, conditions=[failing])

    reading = step.verify(shelf)
    assert reading.verdict is Verdict.PENDING
    assert "quota [31mexceeded" in reading.summary


def test_scaled_to_zero_holds(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    shelf.edit(CART, {"spec": {"replicas": 0}})
    cart.settled(0)

    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_a_daemon_set_counts_what_its_nodes_want(shelf: Shelf) -> None:
    ref = Ref(DAEMON_SET, "agent", "shop")
    status = {
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
        "observedGeneration": 1,
    }
    notes = {"metadata": {"annotations": {RESTARTED_FOR: MARK}}}
    selector = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart", "agent"]}]}
    made = shelf.put(ref, spec={"selector": selector, "template": notes}, status=status)
    step = RestartWorkload(ref=ref, uid=made["metadata"]["uid"], revision=NEW, image=IMAGE, mark=MARK)
    shelf.put(Ref(POD, "a", "shop"), **pod(made, NEW, MARK))

    assert step.verify(shelf).verdict is Verdict.PENDING
    shelf.put(Ref(POD, "b", "shop"), **pod(made, NEW, MARK))
    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_after_going_back_the_former_pods_count(shelf: Shelf, cart: Cart, step: RestartWorkload) -> None:
    shelf.carry_out(step)
    back = msgspec.structs.replace(step, mark=None, before=MARK, revision=OLD, image="")
    shelf.carry_out(back)
    cart.pod("a", OLD, None)
    cart.pod("b", NEW, MARK)

    assert back.verify(shelf).verdict is Verdict.PENDING
    shelf.drop(Ref(POD, "b", "shop"))
    cart.pod("c", OLD, None)
    assert back.verify(shelf).verdict is Verdict.HOLDS
