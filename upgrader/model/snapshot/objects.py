"""Objects as they are written: configuration of the mesh, and what of Kubernetes bears on it."""

from __future__ import annotations

import msgspec

from upgrader.model.kinds import Labels, Obj, Ref


class ApiGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A Gateway of gateway.networking.k8s.io.

    Attributes:
        class_name: ``istio``, ``istio-waypoint`` …
        managed: Whether istiod makes a Deployment for it (no address, or one IP address).
        deployment: ``namespace/name`` of that Deployment, or empty.
        rendered_by: Revision in that Deployment's pod template, or empty.
    """

    ref: Ref
    uid: str
    labels: Labels
    class_name: str
    managed: bool
    deployment: str = ""
    rendered_by: str = ""


class ListenerSet(msgspec.Struct, frozen=True, kw_only=True):
    """A ListenerSet or XListenerSet of the Gateway API: listeners that somebody adds to a Gateway from outside.

    Attributes:
        gateway: ``namespace/name`` of the Gateway that it adds to.
        listeners: Names of its listeners.
    """

    ref: Ref
    uid: str
    labels: Labels
    gateway: str
    listeners: tuple[str, ...] = ()


class CustomResource(msgspec.Struct, frozen=True, kw_only=True):
    """One Istio or Gateway API object; ``body`` has no managedFields and no status."""

    ref: Ref
    uid: str
    labels: Labels
    digest: str
    body: Obj


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One object of Kubernetes that checks ask about, as far as they do; no value of a Secret is ever in it.

    Attributes:
        body: In the shape it has on the API server (``apiVersion``, ``kind``, ``metadata``, and of ``spec``, ``status`` or
            ``data`` what checks ask about); what is kept of which kind is in ``survey.documents``.
    """

    ref: Ref
    labels: Labels = {}
    annotations: Labels = {}
    body: Obj = {}
