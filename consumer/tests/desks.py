"""A desk for tests, what happens to it, and lanes that ask it for work."""

import threading
import uuid

from consumer.tests.chunks import chunk
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.ownership import Position
from vitalstream_consumer.work import Claim, Work, Write

TOPIC = uuid.UUID(int=1)
SURVEY_SECONDS = 1_000.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


class Asking(threading.Thread):
    """A lane that asks for one work."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(daemon=True)
        self._desk = desk
        self._work: Work | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        self._work = self._desk.next_work()

    @property
    def waits(self) -> bool:
        """Whether there is nothing to do for it."""
        self.join(0.1)
        return self.is_alive()

    @property
    def work(self) -> Work | None:
        """What it was given."""
        self.join(60)
        assert not self.is_alive(), "there is nothing to do"
        return self._work


def claim(desk: Desk, *partitions: int, offset: int = 0, topic_id: uuid.UUID = TOPIC) -> None:
    """Have the group give partitions and a lane claim them."""
    desk.assign(partitions)
    work = desk.next_work()
    assert isinstance(work, Claim)
    desk.claimed(work, dict.fromkeys(partitions, Position(topic_id, offset, None)))


def put(desk: Desk, partition: int, first: int, records: int = 1) -> None:
    """Bring records read under the current claim."""
    generation, _ = desk.reading()[partition]
    desk.put(chunk(partition, first, records, generation=generation))


def write(desk: Desk) -> Write:
    """Take a work that must be a write."""
    work = Asking(desk).work
    assert isinstance(work, Write)
    return work


def offsets(work: Write) -> list[tuple[int, int]]:
    """Partition and first offset of what is to be written."""
    return [(each.partition, each.expected_offset) for each in work.chunks]
