"""A revision tag that points at another revision: webhook, Service and, for ``default``, validator as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from upgrader.model.change import Change, Create, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import (
    MUTATING_WEBHOOK,
    SERVICE,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.ownership import DEFAULT_VALIDATOR, namespace_suffix
from upgrader.model.step import Reader, Reading
from upgrader.model.version import UNNAMED
from upgrader.probes.gateways import GatewaysOn
from upgrader.steps import tag_parts as parts_of
from upgrader.steps.drift import drift, told, writer_of
from upgrader.steps.relabel_namespace import gateway_refs
from upgrader.steps.tag_parts import ENTRY, REVISION, TAG, Target, label_of

TagPart = Literal["webhook", "service", "validator"]


class TagSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The objects of a tag, those of the revision that it is to point at, and the injector it takes over from."""

    webhook: Obj | None
    service: Obj | None
    validator: Obj | None
    target: Target | None
    unnamed: Obj | None


class MoveTag(msgspec.Struct, frozen=True, kw_only=True, tag="move-tag", tag_field="step"):
    """Every part of *tag* points at *revision*.

    The Service leaves the tag first, then the webhook moves, then the Service joins it again: so at every moment the
    objects that define the tag name one revision, and no Gateway has two owners or none. A tag found half-moved
    (parts at *source*, at *revision*, or off the tag) is finished the same way.

    An injector without a revision is switched off only after the tag's own webhook is there: in between both select
    the same pods, the former is called last and its proxy stays, so each pod has exactly one, and never none. Both
    keep failurePolicy Fail: a pod that cannot be injected is not made, and is tried again by its owner.

    Attributes:
        source: Revision it points at before; empty when the tag does not exist yet.
        parts: Which objects the tag has (or gets). ``service`` exists from 1.28 on, ``validator`` is for ``default``.
        create: Parts that do not exist yet and are made.
        deactivate: The injector of an installation without a revision is switched off in the same step, as
            ``istioctl tag set default`` does; only for ``default``.
        gateways: ``namespace/name`` of the Gateways that follow this tag, and so roll.
        validator_source: Revision that the default validator names before, where that is another one than *source*:
            one left behind by an earlier installation leads nowhere, and checks nothing until it is moved too.
        binds_gateways: Whether the objects carry the label ``istio.io/tag``, by which istiods find the Gateways that
            are theirs. Without it the tag decides about pods only: an istiod without a revision answers to the name
            ``default`` itself, so a tag of that name at another revision gives its Gateways two owners.
    """

    tag: str
    revision: str
    source: str
    parts: tuple[TagPart, ...]
    create: tuple[TagPart, ...] = ()
    deactivate: bool = False
    gateways: tuple[str, ...] = ()
    root_namespace: str = "istio-system"
    validator_source: str = ""
    binds_gateways: bool = True

    def observe(self, cluster: Reader) -> TagSeen:
        """The tag and its target as they are."""
        mutating, validating = cluster.list(MUTATING_WEBHOOK), cluster.list(VALIDATING_WEBHOOK)
        injectors = [
            w for w in mutating if _injects(w) and not label_of(w, TAG) and not self._is_its_webhook(w)
        ]
        return TagSeen(
            webhook=next((w for w in mutating if self._is_its_webhook(w)), None),
            service=cluster.get(self.ref_of("service")),
            validator=next((v for v in validating if v["metadata"]["name"] == DEFAULT_VALIDATOR), None),
            target=self._target(cluster, injectors, list(validating)),
            unnamed=next((w for w in injectors if label_of(w, REVISION) == UNNAMED), None),
        )

    def diff(self, seen: TagSeen) -> tuple[Change, ...]:
        """The writes that can be sent now: a Service that leaves the tag joins it again in the next round.

        Raises:
            UpgradeError: UPG-0604: a part points at a revision that is neither the former nor the wanted one, is gone
                or was made by somebody else, or the revision has no injector that could serve.
        """
        target = self._checked(seen)
        changes = [*self._service_leaves(seen), *self._webhook_moves(seen, target), *self._switch_off(seen)]
        if not any(isinstance(c, Patch) and c.ref == self.ref_of("service") for c in changes):
            changes += self._service_joins(seen, target)
        return (*changes, *self._validator_moves(seen, target))

    def verify(self, cluster: Reader) -> Reading:
        """Whether all parts name the revision and can be called, and the Gateways that follow have rolled."""
        seen = self.observe(cluster)
        try:
            gap = self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        if gap:
            return Reading.pending(f"tag {self.tag}: {len(gap)} parts are not at {self.revision} yet")
        for one in (seen.webhook, seen.validator if "validator" in self.parts else None):
            if one is not None and not parts_of.trusted(one):
                return Reading.pending(f"{one['metadata']['name']} has no caBundle yet")
        now = f"tag {self.tag} points at {self.revision}{'' if self.binds_gateways else ', for pods only'}"
        if not self.gateways:
            return Reading.holds(now)
        rolled = GatewaysOn(gateways=gateway_refs(self.gateways), revision=self.revision).look(cluster)
        return msgspec.structs.replace(rolled, summary=f"{now}; {rolled.summary}")

    def title(self) -> str:
        """What changes, for plan and journal."""
        made = "" if self.source else " (new)"
        off = ", the injector without a revision is switched off" if self.deactivate else ""
        about = "" if self.binds_gateways else ", for pods only"
        if self.source == self.revision:
            return f"tag {self.tag} at {self.revision}{about or ', for Gateways too'}"
        return f"tag {self.tag}{made}: {self.source or 'none'} -> {self.revision}{about}{off}"

    def ref_of(self, part: TagPart) -> Ref:
        """The object that is this part of the tag, by the name that its installer gives it."""
        match part:
            case "webhook":
                name = f"istio-revision-tag-{self.tag}{namespace_suffix(self.root_namespace)}"
                return Ref(MUTATING_WEBHOOK, name)
            case "service":
                return Ref(SERVICE, f"istiod-revision-tag-{self.tag}", self.root_namespace)
            case "validator":
                return Ref(VALIDATING_WEBHOOK, DEFAULT_VALIDATOR)

    def _target(self, cluster: Reader, injectors: list[Obj], validating: list[Obj]) -> Target | None:
        injector = next((w for w in injectors if label_of(w, REVISION) == self.revision), None)
        addresses = [a for w in (injector or {}).get("webhooks") or () if (a := parts_of.service_of(w))]
        service = cluster.get(Ref(SERVICE, addresses[0], self.root_namespace)) if addresses else None
        if injector is None or service is None:
            return None
        own = [v for v in validating if label_of(v, REVISION) == self.revision]
        checker = next((v for v in own if v["metadata"]["name"] != DEFAULT_VALIDATOR), None)
        return Target(revision=self.revision, injector=injector, service=service, checker=checker)

    def _checked(self, seen: TagSeen) -> Target:
        live: dict[TagPart, Obj | None] = {
            "webhook": seen.webhook,
            "service": seen.service,
            "validator": seen.validator,
        }
        for part in self.parts:
            obj, allowed = live[part], {self.source, self.revision} - {""}
            allowed |= {self.validator_source} - {""} if part == "validator" else set()
            subject = f"the {part} of tag {self.tag}"
            if obj is None and part not in self.create:
                expected = f"one at {' or '.join(sorted(allowed))}"
                raise drift(subject, found="none", expected=expected, copy=self.ref_of(part))
            if obj is not None and (found := label_of(obj, REVISION)) not in allowed:
                who = writer_of(obj, "metadata", "labels", REVISION)
                raise drift(subject, found=told(found), expected=" or ".join(sorted(allowed)), writer=who)
        if seen.target is None:
            raise drift(
                f"revision {self.revision}", found="no injector with a Service", expected="one that serves"
            )
        if "validator" in self.parts and seen.validator is None and seen.target.checker is None:
            raise drift(f"revision {self.revision}", found="no validator of its own", expected="one to copy")
        return seen.target

    def _is_its_webhook(self, configuration: Obj) -> bool:
        """By its label, or, while it binds no Gateway, by its name."""
        label = label_of(configuration, TAG)
        found = label == self.tag or (
            label is None and configuration["metadata"]["name"] == self.ref_of("webhook").name
        )
        return found and _injects(configuration)

    def _service_leaves(self, seen: TagSeen) -> Iterator[Change]:
        """Before the webhook moves, so that at no moment both name the tag and differ."""
        service = seen.service if "service" in self.parts else None
        if service is None or not label_of(service, TAG) or label_of(service, REVISION) == self.revision:
            return
        if "webhook" in self.parts and seen.webhook is not None and not self._has_moved(seen.webhook, seen):
            yield _patch(SERVICE, service, {"metadata": {"labels": {TAG: None}}})

    def _has_moved(self, webhook: Obj, seen: TagSeen) -> bool:
        return (
            seen.target is not None
            and parts_of.names(webhook, seen.target)
            and label_of(webhook, TAG) == self._label
        )

    @property
    def _label(self) -> str | None:
        return self.tag if self.binds_gateways else None

    def _webhook_moves(self, seen: TagSeen, target: Target) -> Iterator[Change]:
        if "webhook" not in self.parts:
            return
        if seen.webhook is None:
            ref = self.ref_of("webhook")
            made = parts_of.new_webhook(self.tag, ref.name, target, seen.unnamed)
            yield Create(ref, made if self.binds_gateways else parts_of.unbound(made))
        elif not self._has_moved(seen.webhook, seen):
            yield _patch(
                MUTATING_WEBHOOK, seen.webhook, parts_of.redirected(seen.webhook, target, {TAG: self._label})
            )

    def _switch_off(self, seen: TagSeen) -> Iterator[Change]:
        if self.deactivate and seen.unnamed is not None and not parts_of.is_off(seen.unnamed):
            yield _patch(MUTATING_WEBHOOK, seen.unnamed, parts_of.switched_off(seen.unnamed))

    def _service_joins(self, seen: TagSeen, target: Target) -> Iterator[Change]:
        if "service" not in self.parts:
            return
        if seen.service is None:
            ref = self.ref_of("service")
            yield Create(ref, parts_of.new_service(self.tag, ref.name, target))
            return
        labels = label_of(seen.service, TAG), label_of(seen.service, REVISION)
        if labels != (self._label, self.revision) or not parts_of.leads_to(seen.service, target):
            yield _patch(SERVICE, seen.service, parts_of.joined(seen.service, self._label, target))

    def _validator_moves(self, seen: TagSeen, target: Target) -> Iterator[Change]:
        if "validator" not in self.parts:
            return
        if seen.validator is None:
            yield Create(self.ref_of("validator"), parts_of.new_validator(DEFAULT_VALIDATOR, target))
        elif not parts_of.names(seen.validator, target):
            yield _patch(VALIDATING_WEBHOOK, seen.validator, parts_of.redirected(seen.validator, target))


def _patch(kind: Kind, obj: Obj, body: Obj) -> Patch:
    metadata = obj["metadata"]
    ref = Ref(kind, metadata["name"], metadata.get("namespace", ""))
    return Patch(ref, body, metadata["uid"], metadata["resourceVersion"])


def _injects(configuration: Obj) -> bool:
    return any(str(w.get("name", "")).endswith(ENTRY) for w in configuration.get("webhooks") or ())
