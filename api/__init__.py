"""The door through which alerts and operators come in."""
