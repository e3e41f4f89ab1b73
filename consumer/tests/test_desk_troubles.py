"""What a desk makes of failed writes, foreign claims, and logs that end in holes."""

from consumer.tests.desks import TOPIC, Clock, claim, put, write
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.log_ends import Progress
from vitalstream_consumer.ownership import Position
from vitalstream_consumer.work import Claim


def test_what_the_group_has_taken_meanwhile_is_no_news(desk: Desk) -> None:
    """Its next owner's token in the ledger is as it should be."""
    claim(desk, 0, offset=5)
    quiet = desk.surveyed(TOPIC, {0: 5})
    desk.withdraw([0], 0)
    assert desk.compared(quiet, {}) == []


def test_holes_behind_what_is_written_are_no_lag(desk: Desk) -> None:
    """As long as the ledger stands before them, and the log ends with them."""
    claim(desk, 0, offset=5)
    ((generation, _),) = desk.reading().values()
    desk.passed(0, generation - 1, 5, 11)
    assert desk.surveyed(TOPIC, {0: 11})[0].log_end == 11
    desk.passed(0, generation, 5, 11)
    assert desk.surveyed(TOPIC, {0: 11})[0].log_end == 5
    assert desk.progress()[0] == Progress(True, 5, 11, 5)  # noqa: FBT003
    assert desk.surveyed(TOPIC, {0: 12})[0].log_end == 12
    put(desk, 0, 5, records=7)
    desk.written(write(desk))
    assert desk.surveyed(TOPIC, {0: 12})[0].log_end == 12
    assert desk.progress()[0] == Progress(True, 12, 12, 12)  # noqa: FBT003


def test_holes_are_forgotten_with_the_claim(desk: Desk, clock: Clock) -> None:
    """A ledger that was rewound is read again from where it stands."""
    claim(desk, 0, offset=5)
    ((generation, _),) = desk.reading().values()
    desk.passed(0, generation, 5, 11)
    desk.unreadable(0, generation, truncated=False)
    clock.now += 1
    work = desk.next_work()
    assert isinstance(work, Claim)
    desk.claimed(work, {0: Position(TOPIC, 5, None)})
    assert desk.surveyed(TOPIC, {0: 11})[0].log_end == 11


def test_a_failed_write_is_followed_by_a_smaller_one(desk: Desk, clock: Clock) -> None:
    """Half of it at most, down to one record; what is written lets them grow again, slowly."""
    claim(desk, 0)
    sizes = []
    for _ in range(5):
        put(desk, 0, 0, records=desk.limits.records)
        work = write(desk)
        sizes.append(sum(each.records for each in work.chunks))
        desk.failed(work)
        assert desk.backlog_records == 0
        clock.now += 60
        again = desk.next_work()
        assert isinstance(again, Claim)
        desk.claimed(again, {0: Position(TOPIC, 0, None)})
    assert sizes == [10, 5, 2, 1, 1]
    grown = []
    for first in range(7):
        grown.append(desk.limits.records)
        put(desk, 0, first)
        desk.written(write(desk))
    assert grown == [1, 2, 3, 4, 6, 8, 10]
