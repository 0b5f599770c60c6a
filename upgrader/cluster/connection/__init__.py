"""Connections below single requests: their troubles, WebSockets, and ports of pods that are forwarded through them."""
