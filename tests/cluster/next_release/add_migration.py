"""Runs while an image is built: puts next.sql after the last migration of what is installed."""

import shutil
from pathlib import Path

import vitalstream_storage
from vitalstream_storage.migrate import REQUIRED_VERSION

migrations = Path(vitalstream_storage.__file__).with_name("migrations")
name = f"{REQUIRED_VERSION + 1:04}_next.sql"
shutil.copy(Path(__file__).with_name("next.sql"), migrations / name)
