"""`python -m tests.cluster.images`: builds the two servers' images, loads all that the suite runs.

CLUSTER_LOAD is the command that takes an image's name and loads it (`kind load docker-image`);
where it is empty the cluster is taken to share this machine's Docker. The two servers' images are
kept as archives in the user's cache folder.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster.archives import PREFIX, TAG, kept
from vitalstream_devstack import kafka_jars
from vitalstream_devstack.kafka_jars import JAVA, KAFKA_VERSION, kafka_classpath

HERE: Final = Path(__file__).parent
SERVICES: Final = ("producer", "consumer", "dashboard", "storage")
OURS: Final = [f"{PREFIX}{name}:{TAG}" for name in SERVICES]
NEXT: Final = f"{TAG}-next"
"""Tag of the release after this one: the same programs, which need one migration more."""
MIGRATED: Final = ("consumer", "storage")
"""Those of its images that differ; its dashboard is this one's, and reads newer tables."""
KAFKA: Final = f"vitalstream-test-kafka:{KAFKA_VERSION}"
POSTGRES: Final = "vitalstream-test-postgres:15"
JARS_LOCK: Final = Path(kafka_jars.__file__).with_name("kafka.lock")


def build() -> None:
    """Build the broker's and the database's image, and the next release's."""
    base = os.environ.get("DEBIAN_IMAGE")
    arguments = ["--build-arg", f"DEBIAN_IMAGE={base}"] if base else []
    kept(POSTGRES, [HERE / "postgres" / "Dockerfile"], lambda: _postgres(arguments))
    kept(KAFKA, [HERE / "kafka" / "Dockerfile", JARS_LOCK], lambda: _kafka(arguments))
    for name in MIGRATED:
        tag, ours = f"{PREFIX}{name}:{NEXT}", f"{PREFIX}{name}:{TAG}"
        docker_build(HERE / "next_release", tag, ["--build-arg", f"BASE={ours}"])


def _postgres(arguments: list[str]) -> None:
    docker_build(HERE / "postgres", POSTGRES, arguments)


def _kafka(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copytree(Path(kafka_classpath().rstrip("*")), context / "libs")
        shutil.copytree(JAVA.parents[1], context / "java", symlinks=True)
        shutil.copy(HERE / "kafka" / "Dockerfile", context)
        docker_build(context, KAFKA, arguments)


def docker_build(context: Path, tag: str, arguments: list[str]) -> None:
    """Build one image."""
    told = [*arguments, *shlex.split(os.environ.get("DOCKER_BUILD_ARGS", ""))]
    command = ["docker", "build", "--quiet", *told, "--tag", tag, str(context)]
    subprocess.run(command, check=True)


def load() -> None:
    """Load every image that the suite runs."""
    command = shlex.split(os.environ.get("CLUSTER_LOAD", ""))
    following = [f"{PREFIX}{name}:{NEXT}" for name in MIGRATED]
    for image in [*OURS, *following, KAFKA, POSTGRES] if command else []:
        subprocess.run([*command, image], check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Build, then load."""
    build()
    load()
    return 0


if __name__ == "__main__":
    sys.exit(main())
