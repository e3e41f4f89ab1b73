"""What the chart's values may say of the services' variables: the settings classes decide."""

from typing import Final

from pydantic_settings import BaseSettings

from vitalstream_consumer.settings import ConsumerSettings
from vitalstream_dashboard.settings import DashboardSettings, SignInSettings, StreamlitSettings
from vitalstream_producer.settings import ProducerSettings
from vitalstream_runtime.documentation import Variable
from vitalstream_runtime.settings import KafkaSettings, ServiceSettings, documented
from vitalstream_runtime.tracing import TracingSettings
from vitalstream_storage.settings import DatabaseSettings, MaintenanceSettings

CLASSES: Final[dict[str, list[type[BaseSettings]]]] = {
    "producer": [ServiceSettings, KafkaSettings, ProducerSettings, TracingSettings],
    "consumer": [
        ServiceSettings,
        KafkaSettings,
        DatabaseSettings,
        ConsumerSettings,
        TracingSettings,
    ],
    "dashboard": [
        ServiceSettings,
        DatabaseSettings,
        DashboardSettings,
        SignInSettings,
        StreamlitSettings,
    ],
    "migrations": [ServiceSettings, DatabaseSettings],
    "maintenance": [ServiceSettings, DatabaseSettings, MaintenanceSettings],
    "replay": [ServiceSettings, KafkaSettings, DatabaseSettings],
}
"""What each part of the chart reads; the keys are those of values.yaml."""

SET_BY_THE_CHART: Final = {
    "OPS_PORT", "LOG_LEVEL", "LOG_FORMAT", "LOG_ID_KEY",
    "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC", "KAFKA_TOPIC_CREATE", "KAFKA_TOPIC_PARTITIONS",
    "KAFKA_TOPIC_REPLICATION_FACTOR", "KAFKA_GROUP_ID", "KAFKA_GROUP_PROTOCOL",
    "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD", "KAFKA_SSL_CA_LOCATION",
    "PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
}  # fmt: skip
"""Variables that templates write, each from a value of its own."""

NOT_IN_A_POD: Final = {
    "OPS_HOST": "a probe reaches a pod by its own address, which the default listens on",
    "STREAMLIT_SERVER_ADDRESS": "likewise",
    "STREAMLIT_SERVER_PORT": "Service and policies count on the default",
    "DATABASE_URL": "the PG* variables say the same, the password apart",
}
"""Variables that the chart leaves alone, and why."""

NOT_OURS: Final = {
    "SECRETS_DIR": "read by the settings classes themselves",
    "PGTARGETSESSIONATTRS": "read by libpq",
    "PYTHONPATH": "read by Python, in development",
    "KEDA_SASL_USERNAME": "read by KEDA out of the pod's specification",
}
"""Variables that templates write and no settings class has, and who reads them."""


def free(part: str, *, secret: bool) -> list[Variable]:
    """The variables of a part of the chart that a user may set, or mount where they are secret."""
    return [
        variable
        for settings in CLASSES[part]
        for variable in documented(settings)
        if variable.secret == secret and not {*SET_BY_THE_CHART, *NOT_IN_A_POD} & {*variable.names}
    ]
