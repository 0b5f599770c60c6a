"""Fields nobody knows: dropped when an object is written, and told of as the client asked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from upgrader.sandbox.api.fields.shapes import shape_of
from upgrader.sandbox.api.protobuf.messages import message_of
from upgrader.sandbox.api.schemas.builtin import known_builtin, undeclared, unknown_fields
from upgrader.sandbox.rest import Request
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import names, read_scenario
from upgrader.sandbox.world import World

_DEPLOYMENTS = "/apis/apps/v1/namespaces/dt/deployments"
_ONE = f"{_DEPLOYMENTS}/web"
_WRONG = "spec.template.spec.containers[0].imago"
_MERGE = "application/merge-patch+json"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_THINGS = "/apis/a.io/v1/namespaces/dt/things"


def _deployment(**container: Any) -> dict[str, Any]:
    containers = [{"name": "a", "image": "a:1", **container}]
    template = {"metadata": {"labels": {"any.key/at.all": "x"}}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": {"any.key/at.all": "x"}}, "template": template}
    return {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web"}, "spec": spec}


def _warnings(
    server: Any, method: str, path: str, body: Any, media: str = "application/json", **query: str
) -> str:
    sent = {"Content-Type": media, "Accept": "application/json"}
    answer = server.api.handle(Request(method, path, query, sent, orjson.dumps(body)))
    return str(answer.headers.get("Warning", ""))


def _custom(server: Any) -> None:
    props = {
        "spec": {"type": "object", "properties": {"hosts": {"type": "array", "items": {"type": "string"}}}}
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": props}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "a.io", "scope": "Namespaced", "names": names, "versions": versions}
    server.local().create(_CRDS, {"metadata": {"name": "things.a.io"}, "spec": spec})


def _thing(**rest: Any) -> dict[str, Any]:
    return {"apiVersion": "a.io/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "dt"}, **rest}


def test_an_unknown_field_is_not_stored(server: Any) -> None:
    made = server.local().create(_DEPLOYMENTS, _deployment(imago="a:1") | {"extra": {"a": 1}})
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert "imago" not in container
    assert "extra" not in made
    assert made["spec"]["template"]["metadata"]["labels"] == {"any.key/at.all": "x"}


def test_a_field_somebody_patches_in_is_not_stored(server: Any) -> None:
    client = server.local()
    client.create(_DEPLOYMENTS, _deployment())
    patched = client.patch(_ONE, b'{"spec":{"replicas":3,"replicaz":4}}', _MERGE)
    assert patched["spec"]["replicas"] == 3
    assert "replicaz" not in patched["spec"]


@pytest.mark.parametrize(("asked", "told"), [("", True), ("Warn", True), ("Ignore", False)])
def test_the_client_is_warned_unless_it_wants_silence(server: Any, asked: str, told: bool) -> None:
    query = {"fieldValidation": asked} if asked else {}
    text = _warnings(server, "POST", _DEPLOYMENTS, _deployment(imago="a:1"), **query)
    assert text == (f'299 - "unknown field \\"{_WRONG}\\""' if told else "")


def test_several_warnings_share_one_header(server: Any) -> None:
    server.local().create(_DEPLOYMENTS, _deployment())
    text = _warnings(server, "PATCH", _ONE, {"spec": {"a": 1}, "b": None}, _MERGE)
    assert text == '299 - "unknown field \\"spec.a\\""'
    text = _warnings(server, "PUT", _ONE, _deployment() | {"a": 1, "b": 2})
    assert text.split(", ") == ['299 - "unknown field \\"a\\""', '299 - "unknown field \\"b\\""']


def test_strict_writes_are_refused_with_the_path(server: Any) -> None:
    strict = {"fieldValidation": "Strict"}
    status, body = server.ask("POST", _DEPLOYMENTS, _deployment(imago="a:1"), query=strict)
    assert (status, body["reason"]) == (400, "BadRequest")
    assert body["message"].endswith(f'strict decoding error: unknown field "{_WRONG}"')
    assert server.local().get(_ONE) is None


@pytest.mark.parametrize("media", [_MERGE, "application/strategic-merge-patch+json"])
def test_strict_patches_are_refused_as_invalid(server: Any, media: str) -> None:
    server.local().create(_DEPLOYMENTS, _deployment())
    patch = {"spec": {"replicaz": 4}}
    status, body = server.ask("PATCH", _ONE, patch, media, query={"fieldValidation": "Strict"})
    assert (status, body["reason"]) == (422, "Invalid")
    assert body["message"].endswith('strict decoding error: unknown field "spec.replicaz"')
    assert ("map[spec:map[replicaz:4]]" in body["message"]) is ("strategic" in media)


def test_a_word_that_is_no_validation_is_refused(server: Any) -> None:
    status, body = server.ask("POST", _DEPLOYMENTS, _deployment(), query={"fieldValidation": "Loose"})
    assert (status, body["details"]["causes"][0]["field"]) == (422, "fieldValidation")


def test_servers_before_1_25_drop_in_silence(server: Any) -> None:
    server.api.catalogue.minor = 24
    assert _warnings(server, "POST", _DEPLOYMENTS, _deployment(imago="a:1"), fieldValidation="Strict") == ""
    assert "imago" not in server.local().get(_ONE)["spec"]["template"]["spec"]["containers"][0]


def test_an_applied_field_nobody_declared_fails_the_apply(server: Any) -> None:
    query = {"fieldManager": "m", "fieldValidation": "Ignore"}
    media = "application/apply-patch+yaml"
    status, body = server.ask("PATCH", _ONE, _deployment(imago="a:1"), media, query=query)
    assert (status, body.get("reason", "")) == (500, "")
    where = '.spec.template.spec.containers[name="a"].imago: field not declared in schema'
    assert body["message"] == f"failed to create typed patch object (/web; apps/v1, Kind=Deployment): {where}"


def test_custom_resources_warn_and_refuse_alike(server: Any) -> None:
    _custom(server)
    odd = _thing(spec={"hosts": ["a"], "junk": 1})
    odd["metadata"]["labelz"] = {}
    assert '"unknown field \\"spec.junk\\""' in _warnings(server, "POST", _THINGS, odd)
    assert "junk" not in server.local().get(f"{_THINGS}/t")["spec"]
    assert "labelz" not in server.local().get(f"{_THINGS}/t")["metadata"]
    query = {"fieldManager": "m"}
    status, body = server.ask("PATCH", f"{_THINGS}/t", odd, "application/apply-patch+yaml", query=query)
    assert status == 500
    assert body["message"].endswith("Kind=Thing): .spec.junk: field not declared in schema")


def test_free_keys_and_inlined_fields_are_known(server: Any) -> None:
    probe = {"httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "a", "value": "b"}]}}
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    whole = _deployment(
        readinessProbe=probe,
        resources={"limits": {"example.com/gpu": "1"}},
        env=[{"name": "A", "valueFrom": source}],
    )
    assert _warnings(server, "POST", _DEPLOYMENTS, whole) == ""


def test_a_claim_template_may_say_its_kind_and_a_pod_template_may_not(server: Any) -> None:
    found = server.api.catalogue.find("apps", "v1", "statefulsets")
    claim = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "d"}}
    spec = {"volumeClaimTemplates": [claim], "template": {"kind": "Pod", "metadata": {}}}
    unknown: list[str] = []
    known_builtin(
        found, {"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": {}, "spec": spec}, unknown
    )
    assert unknown == ["spec.template.kind"]


def test_wrong_types_are_left_to_others() -> None:
    assert list(unknown_fields("apps.v1.Deployment", {"spec": "text", "metadata": None})) == []


def test_versions_whose_fields_are_not_known_are_not_looked_at(server: Any) -> None:
    found = server.api.catalogue.find("autoscaling", "v2", "horizontalpodautoscalers")
    odd = {"spec": {"targetCPUUtilizationPercentage": 80}}
    assert list(undeclared(found, "v2beta1", odd, shape_of(found, "v2"))) == []
    assert list(undeclared(found, "v2", odd, shape_of(found, "v2"))) == [
        ".spec.targetCPUUtilizationPercentage"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_nothing_a_world_stores_has_unknown_fields(name: str) -> None:
    world = World(kubernetes=read_scenario(name).kubernetes)
    load(world, name)
    world.advance(60)
    odd = []
    for (group, plural, *_), obj in world.index.everything():
        resource = world.api.catalogue.builtin.get((group, plural))
        message = None if resource is None else message_of(group, resource.hub, resource.kind)
        if message is not None:
            odd += [f"{plural}: {path}" for path in unknown_fields(message, obj)]
    assert odd == []
