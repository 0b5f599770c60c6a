"""How istiods are asked before a write: which webhook, whether it can be reached, and what it says."""
