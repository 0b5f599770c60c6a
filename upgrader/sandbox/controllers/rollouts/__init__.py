"""Deployments and their ReplicaSets over time."""
