"""enhancement."""
