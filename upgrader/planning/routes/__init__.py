"""How far a route leads on the cluster as it is, and what has to come first for the rest of it."""
