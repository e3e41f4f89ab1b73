"""Who may do what next: what the polling thread brings and what lanes are given for it."""

import threading
import uuid

import pytest

from consumer.tests.chunks import chunk
from consumer.tests.desks import SURVEY_SECONDS, TOPIC, Asking, Clock, claim, offsets, put, write
from vitalstream_consumer.backoff import Backoff
from vitalstream_consumer.batch import Backlog, Limits
from vitalstream_consumer.desk import Desk
from vitalstream_consumer.log_ends import Progress
from vitalstream_consumer.ownership import Left, Ownership, Position, Quiet
from vitalstream_consumer.work import Claim, Survey, Write


def test_what_is_assigned_is_claimed_once(desk: Desk) -> None:
    """One claim for all that is due, and none again while it is in hand."""
    desk.assign([0, 1])
    work = desk.next_work()
    assert isinstance(work, Claim)
    assert set(work.generations) == {0, 1}
    assert Asking(desk).waits
    assert desk.reading() == {}


def test_a_claimed_partition_is_read_from_the_ledgers_offset(desk: Desk) -> None:
    """Reading begins where the claim says, and shows as progress."""
    claim(desk, 3, offset=42)
    ((generation, position),) = desk.reading().values()
    assert position == Position(TOPIC, 42, None)
    assert generation > 0
    assert desk.progress() == {3: Progress(True, 42, 42, None)}  # noqa: FBT003


def test_a_failed_claim_is_tried_after_a_pause(desk: Desk, clock: Clock) -> None:
    """Not at once, and later after each failure in a row."""
    desk.assign([0])
    work = desk.next_work()
    for pause in (1.0, 2.0, 4.0):
        assert isinstance(work, Claim)
        desk.claimed(work, {})
        asking = Asking(desk)
        clock.now += pause * 0.99
        desk.assign([])  # has it look again
        assert asking.waits
        clock.now += pause
        desk.assign([])
        work = asking.work
    assert not desk.progress()[0].claimed


@pytest.mark.parametrize(("records", "shares"), [(20, [1, 1]), (200, [2])])
def test_idle_lanes_share_what_is_ready(clock: Clock, records: int, shares: list[int]) -> None:
    """A partition each, unless it is little: then one transaction does for both."""
    desk = Desk(Ownership(Backoff()), Backlog(Limits(records, 10**6), 9), SURVEY_SECONDS, clock)
    assert desk.next_work() == Survey([])
    claim(desk, 0, 1)
    in_hand = []
    for partition in (0, 1):
        put(desk, partition, 0)
        in_hand.append(write(desk))
        put(desk, partition, 1)
    lanes = [Asking(desk), Asking(desk)]
    assert all(lane.waits for lane in lanes)
    both = Write(TOPIC, [each for work in in_hand for each in work.chunks], {})
    desk.written(both)
    works = [lane.work for lane in lanes if len(shares) == 2 or not lane.waits]
    assert [len(work.chunks) for work in works if isinstance(work, Write)] == shares
    desk.close()


def test_a_partition_in_hand_waits_for_its_lane(desk: Desk) -> None:
    """What is read meanwhile is written after it, by whoever is free then."""
    claim(desk, 0)
    put(desk, 0, 0)
    first = write(desk)
    put(desk, 0, 1)
    asking = Asking(desk)
    assert asking.waits
    desk.written(first)
    second = asking.work
    assert isinstance(second, Write)
    assert offsets(second) == [(0, 1)]
    assert desk.progress()[0].written_to == 1


def test_what_was_read_under_an_old_claim_is_dropped(desk: Desk) -> None:
    """A chunk whose claim no longer counts would not fit the ledger."""
    claim(desk, 0)
    generation, _ = desk.reading()[0]
    desk.unreadable(0, generation, truncated=False)
    desk.put(chunk(0, 0, generation=generation))
    assert desk.backlog_records == 0


def test_the_brokers_word_that_the_log_was_cut_reaches_the_claim(desk: Desk, clock: Clock) -> None:
    """The claim has to settle what is missing."""
    claim(desk, 0)
    desk.unreadable(0, desk.reading()[0][0], truncated=True)
    clock.now += 1
    work = desk.next_work()
    assert isinstance(work, Claim)
    assert work.truncated == {0}


def test_after_a_failed_write_only_the_lost_are_claimed_anew(desk: Desk, clock: Clock) -> None:
    """What was read of the others is still good, and goes first."""
    claim(desk, 0, 1)
    for partition in (0, 1):
        put(desk, partition, 0)
    work = write(desk)
    put(desk, 1, 1)
    desk.not_written(work, [0])
    assert desk.backlog_records == 2
    assert list(desk.reading()) == [1]
    again = write(desk)
    assert offsets(again) == [(1, 0), (1, 1)]
    clock.now += 1
    claiming = Asking(desk).work
    assert isinstance(claiming, Claim)
    assert set(claiming.generations) == {0}


