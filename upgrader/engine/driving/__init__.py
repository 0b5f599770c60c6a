"""One step after the other: hands, patience, gates, several restarts at once."""
