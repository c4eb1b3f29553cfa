"""Secrets that `surefill up` makes for this machine, when the settings have none."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from config.settings import Settings

_TOKEN_FILE, _SECRET_FILE = "operator-token", "webhook-secret"
_BYTES = 24


def make_missing(settings: Settings) -> Mapping[str, str]:
    """Environment variables for what is not set: made once, kept in files that only their owner can read."""
    made = {}
    if not settings.operator_token.get_secret_value():
        made["SUREFILL_OPERATOR_TOKEN"] = _read_or_make(settings.state_dir / _TOKEN_FILE)
    if not settings.webhook_api_key.get_secret_value():
        made["SUREFILL_WEBHOOK_API_KEY"] = _read_or_make(settings.state_dir / _SECRET_FILE)
    return made


def operator_token(settings: Settings) -> str | None:
    """The token that the settings have, or that `surefill up` made on this machine."""
    if token := settings.operator_token.get_secret_value():
        return token
    path = settings.state_dir / _TOKEN_FILE
    return path.read_text().strip() if path.exists() else None


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(_BYTES)
        file.write(secret + "\n")
    return secret
