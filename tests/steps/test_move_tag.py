"""A tag moves as one: no moment with two owners, none without one, whatever was found half-done."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from upgrader.model.change import Create, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import MUTATING_WEBHOOK, SERVICE, VALIDATING_WEBHOOK, Ref
from upgrader.model.step import Verdict
from upgrader.steps import MoveTag

if TYPE_CHECKING:
    from tests.steps.conftest import Planes

OLD, NEW, ROOT = "1-27-9", "1-28-10", "istio-system"
WEBHOOK = Ref(MUTATING_WEBHOOK, "istio-revision-tag-prod")
SERVED = Ref(SERVICE, "istiod-revision-tag-prod", ROOT)
VALIDATOR = Ref(VALIDATING_WEBHOOK, "istiod-default-validator")
UNNAMED = Ref(MUTATING_WEBHOOK, "istio-sidecar-injector")
PROD = MoveTag(tag="prod", revision=NEW, source=OLD, parts=("webhook", "service"))
DEFAULT = MoveTag(tag="default", revision=NEW, source=OLD, parts=("webhook", "service", "validator"))
BACK = MoveTag(tag="prod", revision=OLD, source=NEW, parts=("webhook", "service"))


def test_every_part_points_at_the_new_revision_afterwards(planes: Planes) -> None:
    planes.tag("default", OLD)

    planes.shelf.carry_out(DEFAULT)

    assert planes.tag_revisions("default") == {NEW}
    assert planes.injected_by({"istio-injection": "enabled"}) == [NEW]
    service = planes.shelf.found(Ref(SERVICE, "istiod-revision-tag-default", ROOT))
    assert service["spec"]["selector"] == {"app": "istiod", "istio.io/rev": NEW}
    assert service["spec"]["clusterIP"] == "10.0.0.9"
    (rule,) = planes.shelf.found(VALIDATOR)["webhooks"]
    assert rule["clientConfig"]["service"]["name"] == f"istiod-{NEW}"
    assert (rule["failurePolicy"], rule["clientConfig"]["caBundle"]) == ("Fail", "cm9vdA==")
    assert DEFAULT.verify(planes.shelf).verdict is Verdict.HOLDS


def test_a_tag_that_has_moved_is_left_alone(planes: Planes) -> None:
    planes.tag("prod", OLD)
    planes.shelf.carry_out(PROD)

    assert planes.shelf.carry_out(PROD) == 0


def test_the_objects_of_a_tag_never_name_two_revisions_and_never_none(planes: Planes) -> None:
    planes.tag("prod", OLD)
    seen = []
    while changes := PROD.diff(PROD.observe(planes.shelf)):
        for change in changes:
            planes.shelf.perform(change)
            seen.append(planes.tag_revisions("prod"))

    assert [len(each) for each in seen] == [1, 1, 1]
    assert seen[0] == {OLD}
    assert seen[-1] == {NEW}


@pytest.mark.parametrize(
    ("webhook", "service"),
    list(product([OLD, NEW], [OLD, NEW, "off the tag", "off the tag, at the new one"])),
)
def test_whatever_is_found_half_moved_is_finished(planes: Planes, webhook: str, service: str) -> None:
    planes.tag("prod", OLD)
    straight = planes.shelf.copied()
    straight.carry_out(PROD)
    if webhook == NEW:
        entries = planes.shelf.found(WEBHOOK)["webhooks"]
        for one in entries:
            one["clientConfig"]["service"]["name"] = f"istiod-{NEW}"
        planes.shelf.edit(WEBHOOK, {"metadata": {"labels": {"istio.io/rev": NEW}}, "webhooks": entries})
    if service == NEW or service.endswith("new one"):
        moved = {"metadata": {"labels": {"istio.io/rev": NEW}}, "spec": {"selector": {"istio.io/rev": NEW}}}
        planes.shelf.edit(SERVED, moved)
    if service.startswith("off"):
        planes.shelf.edit(SERVED, {"metadata": {"labels": {"istio.io/tag": None}}})

    planes.shelf.carry_out(PROD)

    assert planes.shelf.state() == straight.state()
    assert PROD.verify(planes.shelf).verdict is Verdict.HOLDS


@pytest.mark.parametrize("stop", range(4))
def test_killed_after_any_write_it_ends_the_same_and_can_go_back_too(planes: Planes, stop: int) -> None:
    planes.tag("prod", OLD)
    before = planes.shelf.state()
    straight = planes.shelf.copied()
    straight.carry_out(PROD)
    left = stop
    while left and (changes := PROD.diff(PROD.observe(planes.shelf))):
        for change in changes[:left]:
            planes.shelf.perform(change)
            left -= 1
    abandoned = planes.shelf.copied()

    planes.shelf.carry_out(PROD)
    assert planes.shelf.state() == straight.state()
    abandoned.carry_out(BACK)
    assert abandoned.state() == before


def test_for_pods_only_it_injects_and_names_no_gateways_revision(planes: Planes) -> None:
    planes.tag("prod", OLD)
    pods = MoveTag(tag="prod", revision=NEW, source=OLD, parts=("webhook", "service"), binds_gateways=False)
    whole = MoveTag(tag="prod", revision=NEW, source=NEW, parts=("webhook", "service"))
    before = planes.shelf.state()

    planes.shelf.carry_out(pods)
    assert planes.injected_by({"istio.io/rev": "prod"}) == [NEW]
    assert planes.tag_revisions("prod") == set()
    assert pods.verify(planes.shelf).verdict is Verdict.HOLDS
    assert planes.shelf.carry_out(pods) == 0

    planes.shelf.carry_out(whole)
    assert planes.tag_revisions("prod") == {NEW}

    planes.shelf.carry_out(BACK)
    assert planes.shelf.state() == before


def test_a_service_that_has_left_the_tag_is_pending_and_not_done(planes: Planes) -> None:
    planes.tag("prod", OLD)
    for change in PROD.diff(PROD.observe(planes.shelf)):
        planes.shelf.perform(change)

    assert PROD.verify(planes.shelf).verdict is Verdict.PENDING


def test_a_tag_without_a_service_is_a_webhook_alone(planes: Planes) -> None:
    planes.tag("prod", OLD, service=False)
    step = MoveTag(tag="prod", revision=NEW, source=OLD, parts=("webhook",))

    assert planes.shelf.carry_out(step) == 1
    assert planes.injected_by({"istio.io/rev": "prod"}) == [NEW]


def test_each_write_is_conditional_on_what_was_seen(planes: Planes) -> None:
    planes.tag("default", OLD)
    planes.shelf.carry_out(DEFAULT)

    patches = [c for c in planes.shelf.sent if isinstance(c, Patch)]
    assert len(patches) == len(planes.shelf.sent) == 4
    assert all(c.uid and c.version for c in patches)


def test_a_tag_that_somebody_moved_elsewhere_is_drift(planes: Planes) -> None:
    planes.tag("prod", OLD)
    planes.shelf.edit(WEBHOOK, {"metadata": {"labels": {"istio.io/rev": "1-26-8"}}})

    with pytest.raises(UpgradeError, match="UPG-0604") as caught:
        PROD.diff(PROD.observe(planes.shelf))
    assert "1-26-8" in caught.value.what[0]
    assert PROD.verify(planes.shelf).verdict is Verdict.BROKEN


def test_a_tag_whose_webhook_is_gone_is_drift(planes: Planes) -> None:
    planes.tag("prod", OLD)
    planes.shelf.drop(WEBHOOK)

    with pytest.raises(UpgradeError, match="UPG-0604") as caught:
        PROD.diff(PROD.observe(planes.shelf))
    command = caught.value.do[0].partition("  ")[0]
    assert command == f"upgrade restore RUN --hop HOP --only MutatingWebhookConfiguration/{WEBHOOK.name}"


def test_a_tag_does_not_move_to_a_revision_without_an_injector(planes: Planes) -> None:
    planes.tag("prod", OLD)
    planes.shelf.drop(Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{NEW}"))

    with pytest.raises(UpgradeError, match="UPG-0604"):
        PROD.diff(PROD.observe(planes.shelf))


def test_a_missing_ca_bundle_is_pending(planes: Planes) -> None:
    planes.tag("prod", OLD)
    planes.shelf.carry_out(PROD)
    entries = planes.shelf.found(WEBHOOK)["webhooks"]
    del entries[0]["clientConfig"]["caBundle"]
    planes.shelf.edit(WEBHOOK, {"webhooks": entries})

    assert PROD.verify(planes.shelf).verdict is Verdict.PENDING


class TestANewDefaultTag:
    """Tag ``default`` takes over from an installation without a revision."""

    step = MoveTag(
        tag="default",
        revision=NEW,
        source="default",
        parts=("webhook", "service", "validator"),
        create=("webhook", "service"),
        deactivate=True,
    )

    @pytest.fixture
    def mesh(self, planes: Planes) -> Planes:
        planes.plane("default")
        planes.validator("default")
        return planes

    def test_the_validator_moves_too(self, mesh: Planes) -> None:
        mesh.shelf.carry_out(self.step)

        assert mesh.shelf.found(VALIDATOR)["metadata"]["labels"]["istio.io/rev"] == NEW
        assert self.step.verify(mesh.shelf).verdict is Verdict.HOLDS

    def test_no_pod_goes_without_a_proxy_at_any_moment_and_the_last_word_is_one_revisions(
        self, mesh: Planes
    ) -> None:
        asks = [({"istio-injection": "enabled"}, {}), ({}, {"sidecar.istio.io/inject": "true"})]
        seen = [[mesh.injected_by(*ask)[-1] for ask in asks]]
        while changes := self.step.diff(self.step.observe(mesh.shelf)):
            for change in changes:
                mesh.shelf.perform(change)
                seen.append([mesh.injected_by(*ask)[-1] for ask in asks])

        assert seen[0] == ["default", "default"]
        assert seen[-1] == [NEW, NEW]
        assert [mesh.injected_by(*ask) for ask in asks] == [[NEW], [NEW]]

    def test_the_former_injector_is_switched_off_after_the_new_one_is_there(self, mesh: Planes) -> None:
        changes = self.step.diff(self.step.observe(mesh.shelf))

        assert isinstance(changes[0], Create)
        assert changes[0].ref.name == "istio-revision-tag-default"
        assert isinstance(changes[1], Patch)
        assert changes[1].ref == UNNAMED

    def test_it_selects_what_the_former_one_selected_and_nothing_more(self, mesh: Planes) -> None:
        entries = mesh.shelf.found(UNNAMED)["webhooks"]
        everywhere = {**entries[0], "name": "auto.sidecar-injector.istio.io"}
        everywhere["namespaceSelector"] = {
            "matchExpressions": [{"key": "istio-injection", "operator": "DoesNotExist"}]
        }
        mesh.shelf.edit(UNNAMED, {"webhooks": [*entries, everywhere]})
        former = mesh.shelf.found(UNNAMED)["webhooks"]

        mesh.shelf.carry_out(self.step)

        made = mesh.shelf.found(Ref(MUTATING_WEBHOOK, "istio-revision-tag-default"))["webhooks"]
        assert {w["name"] for w in made} == {w["name"] for w in former}
        selectors = {w["name"]: (w["namespaceSelector"], w["objectSelector"]) for w in former}
        assert all(selectors[w["name"]] == (w["namespaceSelector"], w["objectSelector"]) for w in made)

    @pytest.mark.parametrize("stop", range(5))
    def test_killed_after_any_write_it_ends_the_same(self, mesh: Planes, stop: int) -> None:
        straight = mesh.shelf.copied()
        straight.carry_out(self.step)
        for change in self.step.diff(self.step.observe(mesh.shelf))[:stop]:
            mesh.shelf.perform(change)

        mesh.shelf.carry_out(self.step)

        assert mesh.shelf.state() == straight.state()
        assert mesh.shelf.carry_out(self.step) == 0

    def test_a_validator_is_made_where_there_was_none(self, mesh: Planes) -> None:
        mesh.shelf.drop(VALIDATOR)
        step = MoveTag(tag="default", revision=NEW, source="", parts=("validator",), create=("validator",))

        mesh.shelf.carry_out(step)

        (rule,) = mesh.shelf.found(VALIDATOR)["webhooks"]
        assert rule["name"] == "validation.istio.io"
        assert rule["clientConfig"]["service"]["name"] == f"istiod-{NEW}"
        assert rule["clientConfig"]["caBundle"]
