"""Who answers for a Service."""
