"""The compose file, and what `init` makes at the first start."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.compose import DEPLOY, Compose, read_compose


@pytest.fixture(scope="session")
def compose() -> Compose:
    return read_compose()


@dataclass(frozen=True)
class Made:
    """The folders that `init` fills."""

    passwords: Path
    home: Path
    exchange: Path

    def run(self) -> None:
        """Run `init`, for the user of this test instead of the image's."""
        told = {"PASSWORDS": self.passwords, "HOME_OF_SUREFILL": self.home, "EXCHANGE_FOLDERS": self.exchange}
        environ = {name: str(path) for name, path in told.items()} | {"OWNER": f"{os.getuid()}:{os.getgid()}"}
        subprocess.run(["sh", DEPLOY / "init.sh"], env={**os.environ, **environ}, check=True, capture_output=True)

    @property
    def dotenv(self) -> Path:
        return self.home / ".env"

    def everything(self) -> dict[str, str]:
        files = [*self.passwords.iterdir(), *self.home.iterdir()]
        return {path.name: path.read_text() for path in files}


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A first start."""
    folders = Made(tmp_path / "passwords", tmp_path / "home", tmp_path / "exchange")
    for folder in (folders.passwords, folders.home, folders.exchange):
        folder.mkdir()
    folders.run()
    return folders
