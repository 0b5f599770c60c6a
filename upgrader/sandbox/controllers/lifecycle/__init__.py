"""How definitions, namespaces and owned objects come and go."""
