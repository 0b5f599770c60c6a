"""Decides: snapshot, findings and playbook to a plan. Pure; what it needs to know is handed to it."""
