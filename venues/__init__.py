"""Translators between domain values and exchanges or chains. None of them decides or retries anything."""
