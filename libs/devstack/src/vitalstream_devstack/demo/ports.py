"""Which ports the demo takes: those a person set, else the usual ones, else free ones."""

from dataclasses import dataclass

from vitalstream_devstack.demo.settings import DemoSettings, ReusedSettings
from vitalstream_devstack.ports import free_port, require_free, take


@dataclass(frozen=True)
class Ports:
    """One port on 127.0.0.1 for each thing that listens."""

    kafka: int
    postgres: int
    page: int
    producer: int
    consumer: int
    dashboard: int


def choose(settings: DemoSettings, reused: ReusedSettings) -> Ports:
    """Decide, before anything starts.

    Raises:
        PortTakenError: One that was set is in use.
    """
    return Ports(
        kafka=_one(settings.kafka_port, "DEMO_KAFKA_PORT", usual=9092),
        postgres=_one(settings.postgres_port, "DEMO_POSTGRES_PORT", usual=5432),
        page=_one(reused.streamlit_server_port, "STREAMLIT_SERVER_PORT", usual=8501),
        producer=_one(settings.producer_ops_port, "DEMO_PRODUCER_OPS_PORT"),
        consumer=_one(settings.consumer_ops_port, "DEMO_CONSUMER_OPS_PORT"),
        dashboard=_one(settings.dashboard_ops_port, "DEMO_DASHBOARD_OPS_PORT"),
    )


def _one(chosen: int | None, variable: str, usual: int | None = None) -> int:
    if chosen is not None:
        require_free(chosen, variable)
        return chosen
    return usual if usual is not None and take(usual) else free_port()
