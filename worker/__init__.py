"""The door through which Temporal's tasks come in."""
