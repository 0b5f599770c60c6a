"""The same steps, told in the conditional; and whether the mesh may be left as it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.desk import Desk, Note, Notes, gate, hop, item, plan, wave
from tests.journeys.comparing import contents
from tests.journeys.driving import Journey
from tests.journeys.meshes.building import site
from upgrader.engine.looking.preview import Rehearsed, rehearse
from upgrader.engine.looking.safety import safe_to_leave
from upgrader.model.change import Change, Save
from upgrader.model.kinds import Obj
from upgrader.model.step import Reader, Verdict
from upgrader.planning.plan import Plan
from upgrader.planning.record import Progress, Record
from upgrader.steps import ApplyManifests
from upgrader.steps.drift import drift


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Two hops of one note each, behind a gate."""
    desk.put("health", "holds")
    for name in ("a", "b"):
        desk.put(name, "old")
    first = hop(
        1,
        wave("backup", item("h1.01", gate(approval="1-27-0"), mark="?")),
        wave("namespaces", item("h1.02", Note(name="a"))),
    )
    desk.plan = plan(first, hop(2, wave("namespaces", item("h2.01", Note(name="b")))))
    return desk


def told(desk: Desk, depth: Any = "server") -> list[Rehearsed]:
    return list(rehearse(desk.plan, desk.cluster, depth))


def only(desk: Desk, step: Any) -> Rehearsed:
    """One step by itself."""
    desk.plan = plan(hop(1, wave("namespaces", item("h1.01", step))))
    return told(desk)[0]


def mutations(desk: Desk) -> list[tuple[str, bool]]:
    return [
        (e.name, e.dry_run) for e in desk.world.audit.entries if e.agent == "upgrade" and e.method != "GET"
    ]


def test_the_server_is_asked_by_dry_run_alone_and_about_the_first_hop_alone(desk: Desk) -> None:
    assert [(r.item.id, r.answer) for r in told(desk)] == [
        ("h1.01", "shown"),
        ("h1.02", "accepted"),
        ("h2.01", "shown"),
    ]
    assert mutations(desk) == [("a", True)]
    assert (desk.said("a"), desk.said("b")) == ("old", "old")
    assert told(desk)[1].changes == ("patch ConfigMap default/a",)


def test_looking_without_the_server_sends_nothing_at_all(desk: Desk) -> None:
    assert [r.answer for r in told(desk, "client")] == ["shown", "shown", "shown"]
    assert mutations(desk) == []


def test_what_is_so_already_needs_nothing(desk: Desk) -> None:
    desk.put("a", "new")
    assert told(desk)[1].answer == "already"


def test_nothing_is_waited_for_and_nobody_is_asked(desk: Desk) -> None:
    began = desk.clock.boottime()
    assert "would ask for '1-27-0'" in told(desk)[0].detail
    assert desk.clock.boottime() == began


@pytest.mark.parametrize("word", ["broken", "pending"])
def test_a_first_gate_that_does_not_hold_now_is_refused(desk: Desk, word: str) -> None:
    desk.put("health", word)
    assert told(desk)[0].answer == "refused"


def test_what_the_server_refuses_is_told_with_its_words(desk: Desk) -> None:
    desk.world.api.rbac.deny("admin", verbs=["patch"], resources=["configmaps"])
    found = told(desk)[1]
    assert found.answer == "refused"
    assert "cannot patch" in found.detail


class Changed(Note, frozen=True, kw_only=True):
    """A step that finds somebody else's change."""

    revision: str = ""

    def observe(self, cluster: Reader) -> Obj:
        raise drift("tag prod", found="none", expected="1-28-0")


def test_what_somebody_else_changed_is_refused(desk: Desk) -> None:
    found = only(desk, Changed(revision="1-28-0"))
    assert (found.answer, found.detail) == ("refused", "tag prod was changed by somebody else")


def test_what_builds_on_a_control_plane_that_is_not_there_yet_is_told_as_that(desk: Desk) -> None:
    plane = ApplyManifests(version="1.28.0", revision="1-28-0", part="control-plane", documents=())
    desk.plan = plan(hop(1, wave("install", item("h1.05", plane), item("h1.06", Changed(revision="1-28-0")))))
    assert [(r.answer, r.detail) for r in told(desk)][1] == ("later", "builds on h1.05")


