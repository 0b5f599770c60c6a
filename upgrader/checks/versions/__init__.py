"""Which release comes after which, and what must go with it: age of the catalog, floors, skew, flags, registries."""
