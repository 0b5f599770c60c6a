from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.checks.context import Context
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Snapshot


def tracing(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report revisions that are installed with different settings for tracing: traces break off between them.

    What a minor itself changes about tracing is told by its advisories.
    """
    left = sorted(moving(mesh, context) & mesh.mesh_configs.keys())
    if not left:
        return
    before = _settings(mesh.mesh_configs[left[0]])
    for plane in mesh.control_planes:
        config = mesh.mesh_configs.get(plane.revision)
        if config is None or plane.revision == left[0]:
            continue
        after = _settings(config)
        fields = [name for name in before if before[name] != after[name]]
        if fields:
            subject = f"revision {plane.revision}"
            yield Finding(
                code="UPG-0396",
                severity=Severity.ADVISORY,
                subject=subject,
                summary=f"{subject}: says {', '.join(fields)} otherwise than revision {left[0]}",
                what=tuple(
                    f"{f}: {_short(before[f])} of {left[0]}, {_short(after[f])} of {plane.revision}"
                    for f in fields
                ),
                why="spans of moved workloads go elsewhere, or are sampled otherwise, and one trace is in two pieces while waves are on their way",
                do=(
                    f"install {plane.revision} with the same meshConfig for tracing, unless the change is meant",
                ),
                objects=(f"revision {left[0]}", subject),
            )


def _settings(config: Obj) -> dict[str, Any]:
    proxies = config.get("defaultConfig")
    providers = config.get("defaultProviders")
    tracers = [p for p in config.get("extensionProviders") or () if isinstance(p, dict) and _traces(p)]
    return {
        "enableTracing": bool(config.get("enableTracing")),
        "defaultConfig.tracing": (proxies if isinstance(proxies, dict) else {}).get("tracing") or {},
        "defaultProviders.tracing": (providers if isinstance(providers, dict) else {}).get("tracing") or [],
        "extensionProviders for tracing": sorted(tracers, key=lambda p: str(p.get("name"))),
    }


def _traces(provider: Obj) -> bool:
    kinds = {"zipkin", "lightstep", "datadog", "opencensus", "skywalking", "opentelemetry", "stackdriver"}
    return bool(kinds & provider.keys())


def _short(value: Any) -> str:
    text = str(value) if value else "nothing"
    return text if len(text) <= 60 else f"{text[:57]}..."
