"""One run through the chosen letters: taken, sent, marked, a transaction at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError

from vitalstream_consumer.replay.sender import Sender
from vitalstream_runtime.shutdown import Shutdown
from vitalstream_storage import replay
from vitalstream_storage.pool import Connection
from vitalstream_storage.replay import Choice, Place, Plan

_AT_ONCE: Final = 100  # letters a transaction: 100 MB at worst


@dataclass(slots=True)
class Tally:
    """What became of the letters.

    Attributes:
        sent: The broker has them, and they are marked.
        refused: The broker refuses them for what they are; they are not marked.
        example: The first of those, with the broker's reason.
    """

    sent: int = 0
    refused: int = 0
    example: str = ""


class Run:
    """Goes through the letters of a plan once.

    Args:
        connection: Idle, outside any transaction.
        sender: To their topic.
        choice: What was planned.
        plan: What came of it.
    """

    def __init__(self, connection: Connection, sender: Sender, choice: Choice, plan: Plan) -> None:
        self._connection = connection
        self._sender = sender
        self._choice = choice
        self._plan = plan
        self._last = replay.FIRST
        self.tally = Tally()

    def go(self, shutdown: Shutdown) -> None:
        """Send and mark until all is done, or it is asked to stop.

        Raises:
            KafkaStartupError: The broker takes nothing more; what it has taken is marked.
            StorageError: The last transaction failed; what it sent is not marked.
        """
        while not shutdown.requested and (count := self._room()):
            places, words = self._step(count)
            if not places:
                return
            self._last = places[-1]
            self._count(places, words)

    def _room(self) -> int:
        if self._choice.limit is None:
            return _AT_ONCE
        return min(_AT_ONCE, self._choice.limit - self.tally.sent - self.tally.refused)

    def _step(self, count: int) -> tuple[list[Place], list[KafkaError | None]]:
        """One transaction.

        A crash between acknowledgement and commit leaves letters unmarked. They are sent once
        more by the next run, and the consumer finds them to be duplicates, or bad again.
        """
        with replay.explained(self._connection), self._connection.transaction():
            letters = replay.take(
                self._connection, self._choice, self._plan.began, self._last, count
            )
            words = self._sender.send(letters)
            places = [letter.place for letter in letters]
            sent = [place for place, word in zip(places, words, strict=True) if word is None]
            replay.mark(self._connection, sent)
        return places, words

    def _count(self, places: Sequence[Place], words: Sequence[KafkaError | None]) -> None:
        refused = [(p, word) for p, word in zip(places, words, strict=True) if word is not None]
        self.tally.sent += len(places) - len(refused)
        for _, word in refused:
            trouble = self._sender.judge(word)
            if trouble:
                done = f"{self.tally.sent} of {self._plan.letters} were replayed"
                raise type(trouble)(f"{trouble}; {done}")
        self.tally.refused += len(refused)
        if refused and not self.tally.example:
            place, word = refused[0]
            self.tally.example = f"{place}: {word.str()}"