def test_what_builds_on_an_earlier_hop_is_told_as_that(desk: Desk) -> None:
    desk.plan = plan(
        hop(1, wave("namespaces", item("h1.01", Note(name="a")))),
        hop(2, wave("namespaces", item("h2.01", gate(), mark="?"), item("h2.02", Changed()))),
    )
    desk.put("health", "broken")
    assert [(r.answer, r.detail) for r in told(desk)][1:] == [
        ("shown", "0 of 1 probes hold now"),
        ("later", "builds on hop 1"),
    ]


def test_what_could_not_be_looked_at_is_no_acceptance(desk: Desk) -> None:
    desk.world.api.rbac.deny("admin", verbs=["get"], resources=["configmaps"])
    assert only(desk, Note(name="a")).answer == "later"


def test_files_are_not_written(desk: Desk) -> None:
    class Saves(Note, frozen=True, kw_only=True):
        def diff(self, seen: Obj) -> tuple[Change, ...]:
            return (Save("backup/x", "y"),)

    assert only(desk, Saves(name="a")).answer == "accepted"
    assert list(desk.folder.iterdir()) == []


def test_of_several_changes_the_one_that_is_refused_decides(desk: Desk) -> None:
    desk.world.api.rbac.deny("admin", verbs=["patch"], resources=["configmaps"])
    assert only(desk, Notes(names=("a", "b"))).answer == "refused"


@pytest.mark.slow
def test_rehearsing_a_real_hop_leaves_the_mesh_exactly_as_it_is(mesh: Journey, one_hop: Plan) -> None:
    before, writes = contents(mesh.world), len(mesh.world.audit.writes())
    connection = mesh.connection()
    answers = list(rehearse(one_hop, connection.rehearsing({"manifests": mesh.manifests}), "server"))
    assert {r.answer for r in answers} <= {"accepted", "already", "shown", "later"}
    assert sum(r.answer == "accepted" for r in answers) > 3
    assert contents(mesh.world) == before
    assert len(mesh.world.audit.writes()) == writes


def standing(mesh: Journey, plan: Plan) -> Any:
    return safe_to_leave(Progress(plan, Record()), mesh.connection().reader)


def test_a_mesh_whose_istiods_serve_may_be_left(mesh: Journey, one_hop: Plan) -> None:
    assert standing(mesh, one_hop).summary == "1-27-9 is ready and serves its proxies"


def test_two_revisions_that_both_serve_may_be_left(mesh: Journey, one_hop: Plan) -> None:
    made = site("1.27.9")
    made.world = mesh.world
    made.local = mesh.world.local()
    made.plane("1.28.10")
    found = standing(mesh, one_hop)
    assert (found.verdict, found.summary) == (
        Verdict.HOLDS,
        "1-27-9 and 1-28-10 are ready and serve their own proxies",
    )


def test_a_mesh_without_a_ready_istiod_may_not(mesh: Journey, one_hop: Plan) -> None:
    mesh.world.local().patch(
        "/apis/apps/v1/namespaces/istio-system/deployments/istiod-1-27-9",
        b'{"spec":{"replicas":0}}',
        "application/merge-patch+json",
    )
    mesh.world.advance(30)
    assert standing(mesh, one_hop).verdict is Verdict.BROKEN


def test_a_mesh_of_which_an_injector_is_gone_may_not(mesh: Journey, one_hop: Plan) -> None:
    webhooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    mesh.world.local().delete(f"{webhooks}/istio-sidecar-injector-1-27-9")
    found = standing(mesh, one_hop)
    assert found.verdict is Verdict.BROKEN
    assert found.summary.startswith("namespace shop (istio.io/rev=1-27-9): no webhook selects it any more")


def test_a_namespace_that_is_gone_is_no_reason_to_stay(mesh: Journey, one_hop: Plan) -> None:
    mesh.world.local().delete("/api/v1/namespaces/shop")
    mesh.world.advance(60)
    assert standing(mesh, one_hop).verdict is Verdict.HOLDS


def test_a_mesh_that_cannot_be_read_is_not_known_to_be_safe(mesh: Journey, one_hop: Plan) -> None:
    mesh.world.api.rbac.deny("admin", verbs=["list"], resources=["deployments"])
    assert standing(mesh, one_hop).verdict is Verdict.PENDING
