from __future__ import annotations

from tests.checks.asking import advises, blocks, silent
from tests.checks.objects import istiod
from tests.meshes import Mesh, entries, mesh, shop

GONE = "istio-system/istiod-1-26-8"


def test_a_leftover_tag_that_refuses_pods_is_blocked_and_told_once() -> None:
    left = shop().webhook(
        "istio-revision-tag-canary", "1-26-8", entries("canary", GONE, default=False), tag="canary"
    )
    left.namespace("forgotten", rev="canary")
    found = blocks(left, "0322", "istio-revision-tag-canary")
    assert found.what == ("failurePolicy Fail: pods can not be created in forgotten",)
    assert found.do[0] == "kubectl delete mutatingwebhookconfiguration istio-revision-tag-canary"
    silent(left, "0325")
    silent(left, "0319")


def test_a_leftover_tag_that_nobody_uses_is_an_advisory() -> None:
    left = shop().webhook(
        "istio-revision-tag-canary", "1-26-8", entries("canary", GONE, default=False), tag="canary"
    )
    advises(left, "0322", "istio-revision-tag-canary")


def test_a_leftover_injector_that_ignores_failure_is_an_advisory() -> None:
    ignoring = entries("canary", GONE, default=False, failure_policy="Ignore")
    left = (
        shop()
        .webhook("istio-revision-tag-canary", "1-26-8", ignoring, tag="canary")
        .namespace("x", rev="canary")
    )
    advises(left, "0322", "istio-revision-tag-canary")


def test_a_leftover_validator_refuses_istio_objects() -> None:
    blocks(mesh().plane("1.27.9").default_validator("1-26-8"), "0322", "istiod-default-validator")
    silent(mesh().plane("1.27.9").default_validator("1-27-9"), "0322")


def test_an_injector_that_istioctl_switched_off_leads_nowhere_harmlessly() -> None:
    from msgspec.structs import replace

    never = {"matchLabels": {"istio.io/deactivated": "never-match"}}
    off = tuple(
        replace(e, namespace_selector=never, object_selector=never, ca=False)
        for e in entries("x", GONE, default=True)
    )
    made = shop().webhook("istio-sidecar-injector", "default", off)
    silent(made, "0322")
    silent(made, "0323")


def test_a_webhook_without_a_bundle_refuses_what_it_selects() -> None:
    blocks(mesh().plane("1.27.9", webhook={"ca": False}), "0323", "istio-sidecar-injector-1-27-9")
    advises(
        mesh().plane("1.27.9", webhook={"ca": False, "failure_policy": "Ignore"}),
        "0323",
        "istio-sidecar-injector-1-27-9",
    )
    silent(mesh().plane("1.27.9"), "0323")


def test_a_mesh_without_a_default_validator_is_told() -> None:
    found = advises(mesh().plane("1.27.9"), "0324", "istiod-default-validator")
    assert found.do == ("istioctl tag set default --revision 1-27-9 --overwrite",)
    silent(mesh().plane("1.27.9").default_validator("1-27-9"), "0324")


def test_an_unnamed_control_plane_validates_everything_itself() -> None:
    silent(mesh().plane("1.12.9", "default"), "0324")


def test_a_default_validator_beside_the_default_tag_is_told() -> None:
    made = mesh().plane("1.26.8").plane("1.27.9").default_validator("1-26-8")
    made.webhook(
        "istio-revision-tag-default",
        "1-27-9",
        entries("default", "istio-system/istiod-1-27-9", default=True),
        tag="default",
    )
    assert (
        "asks 1-26-8, but tag default is 1-27-9" in advises(made, "0324", "istiod-default-validator").summary
    )


def test_a_tag_between_two_installed_revisions_is_half_moved() -> None:
    half = mesh().plane("1.28.10").plane("1.29.6").tag("prod", "1-28-10", service_at="1-29-6")
    assert "leads to 1-28-10 and 1-29-6" in advises(half, "0325", "tag prod", "1.28.10 1.29.6").summary
    silent(mesh().plane("1.28.10").tag("prod", "1-28-10", service_at="1-28-10"), "0325", "1.28.10 1.29.6")


def test_a_tag_that_leads_to_a_revision_that_is_gone_is_blocked() -> None:
    half = mesh().plane("1.28.10").tag("prod", "1-28-10", service_at="1-29-6")
    blocks(half, "0325", "tag prod", "1.28.10 1.29.6")


def test_a_tag_may_not_be_called_like_a_revision_that_is_or_will_be() -> None:
    blocks(mesh().plane("1.27.9").tag("1-28-10", "1-27-9"), "0337", "tag 1-28-10")
    silent(mesh().plane("1.27.9").tag("1-28", "1-27-9"), "0337")
    silent(mesh().plane("1.27.9", "default").tag("default", "default"), "0337")


def rooted(*, opts_out: bool, labelled: bool = True) -> Mesh:
    pods = istiod("1-27-9")
    if not opts_out:
        del pods.body["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"]
    made = mesh().plane("1.27.9").namespace("istio-system", rev="1-27-9" if labelled else None)
    return made.having(documents=(pods,))


def test_an_istiod_whose_own_pods_are_injected_can_not_start_again() -> None:
    found = blocks(rooted(opts_out=False), "0385", "istio-system/istiod-1-27-9")
    assert found.summary.endswith("its own pods are selected by istio-sidecar-injector-1-27-9")
    silent(rooted(opts_out=True), "0385")


def test_an_unlabelled_root_namespace_leaves_istiod_alone_unless_its_pods_ask_for_a_revision() -> None:
    # The label istio.io/rev is on istiod's pods, and `rev.object.` selects by it.
    blocks(rooted(opts_out=False, labelled=False), "0385", "istio-system/istiod-1-27-9")
    silent(rooted(opts_out=True, labelled=False), "0385")
