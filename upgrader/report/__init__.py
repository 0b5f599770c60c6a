"""Plans, events and errors as words; everything shown is folded from what is stored."""
