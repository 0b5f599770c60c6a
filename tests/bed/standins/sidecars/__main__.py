"""``python -m tests.bed.standins.sidecars``."""

from __future__ import annotations

from tests.bed.standins.sidecars.serving import main

main()
