"""Letters to the broker, and what it says of each."""
# ruff: noqa: SLF001 -- the client's own error codes are public, for all their underscores

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation

from vitalstream_runtime.errors import (
    BrokerUnreachableError,
    KafkaStartupError,
    TopicMissingError,
    TopicNotAuthorizedError,
)
from vitalstream_runtime.kafka import client_options
from vitalstream_runtime.settings import KafkaSettings
from vitalstream_storage.replay import Letter

REPLAY_HEADER: Final = "replayed-from"
"""Header of a replayed record: topic id, partition and offset of its dead letter."""

_REQUEST_SECONDS: Final = 10.0
_DELIVERY_SECONDS: Final = 30.0
_WHEREVER: Final = -1  # what librdkafka calls PARTITION_UA: by the key
_FORBIDDEN = frozenset(
    {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
)
_GONE = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})
# These concern one record; any other error concerns all that follow.
_UNFIT = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
    }
)


class Sender:
    """Sends letters to KAFKA_TOPIC, each to the partition it was on, where that is still there.

    The partition is kept, not worked out from the key again, since the client that sent the
    record first may have spread its keys in another way.

    Raises:
        BrokerUnreachableError: No answer.
        TopicMissingError: There is no such topic.
        TopicNotAuthorizedError: The Kafka user may not see it.
    """

    def __init__(self, kafka: KafkaSettings, client_id: str) -> None:
        self._kafka = kafka
        self._client_id = client_id
        self._partitions = self._look()
        options = client_options(kafka, client_id) | {
            "enable.idempotence": True,
            "acks": "all",
            # A refusal falls on all that are sent together, so each goes alone, and however large
            # it is, the broker judges it.
            "batch.num.messages": 1,
            "message.max.bytes": 1_000_000_000,
            "delivery.timeout.ms": int(_DELIVERY_SECONDS * 1000),
        }
        self._producer = Producer(options)

    def send(self, letters: Sequence[Letter]) -> list[KafkaError | None]:
        """Send letters and wait for the broker's word on each: None if it has the letter."""
        unheard = KafkaError(KafkaError._MSG_TIMED_OUT)
        words: list[KafkaError | None] = [unheard] * len(letters)

        def note(number: int, error: KafkaError | None, _message: Any) -> None:
            words[number] = error

        for number, letter in enumerate(letters):
            try:
                self._hand_over(letter, partial(note, number))
            except KafkaException as error:
                words[number] = error.args[0]
        broken = self._settle()
        return [None if word is None else broken or word for word in words]

    def judge(self, word: KafkaError) -> KafkaStartupError | None:
        """What an error says of all letters; None if of that letter alone."""
        topic = f"KAFKA_TOPIC={self._kafka.topic}"
        if word.code() in _FORBIDDEN:
            return self._forbidden()
        if word.code() in _GONE:
            return TopicMissingError(f"{topic} does not exist")
        if word.code() in _UNFIT:
            return None
        return BrokerUnreachableError(f"{topic}: no acknowledgement: {word.str()}")

    def _hand_over(self, letter: Letter, note: Callable[..., None]) -> None:
        origin = (REPLAY_HEADER, str(letter.place).encode())
        headers = [header for header in letter.headers if header[0] != REPLAY_HEADER]
        there = letter.place.partition < self._partitions
        while True:
            try:
                self._producer.produce(
                    self._kafka.topic,
                    letter.payload,
                    letter.key,
                    letter.place.partition if there else _WHEREVER,
                    on_delivery=note,
                    headers=[*headers, origin],
                )
            except BufferError:
                self._producer.poll(0.2)
            else:
                return

    def _settle(self) -> KafkaError | None:
        """Wait for a word on all that was handed over; returns what broke the client, if so."""
        broken: KafkaError | None = None
        while len(self._producer):
            try:
                self._producer.flush(0.2)  # in short steps, between which signals are noticed
            except KafkaException as error:  # raised once, and nothing can be sent any more
                broken = error.args[0]
                self._producer.purge()
        return broken

    def _look(self) -> int:
        """Check that the user may write; returns how many partitions there are."""
        topic = self._kafka.topic
        admin = AdminClient(client_options(self._kafka, self._client_id))
        asked = admin.describe_topics(
            TopicCollection([topic]),
            include_authorized_operations=True,
            request_timeout=_REQUEST_SECONDS,
        )
        try:
            found = asked[topic].result()
        except KafkaException as error:
            word: KafkaError = error.args[0]
            raise self.judge(word) or BrokerUnreachableError(word.str()) from None
        rights = found.authorized_operations  # empty where the broker does not tell
        if rights and AclOperation.WRITE not in rights:
            raise self._forbidden()
        return len(found.partitions)

    def _forbidden(self) -> TopicNotAuthorizedError:
        who = self._kafka.sasl_username or "(no login)"
        return TopicNotAuthorizedError(
            f"KAFKA_TOPIC={self._kafka.topic}: KAFKA_SASL_USERNAME={who} may not write to it; "
            "replay with a Kafka user that has the right Write on the topic"
        )
