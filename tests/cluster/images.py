"""`python -m tests.cluster.images`: builds the two servers' images, loads all six into a cluster.

CLUSTER_LOAD is the command that takes an image's name and loads it (`kind load docker-image`);
where it is empty the cluster is taken to share this machine's Docker.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from vitalstream_devstack.kafka_jars import JAVA, KAFKA_VERSION, kafka_classpath

HERE: Final = Path(__file__).parent
PREFIX: Final = os.environ.get("IMAGE_PREFIX", "vitalstream-")
TAG: Final = os.environ.get("TAG", "dev")
OURS: Final = [f"{PREFIX}{name}:{TAG}" for name in ("producer", "consumer", "dashboard", "storage")]
KAFKA: Final = f"vitalstream-test-kafka:{KAFKA_VERSION}"
POSTGRES: Final = "vitalstream-test-postgres:15"


def build() -> None:
    """Build the broker's and the database's image."""
    base = os.environ.get("DEBIAN_IMAGE")
    arguments = ["--build-arg", f"DEBIAN_IMAGE={base}"] if base else []
    arguments += shlex.split(os.environ.get("DOCKER_BUILD_ARGS", ""))
    command = ["docker", "build", "--quiet", *arguments]
    subprocess.run([*command, "--tag", POSTGRES, str(HERE / "postgres")], check=True)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copytree(Path(kafka_classpath().rstrip("*")), context / "libs")
        shutil.copytree(JAVA.parents[1], context / "java", symlinks=True)
        shutil.copy(HERE / "kafka" / "Dockerfile", context)
        subprocess.run([*command, "--tag", KAFKA, folder], check=True)


def load() -> None:
    """Load every image that the suite runs."""
    command = shlex.split(os.environ.get("CLUSTER_LOAD", ""))
    for image in [*OURS, KAFKA, POSTGRES] if command else []:
        subprocess.run([*command, image], check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Build, then load."""
    build()
    load()
    return 0


if __name__ == "__main__":
    sys.exit(main())
