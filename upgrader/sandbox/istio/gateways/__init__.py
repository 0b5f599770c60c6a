"""Gateways that istiod deploys: who owns one, what is made of it, what its status says."""

from __future__ import annotations

from upgrader.sandbox.istio.gateways.acting import Emptied, Fight, Gateways
from upgrader.sandbox.istio.gateways.ownership import CLASSES, GROUP, gateway_version, is_owner

__all__ = ["CLASSES", "GROUP", "Emptied", "Fight", "Gateways", "gateway_version", "is_owner"]
