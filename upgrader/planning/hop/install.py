"""The new control plane beside the old one."""

from __future__ import annotations

from upgrader.model.manifest import Part
from upgrader.model.step import counted
from upgrader.planning.hop.documents import manifests, there_already
from upgrader.planning.hop.gates import case_of_new, probe_round
from upgrader.planning.hop.stage import Draft
from upgrader.probes import AnyProbe, ConfigAccepted, ControlPlaneReady, Injects, Validates
from upgrader.steps import ApplyManifests, BackUp

_APPLIED_AGAIN: tuple[Part, ...] = ("base", "control-plane")
_WORDS: dict[Part, str] = {
    "crds": "apply {things} of {version}",
    "base": "apply {things} of {version}",
    "control-plane": "install istiod revision {new} beside {old}",
}
_NOUNS: dict[Part, str] = {"crds": "shared resource definition", "base": "shared object"}


def back_up(draft: Draft) -> None:
    """Look once, expecting what is; then copy everything a restore could need."""
    draft.gate("gate: before anything, injection and webhooks are as expected", probe_round(draft))
    count = len(draft.inputs.mesh.resources)
    things = counted(count, "Istio and Gateway API object")
    folder = f"backup/h{draft.inputs.number}"
    again = [ref for part in _APPLIED_AGAIN for ref in there_already(draft, part)]
    draft.add(
        "b",
        f"back up {things}, webhooks, tags and labels" if count else "back up webhooks, tags and labels",
        BackUp(
            folder=folder,
            revision=draft.old,
            root_namespace=draft.inputs.mesh.root_namespace,
            also=tuple(sorted(again)),
        ),
    )
    draft.close("backup", "backup")


def install(draft: Draft) -> None:
    """Definitions, shared objects and the control plane, each as one step; then prove that it injects."""
    for part in _WORDS:
        apply_part(draft, part)
    root, version = draft.inputs.mesh.root_namespace, draft.inputs.release.version
    probes: list[AnyProbe] = [ControlPlaneReady(revision=draft.new, version=version, root_namespace=root)]
    if found := case_of_new(draft):
        probes.append(Injects(cases=found))
    probes.append(Validates(namespace=root, strict=False, labels={"istio.io/rev": draft.new}))
    probes.append(ConfigAccepted(revision=draft.new, old=draft.old, root_namespace=root))
    draft.gate(
        f"gate: istiod {draft.new} ready, injects by dry run; the mesh is as before",
        (*probes, *probe_round(draft)),
    )
    draft.close("install", "install")


def apply_part(draft: Draft, part: Part) -> bool:
    """Add the step for one part of the release; False when the manifests have none."""
    documents = manifests(draft, part)
    if not documents:
        return False
    release = draft.inputs.release
    adopted = part == "control-plane" and draft.new in draft.forecast.versions
    words = "keep istiod revision {new}, which is there already" if adopted else _WORDS.get(part, "")
    title = (words or "ingress gateway of istioctl, in place: {source} -> {version}").format(
        things=counted(len(documents), _NOUNS.get(part, "object")),
        version=release.version,
        new=draft.new,
        old=draft.old,
        source=draft.inputs.source,
    )
    step = ApplyManifests(version=release.version, revision=draft.new, part=part, documents=documents)
    draft.add("+", title, step)
    return True