def test_a_withdrawal_waits_for_what_is_in_hand(desk: Desk) -> None:
    """It returns when the lane is done, and says where the ledger stands then."""
    claim(desk, 0)
    put(desk, 0, 0)
    work = write(desk)
    put(desk, 0, 1)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(desk.withdraw([0], 60)))
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    desk.written(work)
    thread.join(60)
    assert answers == [({0: 1}, [])]
    assert desk.backlog_records == 0
    assert desk.progress() == {}


def test_a_withdrawal_does_not_wait_for_ever(desk: Desk) -> None:
    """It names what is in hand even then."""
    claim(desk, 0, 1)
    put(desk, 0, 0)
    write(desk)
    assert desk.withdraw([0, 1], 0) == ({0: 0, 1: 0}, [0])


def test_a_partition_that_comes_back_is_claimed_after_its_write(desk: Desk) -> None:
    """Two transactions of ours never meet on one partition."""
    claim(desk, 0)
    put(desk, 0, 0)
    work = write(desk)
    desk.withdraw([0], 0)
    desk.assign([0])
    asking = Asking(desk)
    assert asking.waits
    desk.written(work)
    assert isinstance(asking.work, Claim)


def test_surveys_come_at_their_time(desk: Desk, clock: Clock) -> None:
    """One for each interval, of what is assigned, before what there is to write."""
    claim(desk, 0)
    put(desk, 0, 0)
    clock.now = SURVEY_SECONDS
    assert desk.next_work() == Survey([0])
    assert isinstance(desk.next_work(), Write)


def test_a_survey_names_the_quiet_partitions(desk: Desk) -> None:
    """Those with nothing waiting or in hand: no write will bring their log ends to the ledger."""
    claim(desk, 0, 1, 2, offset=5)
    put(desk, 0, 5)
    write(desk)
    put(desk, 1, 5)
    quiet = desk.surveyed(TOPIC, {0: 9, 1: 8, 2: 7})
    assert quiet == {2: Quiet(desk.reading()[2][0], 5, 7)}
    assert {n: each.log_end for n, each in desk.progress().items()} == {0: 9, 1: 8, 2: 7}
    assert write(desk).log_ends == {0: 9, 1: 8, 2: 7}


def test_a_topic_made_anew_is_claimed_anew(desk: Desk) -> None:
    """What was read of the old one is dropped: its offsets count in another log."""
    claim(desk, 0)
    put(desk, 0, 0)
    assert desk.surveyed(uuid.UUID(int=2), {0: 3}) == {}
    assert desk.backlog_records == 0
    assert isinstance(Asking(desk).work, Claim)


@pytest.mark.parametrize(
    ("ledger", "fenced"), [({0: 4}, []), ({}, [0])], ids=["further back", "another's, or gone"]
)
def test_a_ledger_that_is_not_as_it_was_left_is_claimed_anew(
    desk: Desk, clock: Clock, ledger: dict[int, int], fenced: list[int]
) -> None:
    """A restored backup or a foreign claim is noticed where nothing arrives."""
    claim(desk, 0, 1, offset=5)
    quiet = desk.surveyed(TOPIC, {0: 5, 1: 5})
    assert desk.compared(quiet, ledger | {1: 5}) == fenced
    assert list(desk.reading()) == [1]
    clock.now += 1
    work = Asking(desk).work
    assert isinstance(work, Claim)
    assert set(work.generations) == {0}
    assert work.left_at == {0: Left(TOPIC, 5)}


def test_a_full_backlog_is_waited_for(desk: Desk) -> None:
    """There is room again when a lane has taken what fills it."""
    claim(desk, 0)
    assert desk.wait_for_room(0)
    put(desk, 0, 0, records=10)
    assert not desk.wait_for_room(0.05)
    write(desk)
    assert desk.wait_for_room(60)


def test_a_closed_desk_gives_no_more_work(desk: Desk) -> None:
    """Lanes that wait end too, whatever there is to do."""
    asking = Asking(desk)
    assert asking.waits
    desk.close()
    assert asking.work is None
    desk.assign([0])
    assert desk.next_work() is None


def test_a_lanes_failure_ends_the_rest(desk: Desk) -> None:
    """The polling thread raises the first one; no lane is given anything more."""
    first = OSError("first")
    desk.fail(first)
    desk.fail(OSError("second"))
    assert desk.next_work() is None
    with pytest.raises(OSError, match="first"):
        desk.raise_failure()
