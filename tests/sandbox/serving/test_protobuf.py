import base64
from typing import Any

import pytest

from upgrader.sandbox.api.protobuf import MAGIC, Malformed, decode, decode_unknown
from upgrader.sandbox.api.protobuf.messages import message_of, messages
from upgrader.sandbox.errors import ApiError

Part = tuple[int, Any]


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def wire(*parts: Part) -> bytes:
    """A message of numbers (varint), texts and bytes."""
    out = b""
    for number, value in parts:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(raw)) + raw
    return out


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    return MAGIC + wire((1, wire((1, api_version), (2, kind))), (2, raw), (3, ""), (4, ""))


def test_a_namespace_is_read() -> None:
    meta = wire((1, "shop"), (2, ""), (8, wire((1, 0), (2, 0))), (11, wire((1, "istio.io/rev"), (2, "1-29"))))
    raw = wire((1, meta), (2, b""), (3, wire((1, ""))))
    found = decode_unknown(envelope("v1", "Namespace", raw))
    assert found == {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": "shop", "labels": {"istio.io/rev": "1-29"}},
    }


def test_an_eviction_carries_its_options() -> None:
    raw = wire((1, wire((1, "a"), (3, "shop"))), (2, wire((1, 0), (5, "All"))))
    found = decode_unknown(envelope("policy/v1", "Eviction", raw))
    assert found["deleteOptions"] == {"gracePeriodSeconds": 0, "dryRun": ["All"]}


def test_delete_options_are_the_same_in_every_group() -> None:
    raw = wire((2, wire((1, "u-1"))), (4, "Foreground"))
    found = decode_unknown(envelope("apps/v1", "DeleteOptions", raw))
    assert found["preconditions"] == {"uid": "u-1"}
    assert found["propagationPolicy"] == "Foreground"


def test_a_deployment_keeps_its_zeros_and_its_pod_template() -> None:
    probe = wire((1, wire((2, wire((1, "/ready"), (2, wire((1, 1), (2, 0), (3, "http"))))))), (2, 3))
    limits = wire((1, wire((1, "cpu"), (2, wire((1, "100m"))))))
    container = wire((1, "app"), (2, "app:1"), (8, limits), (11, probe))
    volume = wire((1, "cfg"), (2, wire((19, wire((1, wire((1, "settings"))))))))
    template = wire((2, wire((1, volume), (2, container))))
    rolling = wire((2, wire((1, wire((1, 0), (2, 0))), (2, wire((1, 1), (3, "25%"))))))
    raw = wire((1, wire((1, "web"))), (2, wire((1, 0), (3, template), (4, rolling), (7, 0))))
    spec = decode_unknown(envelope("apps/v1", "Deployment", raw))["spec"]
    assert spec["replicas"] == 0
    assert "paused" not in spec
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": "25%"}
    pod = spec["template"]["spec"]
    assert pod["volumes"] == [{"name": "cfg", "configMap": {"name": "settings"}}]
    (app,) = pod["containers"]
    assert app["resources"]["limits"] == {"cpu": "100m"}
    assert app["readinessProbe"] == {"httpGet": {"path": "/ready", "port": "http"}, "initialDelaySeconds": 3}


def test_bytes_are_base64_and_negative_numbers_stay_negative() -> None:
    raw = wire((2, wire((1, "key"), (2, b"\x00\xff"))))
    assert decode("core.v1.Secret", raw) == {"data": {"key": base64.b64encode(b"\x00\xff").decode()}}
    assert decode("scheduling.v1.PriorityClass", wire((2, -5)))["value"] == -5


def test_moments_are_whole_seconds_or_micro_seconds() -> None:
    moment = wire((1, 1_767_603_600), (2, 123_456_000))
    assert decode("meta.v1.ObjectMeta", wire((9, moment))) == {"deletionTimestamp": "2026-01-05T09:00:00Z"}
    assert decode("coordination.v1.LeaseSpec", wire((4, moment))) == {
        "renewTime": "2026-01-05T09:00:00.123456Z"
    }


def test_fields_of_newer_clients_are_dropped() -> None:
    assert decode("core.v1.ConfigMap", wire((99, "new"), (2, wire((1, "a"), (2, "b"))))) == {
        "data": {"a": "b"}
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "expected prefix"),
        (envelope("v1", "Nonsense", b""), "no kind"),
        (envelope("v1", "Pod", b"\x0a\xff"), "unexpected EOF"),
        (envelope("v1", "Pod", b"\x0b"), "unknown wire type"),
        (envelope("v1", "Pod", wire((1, 7))), "wrong wire type"),
        (envelope("v1", "Pod", wire((1, wire((1, b"\xff"))))), "decoding"),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(body: bytes, why: str) -> None:
    with pytest.raises(ApiError, match=why) as refusal:
        decode_unknown(body)
    assert refusal.value.status == 400


def test_every_field_leads_to_a_message_that_is_known() -> None:
    known = messages()
    kinds = {field.type.lstrip("[]{}<^") for message in known.values() for field in message.values()}
    assert {kind for kind in kinds if "." in kind} <= known.keys()


def test_an_unknown_version_of_a_kind_is_read_as_the_known_one() -> None:
    assert message_of("batch", "v1beta1", "CronJob") == "batch.v1.CronJob"
    assert (
        message_of("autoscaling", "v2beta2", "HorizontalPodAutoscaler")
        == "autoscaling.v2.HorizontalPodAutoscaler"
    )
    assert message_of("networking.istio.io", "v1", "VirtualService") is None


def test_cut_off_bytes_never_pass_as_a_message() -> None:
    whole = wire((1, wire((1, "web"))), (2, wire((1, 3))))
    for length in range(1, len(whole)):
        try:
            decode("apps.v1.Deployment", whole[:length])
        except Malformed:
            continue
        assert length == len(wire((1, wire((1, "web")))))
