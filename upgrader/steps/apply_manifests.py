"""Objects of a release on the cluster, one part of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import yaml

from upgrader.cluster.read import PROXY, settled, template_of
from upgrader.model.change import Apply, Change, Create, Patch
from upgrader.model.codec import digest
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import VALIDATING_WEBHOOK, Obj
from upgrader.model.manifest import MANIFEST_DIGEST, Manifest, Part
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.probes.rollout import pods_of, wrong_with
from upgrader.steps.drift import drift

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VERSION = "operator.istio.io/version"
_OWNER_LABELS = (
    "install.operator.istio.io/owning-resource-namespace",
    "operator.istio.io/component",
    "operator.istio.io/managed",
    _VERSION,
)
"""What ``istioctl install`` adds and ``istioctl manifest generate`` lacks; without them a later uninstall misses the object."""
_NOUNS = {"crds": "definition", "base": "shared object"}


class Pair(msgspec.Struct, frozen=True):
    """One document and what is there in its place."""

    manifest: Manifest
    body: Obj
    live: Obj | None


class ApplyManifests(msgspec.Struct, frozen=True, kw_only=True, tag="apply-manifests", tag_field="step"):
    """Every document is applied, server-side and never forced; each object carries the digest of its document.

    An object whose annotation equals the document's digest is already so, whatever istiod has filled in since.

    Attributes:
        documents: In the order in which they are sent.
    """

    version: str
    revision: str
    part: Part
    documents: tuple[Manifest, ...]

    def observe(self, cluster: Reader) -> tuple[Pair, ...]:
        """Each document as the run directory has it, beside the object in its place.

        Raises:
            UpgradeError: UPG-0405: a file is missing, or is not the one that the plan was made from.
        """
        files: dict[str, list[Obj]] = {}
        for one in self.documents:
            if one.file not in files:
                files[one.file] = _documents(cluster, one.file)
        return tuple(Pair(one, _body(one, files[one.file]), cluster.get(one.ref)) for one in self.documents)

    def diff(self, seen: Sequence[Pair]) -> tuple[Change, ...]:
        """One apply (or update, where the object's owner writes updates) for each document that is not there yet.

        Raises:
            UpgradeError: UPG-0604: somebody made one of the objects since the plan was made.
        """
        return tuple(self._change(pair) for pair in seen if not _is_there(pair))

    def verify(self, cluster: Reader) -> Reading:
        """Whether the objects are as sent and, by part, served, settled, or rolled out on the new image."""
        seen = self.observe(cluster)
        try:
            gap = self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        if gap:
            first = next(pair for pair in seen if not _is_there(pair))
            return Reading.broken(
                f"{len(gap)} of {len(seen)} objects are not as {self.version} has them: {first.manifest.ref}"
            )
        readings = [self._one(cluster, pair) for pair in seen]
        return worst(
            readings, f"{counted(len(seen), _NOUNS.get(self.part, 'object'))} of {self.version} in place"
        )

    def title(self) -> str:
        """What changes, for plan and journal."""
        return (
            f"apply {self.part} of {self.version} ({len(self.documents)} objects, revision {self.revision})"
        )

    def _change(self, pair: Pair) -> Change:
        one, body = pair.manifest, self._marked(pair)
        if pair.live is None:
            return Create(one.ref, body, one.manager) if one.update else Apply(one.ref, body, one.manager)
        metadata = pair.live["metadata"]
        if not one.existed and MANIFEST_DIGEST not in (metadata.get("annotations") or {}):
            raise drift(
                str(one.ref),
                found=f"one that we did not make (uid {metadata['uid']})",
                expected="none, or ours",
            )
        if one.update:
            return Patch(one.ref, body, metadata["uid"], metadata["resourceVersion"], one.manager)
        return Apply(one.ref, body, one.manager)

    def _marked(self, pair: Pair) -> Obj:
        """The document with its digest, and with the owner labels of the object that it takes over."""
        metadata: Mapping[str, Any] = pair.body["metadata"]
        there = {} if pair.live is None else pair.live["metadata"].get("labels") or {}
        owner = {
            key: self.version if key == _VERSION else there[key] for key in _OWNER_LABELS if key in there
        }
        labels = owner | (metadata.get("labels") or {})
        annotations = (metadata.get("annotations") or {}) | {MANIFEST_DIGEST: pair.manifest.digest}
        marked = {**metadata, "annotations": annotations} | ({"labels": labels} if labels else {})
        return _with_istiods_part(pair) | {"metadata": marked}

    def _one(self, cluster: Reader, pair: Pair) -> Reading:
        """One object that is there: is it in effect?"""
        ref, live = pair.manifest.ref, pair.live or {}
        if ref.kind.kind == "CustomResourceDefinition":
            return _served(live)
        if ref.kind.kind != "Deployment":
            return Reading.holds(f"{ref} is there")
        if not settled(live):
            return Reading.pending(f"{ref} is not rolled out yet")
        if self.part == "ingress-gateway":
            image = proxy_image(pair.body)
            old = [w for pod in pods_of(cluster, live) if (w := wrong_with(pod, self.revision, image))]
            return Reading.pending(old[0]) if old else Reading.holds(f"{ref} runs {image}")
        return Reading.holds(f"{ref} is rolled out")


def _with_istiods_part(pair: Pair) -> Obj:
    """The document with what istiod has filled in since: it makes its validators strict, and lends webhooks its root.

    Sent as the chart has it, an apply conflicts with istiod's own update of ``failurePolicy`` (istio/istio 60497), and
    an update takes the caBundle away until istiod sees it.
    """
    body, live = pair.body, pair.live
    if live is None or "webhooks" not in body:
        return body
    there = {w.get("name"): w for w in live.get("webhooks") or ()}
    hooks = [_filled_in(w, there.get(w.get("name"), {}), pair.manifest) for w in body["webhooks"] or ()]
    return {**body, "webhooks": hooks}


def _filled_in(webhook: Obj, live: Obj, manifest: Manifest) -> Obj:
    policy = live.get("failurePolicy")
    strict = manifest.ref.kind == VALIDATING_WEBHOOK and policy
    filled = webhook | ({"failurePolicy": policy} if strict else {})
    bundle = (live.get("clientConfig") or {}).get("caBundle")
    if not manifest.update or not bundle:
        return filled
    return filled | {"clientConfig": {"caBundle": bundle} | dict(webhook.get("clientConfig") or {})}


def proxy_image(deployment: Obj) -> str:
    """Image of the proxy container of a pod template; empty when there is none."""
    containers = (template_of(deployment).get("spec") or {}).get("containers") or ()
    return next((str(c.get("image", "")) for c in containers if c.get("name") == PROXY), "")


def _is_there(pair: Pair) -> bool:
    annotations = {} if pair.live is None else pair.live["metadata"].get("annotations") or {}
    return annotations.get(MANIFEST_DIGEST) == pair.manifest.digest


def _served(definition: Obj) -> Reading:
    """Whether the API server answers for it."""
    name = definition["metadata"]["name"]
    conditions = (definition.get("status") or {}).get("conditions") or ()
    true = {c["type"] for c in conditions if c.get("status") == "True"}
    if {"Established", "NamesAccepted"} <= true:
        return Reading.holds(f"{name} is served")
    refused = next(
        (c for c in conditions if c["type"] == "NamesAccepted" and c.get("status") == "False"), None
    )
    if refused is not None:
        return Reading.broken(f"{name}: {refused.get('message') or refused.get('reason')}")
    return Reading.pending(f"{name} is not established yet")


def _documents(cluster: Reader, file: str) -> list[Obj]:
    data = cluster.saved(file)
    if data is None:
        raise _not_as_planned(file, "it is not in the run directory")
    try:
        return list(_unfolded(yaml.load_all(data, Loader=_LOADER)))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _not_as_planned(file, str(error).splitlines()[0]) from error


def _unfolded(found: Iterator[Any]) -> Iterator[Obj]:
    """The documents that are not empty; ``List`` kinds as their items."""
    for one in found:
        is_list = isinstance(one, dict) and str(one.get("kind", "")).endswith("List") and "items" in one
        yield from one["items"] or () if is_list else (one,) if one else ()


def _body(one: Manifest, found: Sequence[Obj]) -> Obj:
    if one.index >= len(found):
        raise _not_as_planned(
            one.file, f"it has {len(found)} documents, {one.ref} was number {one.index + 1}"
        )
    if digest(found[one.index]) != one.digest:
        raise _not_as_planned(one.file, f"{one.ref} is not what it was when the plan was made")
    return found[one.index]


def _not_as_planned(file: str, what: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0405",
        f"{file} is not the file that the plan was made from",
        what=(what,),
        why="only what was planned and reviewed is applied",
        do=("put the file back as it was and go on:  upgrade resume", "or plan anew:  upgrade plan"),
        exit_code=Exit.BAD_DATA,
    )
