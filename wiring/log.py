"""The log: one line for each event, with fields."""

import logging
import sys
import time


def set_up_log(level: str) -> None:
    """Write log lines to standard error, times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They log every request at INFO, addresses included, or say what we say ourselves.
    for chatty in ("httpx", "httpcore", "uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
