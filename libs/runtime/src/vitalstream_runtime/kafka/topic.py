"""The topic: its id, its creation, and what to do where neither is allowed."""

import time
from typing import Any
from uuid import UUID

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from vitalstream_runtime.errors import (
    BrokerUnreachableError,
    TopicMissingError,
    TopicNotAuthorizedError,
)
from vitalstream_runtime.kafka.options import client_options
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.shutdown import Shutdown

_log = structlog.get_logger(__name__)
_REQUEST_SECONDS = 15.0
_UNAUTHORIZED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


def topic_id(source: AdminClient | KafkaSettings, topic: str) -> UUID:
    """The broker's id of a topic; another one after it was deleted and created again.

    Raises:
        TopicMissingError: there is no such topic.
        TopicNotAuthorizedError: the Kafka user may not describe it.
        BrokerUnreachableError: no answer in time.
    """
    return _uuid(_describe(_admin(source), topic))


def ensure_topic(
    settings: KafkaSettings, partitions: int | None = None, *, client_id: str = "vitalstream-setup"
) -> UUID:
    """Make sure that KAFKA_TOPIC exists, creating it where KAFKA_TOPIC_CREATE and rights allow.

    Args:
        settings: the topic, its partitions and replicas.
        partitions: instead of KAFKA_TOPIC_PARTITIONS; an existing topic is left as it is.
        client_id: shown in the broker's logs.

    Returns:
        The topic's id.

    Raises:
        TopicMissingError: it is missing and must not be, or cannot be, created.
        TopicNotAuthorizedError: the Kafka user may neither describe nor create it.
        BrokerUnreachableError: no answer in time.
    """
    admin = AdminClient(client_options(settings, client_id))
    topic = settings.topic
    try:
        return topic_id(admin, topic)
    except TopicMissingError as missing:
        if not settings.topic_create:
            raise TopicMissingError(
                f"KAFKA_TOPIC={topic} does not exist and KAFKA_TOPIC_CREATE=false; create it with "
                f"{partitions or settings.topic_partitions} partitions"
            ) from missing
    wanted = NewTopic(
        topic,
        num_partitions=partitions or settings.topic_partitions,
        replication_factor=settings.topic_replication_factor,
    )
    try:
        admin.create_topics([wanted], request_timeout=_REQUEST_SECONDS)[topic].result()
    except KafkaException as error:
        code, text = error.args[0].code(), error.args[0].str()
        if code in _UNAUTHORIZED:
            raise TopicNotAuthorizedError(
                f"KAFKA_TOPIC={topic} does not exist and KAFKA_SASL_USERNAME="
                f"{settings.sasl_username} may not create it: {text}; create the topic, or grant "
                "Create on it"
            ) from error
        if code != KafkaError.TOPIC_ALREADY_EXISTS:
            raise TopicMissingError(
                f"KAFKA_TOPIC={topic} does not exist and could not be created: {text}"
            ) from error
    else:
        _log.info("topic_created", topic=topic, partitions=wanted.num_partitions)
    return _await_id(admin, topic)


def wait_for_topic(  # noqa: PLR0913 - each of the service's organs takes part
    settings: KafkaSettings,
    *,
    client_id: str = "vitalstream-setup",
    shutdown: Shutdown | None = None,
    readiness: Readiness | None = None,
    heartbeat: Heartbeat | None = None,
    give_up_after: float | None = None,
) -> UUID | None:
    """`ensure_topic`, waiting for somebody else to create what must not be created here.

    Readiness ``topic`` is false meanwhile. Returns the topic's id, None if asked to stop before.

    Raises:
        TopicMissingError: still missing after ``give_up_after`` seconds.
        TopicNotAuthorizedError: the Kafka user may not create it, or not describe it.
    """
    deadline = None if give_up_after is None else time.monotonic() + give_up_after
    while not (shutdown and shutdown.requested):
        if heartbeat:
            heartbeat.beat()
        try:
            found = ensure_topic(settings, client_id=client_id)
        except TopicMissingError as error:
            if deadline is not None and time.monotonic() >= deadline:
                raise
            if readiness:
                readiness.set("topic", str(error))
            _log.warning("topic_waiting", topic=settings.topic, reason=str(error))
        else:
            if readiness:
                readiness.set("topic", None)
            return found
        if shutdown:
            shutdown.wait(5.0)
        else:
            time.sleep(5.0)
    return None


def _admin(source: AdminClient | KafkaSettings) -> AdminClient:
    if isinstance(source, AdminClient):
        return source
    return AdminClient(client_options(source, "vitalstream-setup"))


def _describe(admin: AdminClient, topic: str) -> Any:
    asked = admin.describe_topics(TopicCollection([topic]), request_timeout=_REQUEST_SECONDS)
    try:
        return asked[topic].result()
    except KafkaException as error:
        code, text = error.args[0].code(), error.args[0].str()
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicMissingError(f"topic {topic} does not exist") from error
        if code in _UNAUTHORIZED:
            raise TopicNotAuthorizedError(
                f"topic {topic}: the Kafka user may not describe it; grant Describe: {text}"
            ) from error
        raise BrokerUnreachableError(f"topic {topic} could not be described: {text}") from error


def _await_id(admin: AdminClient, topic: str) -> UUID:
    """A new topic takes a moment to reach every broker."""
    deadline = time.monotonic() + _REQUEST_SECONDS
    while True:
        try:
            return topic_id(admin, topic)
        except TopicMissingError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _uuid(description: Any) -> UUID:
    half = (1 << 64) - 1
    identity = description.topic_id
    high = identity.get_most_significant_bits() & half
    return UUID(int=high << 64 | identity.get_least_significant_bits() & half)
