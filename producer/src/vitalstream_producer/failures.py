"""Why a record was not acknowledged, in few words."""
# ruff: noqa: SLF001 -- the client's own error codes are public, for all their underscores

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from confluent_kafka import KafkaError


class Failure(StrEnum):
    """Why a record was not acknowledged: the values of the label `reason`."""

    TIMED_OUT = "timed_out"
    TOPIC_UNKNOWN = "topic_unknown"
    TOO_LARGE = "too_large"
    NOT_AUTHORIZED = "not_authorized"
    REJECTED = "rejected"
    CLIENT_BROKEN = "client_broken"
    OTHER = "other"


_FAILURES: Final[Mapping[int, Failure]] = {
    KafkaError._MSG_TIMED_OUT: Failure.TIMED_OUT,
    KafkaError._TIMED_OUT: Failure.TIMED_OUT,
    KafkaError.REQUEST_TIMED_OUT: Failure.TIMED_OUT,
    KafkaError.UNKNOWN_TOPIC_OR_PART: Failure.TOPIC_UNKNOWN,
    KafkaError._UNKNOWN_TOPIC: Failure.TOPIC_UNKNOWN,
    KafkaError._UNKNOWN_PARTITION: Failure.TOPIC_UNKNOWN,
    KafkaError.MSG_SIZE_TOO_LARGE: Failure.TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE: Failure.TOO_LARGE,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Failure.NOT_AUTHORIZED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Failure.NOT_AUTHORIZED,
    KafkaError.INVALID_MSG: Failure.REJECTED,
    KafkaError.INVALID_MSG_SIZE: Failure.REJECTED,
    KafkaError.INVALID_RECORD: Failure.REJECTED,
    KafkaError.INVALID_TIMESTAMP: Failure.REJECTED,
    KafkaError.POLICY_VIOLATION: Failure.REJECTED,
    # A client that has said one of these says it of everything that follows.
    KafkaError._FATAL: Failure.CLIENT_BROKEN,
    KafkaError._INCONSISTENT: Failure.CLIENT_BROKEN,
    KafkaError._PURGE_QUEUE: Failure.CLIENT_BROKEN,
    KafkaError._PURGE_INFLIGHT: Failure.CLIENT_BROKEN,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER: Failure.CLIENT_BROKEN,
    KafkaError.INVALID_PRODUCER_EPOCH: Failure.CLIENT_BROKEN,
    KafkaError.UNKNOWN_PRODUCER_ID: Failure.CLIENT_BROKEN,
}


def reason_of(error: KafkaError) -> Failure:
    """Name the reason of an error."""
    if error.fatal() and error.code() not in _FAILURES:
        return Failure.CLIENT_BROKEN
    return _FAILURES.get(error.code(), Failure.OTHER)
