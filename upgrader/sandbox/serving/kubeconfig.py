"""The file by which kubectl, helm and istioctl find the sandbox."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml


def write_kubeconfig(path: Path, url: str, context: str = "sandbox", *, token: str = "") -> None:
    """Write a configuration with one context; the file appears whole or not at all, readable by its owner only.

    Raises:
        OSError: the folder cannot be written.
    """
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": url}}],
        "users": [{"name": context, "user": {"token": token} if token else {}}],
        "contexts": [
            {"name": context, "context": {"cluster": context, "user": context, "namespace": "default"}}
        ],
        "current-context": context,
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, sort_keys=False)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
