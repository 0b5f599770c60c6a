"""What a step makes of a forecast: the one place that knows, for planning forwards and for checking the way back."""

from __future__ import annotations

from msgspec.structs import replace

from upgrader.model.kinds import DEPLOYMENT, K8S_GATEWAY, MUTATING_WEBHOOK, VALIDATING_WEBHOOK
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.planning.foresight.forecast import Forecast, tag_of
from upgrader.planning.plan import Gate
from upgrader.steps import (
    AnyStep,
    ApplyManifests,
    BackUp,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    Restore,
    ScalePlane,
)


def after(forecast: Forecast, action: AnyStep | Gate, start: Forecast) -> Forecast:  # noqa: C901  one arm per step
    """The forecast once *action* has come true.

    Args:
        forecast: What is, before it.
        action: Step or gate; a gate changes nothing.
        start: What was when the backup was made, for steps that put something back.
    """
    match action:
        case RestartWorkload():
            return forecast.template_labelled(str(action.ref), action.labels) if action.labels else forecast
        case ApplyManifests(part="control-plane"):
            return forecast.installed(action.revision, action.version)
        case RelabelNamespace():
            return forecast.labelled(action.namespace, action.labels)
        case RelabelGateway() if action.ref.kind.kind != K8S_GATEWAY.kind:
            return forecast.listeners_labelled(str(action.ref), action.value)
        case RelabelGateway():
            return forecast.gateway_labelled(f"{action.ref.namespace}/{action.ref.name}", action.value)
        case MoveTag(parts=("validator",)):
            return replace(forecast, default_validator=action.revision)
        case MoveTag():
            return forecast.tagged(
                action.tag,
                action.revision,
                action.parts,
                deactivate=action.deactivate,
                binds_gateways=action.binds_gateways,
            )
        case ScalePlane():
            return forecast.scaled(action.revision, action.replicas)
        case RemoveObjects():
            return _removed(forecast, action)
        case Restore():
            return _restored(forecast, action, start)
        case ApplyManifests() | BackUp() | Gate():
            return forecast


def _removed(forecast: Forecast, step: RemoveObjects) -> Forecast:
    for owned in step.objects:
        tag = tag_of(owned.ref, forecast.root_namespace)
        if owned.ref.kind == MUTATING_WEBHOOK and tag:
            forecast = forecast.untagged(tag)
        elif owned.ref.kind == DEPLOYMENT and owned.ref.name.startswith("istiod"):
            forecast = forecast.without(step.revision)
    return forecast


def _restored(forecast: Forecast, step: Restore, start: Forecast) -> Forecast:
    names = {(ref.kind.kind, ref.name) for ref in step.refs}
    back = {name for kind, name in names if kind == MUTATING_WEBHOOK.kind}
    validator = (VALIDATING_WEBHOOK.kind, DEFAULT_VALIDATOR) in names
    return replace(
        forecast,
        switched_off=forecast.switched_off - back | (start.switched_off & back),
        default_validator=start.default_validator if validator else forecast.default_validator,
    )
