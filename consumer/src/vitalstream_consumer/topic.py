"""What the broker says of the topic: its id, and where each partition's log begins and ends."""

from collections.abc import Collection
from typing import Final, NamedTuple
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, TopicPartition

# Documented and exported, but left out of the stubs, and without annotations.
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from vitalstream_runtime.kafka import (
    BrokerUnreachableError,
    TopicMissingError,
    TopicNotAuthorizedError,
    client_options,
    topic_id,
)
from vitalstream_runtime.settings import KafkaSettings

_REQUEST_SECONDS: Final = 10.0
_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_END: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_UNAUTHORIZED: Final = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


class Bounds(NamedTuple):
    """One partition's log.

    Attributes:
        earliest: The first offset that the broker still has.
        end: The offset after the last record.
    """

    earliest: int
    end: int


class View(NamedTuple):
    """The topic at one moment."""

    topic_id: UUID
    bounds: dict[int, Bounds]


class Topic:
    """Asks the broker; any thread may.

    Args:
        settings: Where the broker is, and the topic's name.
        client_id: Shown in the broker's logs.
    """

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self.name = settings.topic
        self._admin = AdminClient(client_options(settings, client_id))

    def look(self, partitions: Collection[int]) -> View:
        """The topic's id and the bounds of some partitions, all asked for after this call began.

        Raises:
            BrokerUnreachableError: No answer in time, or a partition without a leader.
            TopicMissingError: There is no such topic.
            TopicNotAuthorizedError: The Kafka user may not describe it.
        """
        found = topic_id(self._admin, self.name)
        earliest = self._offsets(partitions, _EARLIEST)
        ends = self._offsets(partitions, _END)
        self._admin.poll(0)
        if topic_id(self._admin, self.name) != found:
            raise BrokerUnreachableError(f"KAFKA_TOPIC={self.name} was just created anew")
        return View(found, {p: Bounds(earliest[p], ends[p]) for p in partitions})

    def _offsets(self, partitions: Collection[int], spec: OffsetSpec) -> dict[int, int]:
        if not partitions:
            return {}
        wanted = {TopicPartition(self.name, partition): spec for partition in partitions}
        answers = self._admin.list_offsets(wanted, request_timeout=_REQUEST_SECONDS)
        try:
            return {each.partition: answer.result().offset for each, answer in answers.items()}
        except KafkaException as error:
            raise self._explained(error.args[0]) from error

    def _explained(self, error: KafkaError) -> Exception:
        line = f"KAFKA_TOPIC={self.name}: its offsets could not be asked for: {error.str()}"
        if error.code() in _UNAUTHORIZED:
            return TopicNotAuthorizedError(f"{line}; grant Describe on the topic")
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return TopicMissingError(line)
        return BrokerUnreachableError(line)
