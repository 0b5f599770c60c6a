"""What an istiod is configured with that decides about injection once its webhook is called.

Facts: ``Config`` and ``injectRequired`` of pkg/kube/inject/inject.go, the same at 1.12.0, 1.20.0, 1.26.8, 1.27.0, 1.28.0
and 1.30.0 but for the reading of odd words; ``LabelSelectorAsSelector`` and ``NewRequirement`` of k8s.io/apimachinery.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from upgrader.model.kinds import Obj

ENABLED, DISABLED = "enabled", "disabled"
_WITH_VALUES = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}
_LONGEST, _LONGEST_PREFIX = 63, 253
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class InjectorSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one revision; as it is made, this is what the charts of 1.12 to 1.31 install.

    Attributes:
        policy: ``enabled`` injects what says nothing, ``disabled`` only what asks; with any other word nothing is injected.
        never: LabelSelectors of pods that are not injected unless they ask; before ``always``.
        always: LabelSelectors of pods that are injected whether the policy is ``enabled`` or ``disabled``.
    """

    policy: str = ENABLED
    never: tuple[Obj, ...] = ()
    always: tuple[Obj, ...] = ()


def unusual(settings: Mapping[str, InjectorSettings]) -> dict[str, InjectorSettings]:
    """Those of *settings*, by revision, that are others than what the charts install; sorted."""
    usual = InjectorSettings()
    return {revision: one for revision, one in sorted(settings.items()) if one != usual}


def injector_settings(config: Mapping[str, Any]) -> InjectorSettings:
    """What istiod makes of ``config`` in ConfigMap istio-sidecar-injector[-REV], which is YAML.

    A policy that is not there is the empty word, which injects nothing. A selector that selects everything, or that
    Kubernetes would refuse, is passed over by istiod, and is left out here.

    Raises:
        ValueError: a value is of a kind that istiod cannot read; it then keeps what it read before, or does not start.
    """
    return InjectorSettings(
        policy=_text(config.get("policy")),
        never=_selectors(config.get("neverInjectSelector")),
        always=_selectors(config.get("alwaysInjectSelector")),
    )


def _text(value: Any) -> str:
    """Scalars are words where istiod expects words."""
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        raise ValueError("a mapping or a list where a word is expected")  # noqa: TRY004  bad data, not a bug
    return str(value).lower() if isinstance(value, bool) else str(value)


def _selectors(told: Any) -> tuple[Obj, ...]:
    return tuple(one for each in _list(told) if (one := _selector(_mapping(each))) and _is_usable(one))


def _list(told: Any) -> list[Any]:
    if told is not None and not isinstance(told, list):
        raise ValueError("something else where a list is expected")
    return told or []


def _mapping(told: Any) -> Mapping[str, Any]:
    if told is not None and not isinstance(told, Mapping):
        raise ValueError("something else where a mapping is expected")
    return told or {}


def _selector(told: Mapping[str, Any]) -> Obj:
    """The selector without what says nothing."""
    labels = {_text(key): _text(value) for key, value in _mapping(told.get("matchLabels")).items()}
    terms = [_term(_mapping(each)) for each in _list(told.get("matchExpressions"))]
    return ({"matchLabels": labels} if labels else {}) | ({"matchExpressions": terms} if terms else {})


def _term(told: Mapping[str, Any]) -> Obj:
    term = {"key": _text(told.get("key")), "operator": _text(told.get("operator"))}
    values = [_text(value) for value in _list(told.get("values"))]
    return term | ({"values": values} if values else {})


def _is_usable(selector: Obj) -> bool:
    """Whether Kubernetes takes it: known operators, values where they belong, and nothing that no label could be."""
    labels: Mapping[str, str] = selector.get("matchLabels") or {}
    if not all(_may_be_key(key) and _may_be_value(value) for key, value in labels.items()):
        return False
    for term in selector.get("matchExpressions") or ():
        values = term.get("values") or ()
        if _WITH_VALUES.get(term["operator"]) is not bool(values) or not _may_be_key(term["key"]):
            return False
        if not all(map(_may_be_value, values)):
            return False
    return True


def _may_be_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not (len(prefix) <= _LONGEST_PREFIX and _DOMAIN.fullmatch(prefix)):
        return False
    return bool(name) and _may_be_value(name)


def _may_be_value(value: str) -> bool:
    return not value or (len(value) <= _LONGEST and _WORD.fullmatch(value) is not None)
