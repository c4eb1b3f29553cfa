"""Log lines: one event each, in the past tense, with its fields."""

import json
import logging

logger = logging.getLogger("exchange")


def log_event(name: str, /, **fields: object) -> None:
    if logger.isEnabledFor(logging.INFO):
        logger.info("%s", " ".join([name, *(f"{key}={_written(value)}" for key, value in fields.items())]))


def _written(value: object) -> str:
    text = str(value)
    return json.dumps(text) if not text or any(c.isspace() or not c.isprintable() for c in text) else text
