"""``pods/portforward``: connections to ports of pods, in every protocol that clients of an API server speak."""
