"""Reading the settings, once, at the start of a command."""

import os
from pathlib import Path

from config.loading import Loaded, SettingsError, load
from config.settings import Settings

_DOTENV = Path(".env")


def load_or_exit() -> Loaded:
    """The settings and where they come from; what is wrong with them ends the command."""
    try:
        return load(os.environ, _DOTENV if _DOTENV.exists() else None)
    except SettingsError as error:
        raise SystemExit(str(error)) from error


def settings_or_exit() -> Settings:
    """The settings."""
    return load_or_exit().settings
