from collections.abc import Callable
from typing import Any

import pytest

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.protobuf.strict import refuse_unknown, unknown_fields
from upgrader.sandbox.errors import ApiError

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


def deployment(**container: Any) -> dict[str, Any]:
    containers = [{"name": "a", **container}]
    template = {"metadata": {"labels": {"any.key/at.all": "x"}}, "spec": {"containers": containers}}
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "web"},
        "spec": {"template": template},
    }


def test_a_field_the_kind_does_not_have_is_named_with_its_path(call: Callable[..., Call]) -> None:
    with pytest.raises(
        ApiError, match=r'unknown field "spec\.template\.spec\.containers\[0\]\.imago"'
    ) as refusal:
        refuse_unknown(call(DEPLOYMENTS, fieldValidation="Strict"), deployment(imago="a:1"))
    assert refusal.value.status == 400


@pytest.mark.parametrize("asked", ["", "Ignore", "Warn"])
def test_nobody_is_refused_who_did_not_ask_for_it(call: Callable[..., Call], asked: str) -> None:
    refuse_unknown(call(DEPLOYMENTS, fieldValidation=asked), deployment(imago="a:1"))


def test_free_keys_and_inlined_fields_are_known(call: Callable[..., Call]) -> None:
    probe = {
        "httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "a", "value": "b"}]},
        "periodSeconds": 1,
    }
    resources = {"limits": {"example.com/gpu": "1"}}
    whole = deployment(
        readinessProbe=probe,
        resources=resources,
        env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    )
    refuse_unknown(call(DEPLOYMENTS, fieldValidation="Strict"), whole)


def test_wrong_types_are_left_to_others() -> None:
    assert list(unknown_fields("apps.v1.Deployment", {"spec": "text", "metadata": None})) == []


def test_kinds_whose_objects_belong_to_another_group_are_not_looked_at(call: Callable[..., Call]) -> None:
    refuse_unknown(
        call("/apis/events.k8s.io/v1/namespaces/shop/events", fieldValidation="Strict"), {"note": "x"}
    )
