"""The rivals' jars: Kafka Connect with Debezium's JDBC sink, locked as Kafka's own are.

python -m tests.benchmarks.rivals.jars   writes the lock anew
"""

from pathlib import Path

from vitalstream_devstack.kafka_jars import KAFKA_VERSION, locked_classpath, write_lock

DEBEZIUM_VERSION = "3.5.0.Final"
_ENDPOINT = "+".join(
    [
        # All of them by name: Debezium's parent would choose older ones.
        *(
            f"org.apache.kafka:{name}:{KAFKA_VERSION}"
            for name in (
                "connect-runtime", "connect-json", "connect-api", "connect-transforms",
                "kafka-clients",
            )
        ),
        f"io.debezium:debezium-connector-jdbc:{DEBEZIUM_VERSION}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
    ]
)  # fmt: skip
# Drivers of databases that are not measured.
_NOT_WANTED = ("com.oracle.", "com.microsoft.", "com.mysql:", "org.mariadb.")
_LOCK = Path(__file__).with_name("rivals.lock")


def classpath() -> str:
    """What `java -cp` needs; downloaded by the first call."""
    return locked_classpath(f"rivals-{DEBEZIUM_VERSION}", _LOCK.read_text())


def _write() -> None:
    write_lock(_LOCK, _ENDPOINT)
    lines = _LOCK.read_text().splitlines(keepends=True)
    _LOCK.write_text("".join(line for line in lines if not line.startswith(_NOT_WANTED)))


if __name__ == "__main__":
    _write()
