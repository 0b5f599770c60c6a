"""A plan for people, for a review and for scripts."""
