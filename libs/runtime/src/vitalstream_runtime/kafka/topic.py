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
from vitalstream_runtime.kafka.options import client_options, readable
from vitalstream_runtime.ops import Heartbeat, Readiness
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_runtime.waiting import Waiting

_log = structlog.get_logger(__name__)
_REQUEST_SECONDS = 5.0
_REFUSALS = 3
_UNAUTHORIZED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)
_UNREACHABLE = (
    KafkaError._TIMED_OUT,  # noqa: SLF001 - public, for all its underscore
    KafkaError._TRANSPORT,  # noqa: SLF001
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
        TopicMissingError: it is missing and must not be, may not be, or cannot be created.
        TopicNotAuthorizedError: the Kafka user may not describe it.
        BrokerUnreachableError: no answer in time.
    """
    admin = AdminClient(client_options(settings, client_id))
    try:
        return topic_id(admin, settings.topic)
    except TopicMissingError as missing:
        wanted = partitions or settings.topic_partitions
        if not settings.topic_create:
            raise TopicMissingError(
                f"KAFKA_TOPIC={settings.topic} does not exist and KAFKA_TOPIC_CREATE=false; "
                f"create it with {wanted} partitions"
            ) from missing
    _create(admin, settings, wanted)
    return _await_id(admin, settings.topic)


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
        BrokerUnreachableError: no answer for ``give_up_after`` seconds.
        TopicNotAuthorizedError: the Kafka user was several times found not to have the right.
    """
    waiting = Waiting("topic", shutdown, readiness, heartbeat, give_up_after, pause_seconds=2.0)
    refusals = 0
    while waiting.goes_on():
        try:
            found = ensure_topic(settings, client_id=client_id)
        except (TopicMissingError, BrokerUnreachableError, TopicNotAuthorizedError) as error:
            refusals += isinstance(error, TopicNotAuthorizedError)
            if waiting.expired or refusals >= _REFUSALS:
                raise
            waiting.because(str(error))
        else:
            waiting.over()
            return found
    return None


def _create(admin: AdminClient, settings: KafkaSettings, partitions: int) -> None:
    topic = settings.topic
    wanted = NewTopic(
        topic, num_partitions=partitions, replication_factor=settings.topic_replication_factor
    )
    try:
        admin.create_topics([wanted], request_timeout=_REQUEST_SECONDS)[topic].result()
    except KafkaException as error:
        code, text = error.args[0].code(), readable(error.args[0].str())
        if code in _UNAUTHORIZED:
            text = f"KAFKA_SASL_USERNAME={settings.sasl_username} lacks the right Create"
        if code in _UNREACHABLE:
            raise BrokerUnreachableError(f"KAFKA_TOPIC={topic}: no answer: {text}") from error
        if code != KafkaError.TOPIC_ALREADY_EXISTS:
            raise TopicMissingError(
                f"KAFKA_TOPIC={topic} does not exist and could not be created: {text}; "
                f"create it with {partitions} partitions"
            ) from error
    else:
        _log.info("topic_created", topic=topic, partitions=partitions)


def _admin(source: AdminClient | KafkaSettings) -> AdminClient:
    if isinstance(source, AdminClient):
        return source
    return AdminClient(client_options(source, "vitalstream-setup"))


def _describe(admin: AdminClient, topic: str) -> Any:
    asked = admin.describe_topics(TopicCollection([topic]), request_timeout=_REQUEST_SECONDS)
    try:
        return asked[topic].result()
    except KafkaException as error:
        code, text = error.args[0].code(), readable(error.args[0].str())
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicMissingError(f"KAFKA_TOPIC={topic} does not exist") from error
        if code in _UNAUTHORIZED:
            raise TopicNotAuthorizedError(
                f"KAFKA_TOPIC={topic}: the user lacks the right Describe, grant it: {text}"
            ) from error
        raise BrokerUnreachableError(f"KAFKA_TOPIC={topic}: no answer: {text}") from error


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
