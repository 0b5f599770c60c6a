"""Questions about EnvoyFilters: they name parts of Envoy, and each hop brings another Envoy."""
