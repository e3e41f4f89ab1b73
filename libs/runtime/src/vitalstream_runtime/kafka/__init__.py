"""Reaching Kafka: client options, waiting for the broker, the topic and its id."""

from vitalstream_runtime.errors import (
    AuthenticationError,
    BrokerCertificateError,
    BrokerUnreachableError,
    KafkaStartupError,
    TopicMissingError,
    TopicNotAuthorizedError,
)
from vitalstream_runtime.kafka.broker import wait_for_broker
from vitalstream_runtime.kafka.options import client_options
from vitalstream_runtime.kafka.topic import ensure_topic, topic_id, wait_for_topic

__all__ = [
    "AuthenticationError",
    "BrokerCertificateError",
    "BrokerUnreachableError",
    "KafkaStartupError",
    "TopicMissingError",
    "TopicNotAuthorizedError",
    "client_options",
    "ensure_topic",
    "topic_id",
    "wait_for_broker",
    "wait_for_topic",
]
