"""Pods: defaults, validation, and the diff that refuses an update."""
