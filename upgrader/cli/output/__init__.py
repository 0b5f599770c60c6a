"""What the user sees: results, progress, the event stream."""
