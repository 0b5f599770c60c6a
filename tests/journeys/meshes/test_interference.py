"""Others who act while a run is on: what is theirs is not fought over, what breaks is told, what can go on goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.meshes.building import REV, Site, site
from tests.journeys.meshes.proving import SHARED, Watched, proxies
from tests.journeys.meshes.refusing import refusal
from upgrader.model.errors import UpgradeError
from upgrader.sandbox.controllers.trouble import Trouble, What

pytestmark = [pytest.mark.journey, pytest.mark.slow]

OLD, NEW = "1-28-10", "1-29-6"
APPS = "/apis/apps/v1/namespaces"


def mesh() -> Site:
    """A canary namespace by label, two workloads by a tag, one by the default tag."""
    here = site("1.28.10", tags=("prod", "default")).namespace("lab", rev=OLD, **{"upgrade-wave": "canary"})
    here.deployment("lab/api", 2).namespace("shop", rev="prod").deployment("shop/cart", 2).deployment(
        "shop/web", 2
    )
    return here.namespace("leg", injection="enabled").deployment("leg/api").wait()


def journey(here: Site, place: Path, when: str, what: Callable[[], object]) -> Watched:
    """A run during which *what* happens once."""
    one = Watched.at(here, place / "run", here.manifests(place, "1.29.6"))
    one.meddle_once(when, what)
    return one


def finished(one: Watched) -> None:
    """Everything moved, and the observer saw nothing."""
    assert one.watch.wrong == []
    assert proxies(one.world).keys() == {"1.29.6"}


def touched(here: Site, workload: str) -> Site:
    """Somebody restarts *workload*."""
    namespace, _, name = workload.partition("/")
    note = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
    return here.patch(f"{APPS}/{namespace}/deployments/{name}", note)


@pytest.mark.parametrize(
    ("when", "what"),
    [
        pytest.param(
            "restart shop/cart",
            lambda s: s.delete(f"{APPS}/shop/deployments/web"),
            id="another workload deleted",
        ),
        pytest.param(
            "restart shop/cart",
            lambda s: s.delete(f"{APPS}/shop/deployments/cart"),
            id="this workload deleted",
        ),
        pytest.param(
            "restart lab/api", lambda s: s.delete("/api/v1/namespaces/leg"), id="a namespace deleted before"
        ),
        pytest.param(
            "restart shop/cart", lambda s: s.delete("/api/v1/namespaces/lab"), id="a namespace deleted after"
        ),
        pytest.param("restart shop/cart", lambda s: touched(s, "shop/web"), id="restarted by somebody"),
        pytest.param(
            "restart shop/cart",
            lambda s: s.patch(f"{APPS}/shop/deployments/web", {"spec": {"replicas": 5}}),
            id="scaled up",
        ),
        pytest.param(
            "restart shop/cart",
            lambda s: s.patch(f"{APPS}/shop/deployments/web", {"spec": {"replicas": 0}}),
            id="scaled to 0",
        ),
    ],
)
def test_what_does_not_matter_does_not_stop_the_run(
    when: str, what: Callable[[Site], object], tmp_path: Path
) -> None:
    here = mesh()
    one = journey(here, tmp_path, when, lambda: what(here))
    one.begin(one.plan())
    finished(one)


def test_a_namespace_relabelled_by_somebody_stops_the_run_and_is_not_fought_over(tmp_path: Path) -> None:
    here = mesh()
    one = journey(here, tmp_path, "restart shop/cart", lambda: here.relabel("lab", rev=OLD))
    assert "lab" in one.stopped_with("UPG-0701")
    labels = here.world.store.get(("", "namespaces", "", "lab"))
    assert labels is not None
    assert labels["metadata"]["labels"][REV] == OLD
    here.relabel("lab", rev=NEW)
    assert one.resume(one.only_run()) == "done"
    finished(one)


def test_a_namespace_relabelled_to_a_third_thing_is_drift_at_resume(tmp_path: Path) -> None:
    here = mesh()
    one = journey(here, tmp_path, "restart lab/api", lambda: here.relabel("lab", rev="prod"))
    one.stopped_with("UPG-0601")
    with pytest.raises(UpgradeError) as caught:
        one.resume(one.only_run())
    assert caught.value.code == "UPG-0404"
    assert "prod" in caught.value.what[0]


@pytest.mark.parametrize(
    ("what", "name", "mended"),
    [
        pytest.param(
            lambda s: s.namespace("late", rev=OLD).deployment("late/a"),
            "late/a",
            lambda s: touched(s.relabel("late", rev=NEW), "late/a"),
            id="namespace by label",
        ),
        pytest.param(
            lambda s: s.namespace("late", rev="prod").deployment("late/a"),
            "late/a",
            lambda s: touched(s, "late/a"),
            id="by tag",
        ),
        pytest.param(
            lambda s: s.deployment("plain/late", labels={REV: OLD}),
            "plain/late",
            lambda s: s.delete(f"{APPS}/plain/deployments/late"),
            id="workload by label",
        ),
    ],
)
def test_who_joins_between_the_waves_keeps_the_old_revision_by_name(
    what: Callable[[Site], object], name: str, mended: Callable[[Site], Site], tmp_path: Path
) -> None:
    here = mesh()
    one = journey(here, tmp_path, "restart lab/api", lambda: what(here))
    assert name in one.stopped_with("UPG-0701")
    assert one.watch.wrong == []
    mended(here).wait()
    assert one.resume(one.only_run()) == "done"
    finished(one)


def test_who_joined_the_new_revision_keeps_it_from_being_rolled_away(tmp_path: Path) -> None:
    here = mesh()
    one = journey(
        here, tmp_path, "restart shop/cart", lambda: here.namespace("late", rev=NEW).deployment("late/a")
    )
    here.world.troubles.begin("Deployment", "shop", "web", Trouble("image-pull"))
    one.stopped_with("UPG-0601")
    here.world.troubles.end("Deployment", "shop", "web")
    with pytest.raises(UpgradeError) as caught:
        one.roll_back(one.only_run())
    assert "late/a" in " ".join(caught.value.what)
    assert proxies(here.world)["1.29.6"] == {
        n for n in proxies(here.world)["1.29.6"] if n.startswith("late/")
    }
    touched(here.relabel("late", rev=OLD), "late/a").wait()
    assert one.resume(one.only_run()) == "rolled-back"
    assert proxies(here.world).keys() == {"1.28.10"}


@pytest.mark.parametrize("what", ["image-pull", "crash-loop", "never-ready"])
def test_pods_that_do_not_come_up_stop_the_wave_and_going_back_or_on_both_work(
    what: What, tmp_path: Path
) -> None:
    here = mesh()
    before = contents(here.world, without=SHARED)
    trouble = Trouble(what)
    one = journey(
        here,
        tmp_path,
        "restart lab/api",
        lambda: here.world.troubles.begin("Deployment", "shop", "web", trouble),
    )
    assert "shop/web" in one.stopped_with("UPG-0601")
    assert one.watch.wrong == []
    back = one.forked(tmp_path / "back")
    shutil.copytree(one.place / "runs", back.place / "runs")
    here.world.troubles.end("Deployment", "shop", "web")
    here.wait(60)
    assert one.resume(one.only_run()) == "done"
    finished(one)
    assert back.roll_back(back.only_run()) == "rolled-back"
    back.world.advance(5)
    assert back.watch.wrong == []
    assert differences(before, contents(back.world, without=SHARED)) == []


@pytest.mark.parametrize("what", ["never-ready", "crash-loop"])
def test_a_new_istiod_that_does_not_come_up_moves_nobody_and_is_taken_away(
    what: What, tmp_path: Path
) -> None:
    here = mesh()
    before = contents(here.world, without=SHARED)
    begun = lambda: here.world.troubles.begin("Deployment", "istio-system", f"istiod-{NEW}", Trouble(what))  # noqa: E731
    one = journey(here, tmp_path, "shared object", begun)
    one.stopped_with("UPG-0601")
    assert one.watch.wrong == []
    assert one.roll_back(one.only_run()) == "rolled-back"
    here.wait(5)
    assert differences(before, contents(here.world, without=SHARED)) == []


def test_an_injector_that_nobody_reaches_any_more_can_be_rolled_away(tmp_path: Path) -> None:
    here = mesh()
    one = journey(
        here,
        tmp_path,
        "restart lab/api",
        lambda: here.delete(f"/api/v1/namespaces/istio-system/services/istiod-{NEW}"),
    )
    assert "failed calling webhook" in one.stopped_with("UPG-0601")
    assert one.roll_back(one.only_run()) == "rolled-back"
    assert proxies(here.wait().world).keys() == {"1.28.10"}


def test_what_may_not_be_read_blocks_the_plan(tmp_path: Path) -> None:
    here = mesh()
    here.world.api.rbac.deny("admin", verbs=("list", "get"), resources=("pods",), namespaces=("shop",))
    assert "pods in namespace shop" in refusal(here, tmp_path, "1.29.6")["UPG-0303"].what[0]


def test_what_can_not_be_read_any_more_is_not_called_gone(tmp_path: Path) -> None:
    here = mesh()
    one = journey(here, tmp_path, "never", lambda: None)
    plan = one.plan()
    here.world.api.rbac.deny("admin", verbs=("list",), resources=("deployments",), namespaces=("", "shop"))
    before = len(here.world.audit.writes(user="admin"))
    with pytest.raises(UpgradeError) as caught:
        one.begin(plan)
    assert caught.value.code == "UPG-0303"
    assert "deployments.apps in namespace shop" in caught.value.headline
    assert len(here.world.audit.writes(user="admin")) == before


def test_what_may_not_be_written_is_noticed_before_the_first_write(tmp_path: Path) -> None:
    here = mesh()
    one = journey(here, tmp_path, "never", lambda: None)
    plan = one.plan()
    here.world.api.rbac.deny("admin", verbs=("patch",), resources=("deployments",), namespaces=("shop",))
    before = len(here.world.audit.writes(user="admin"))
    with pytest.raises(UpgradeError) as caught:
        one.begin(plan)
    assert caught.value.code == "UPG-0302"
    assert len(here.world.audit.writes(user="admin")) == before


@pytest.mark.parametrize(
    ("verbs", "resources", "namespaces", "code"),
    [
        (("patch",), ("deployments",), ("shop",), "UPG-0602"),
        (("list", "get"), ("pods",), ("shop",), "UPG-0601"),
        (("list",), ("pods",), ("",), "UPG-0701"),
    ],
)
def test_a_permission_lost_in_the_middle_stops_the_run_and_a_resume_finishes(
    verbs: tuple[str, ...], resources: tuple[str, ...], namespaces: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    here = mesh()
    rbac = here.world.api.rbac
    one = journey(
        here,
        tmp_path,
        "restart lab/api",
        lambda: rbac.deny("admin", verbs=verbs, resources=resources, namespaces=namespaces),
    )
    one.stopped_with(code)
    assert one.watch.wrong == []
    rbac.denials.clear()
    assert one.resume(one.only_run()) == "done"
    finished(one)


def test_a_deleted_tag_is_told_and_taken_for_nobodys_but_who_deleted_it(tmp_path: Path) -> None:
    here = mesh()
    name = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-revision-tag-prod"
    one = journey(here, tmp_path, "restart lab/api", lambda: here.delete(name))
    assert "namespace shop (istio.io/rev=prod): no proxy" in one.stopped_with("UPG-0701")
    assert here.local.get(name) is None
