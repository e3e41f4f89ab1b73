"""What lies between where the ledger stands and what the log still has."""

import uuid

import pytest

from vitalstream_consumer.claiming import find_gap, position_of, rewound
from vitalstream_consumer.ownership import Left, Position
from vitalstream_consumer.topic import Bounds, View
from vitalstream_storage.writer import Claim, Gap

VIEW = View(uuid.UUID(int=1), {0: Bounds(100, 200), 1: Bounds(0, 0)})


@pytest.mark.parametrize(
    ("partition", "offset", "truncated", "gap"),
    [
        (0, 100, False, None),
        (0, 150, False, None),
        (0, 200, False, None),  # all is read, and nothing has come since
        (1, 0, False, None),
        (0, 99, False, Gap(0, 99, 100, "deleted")),
        (0, 0, False, Gap(0, 0, 100, "deleted")),
        (0, 201, False, Gap(0, 200, 201, "truncated")),
        (1, 30, False, Gap(1, 0, 30, "truncated")),
        # The broker said that the log was cut, and it has grown past our position since.
        (0, 150, True, Gap(0, 150, 150, "truncated")),
        (0, 250, True, Gap(0, 200, 250, "truncated")),
        (0, 50, True, Gap(0, 50, 100, "deleted")),
    ],
)
def test_a_gap_is_what_the_log_does_not_have(
    partition: int,
    offset: int,
    truncated: bool,  # noqa: FBT001 - a column of the table
    gap: Gap | None,
) -> None:
    """Below its start records were deleted, past its end the log was cut; between there is none."""
    position = Position(VIEW.topic_id, offset, None)
    cut = frozenset({partition} if truncated else ())
    assert find_gap(VIEW, partition, position, cut) == gap


@pytest.mark.parametrize(("offset", "epoch"), [(150, 7), (101, 7), (100, None), (90, None)])
def test_an_epoch_is_compared_only_with_a_record_that_is_there(
    offset: int, epoch: int | None
) -> None:
    """Where the log begins behind it, to ask for it would be to read outside the log."""
    claim = Claim(0, offset, 7, uuid.UUID(int=2))
    assert position_of(VIEW, claim) == Position(VIEW.topic_id, offset, epoch)


@pytest.mark.parametrize(
    ("left", "back"),
    [
        (Left(VIEW.topic_id, 151), [0]),
        (Left(VIEW.topic_id, 150), []),
        (Left(VIEW.topic_id, 120), []),  # of a commit nobody had told us of
        (Left(uuid.UUID(int=9), 151), []),  # of a topic that was deleted
    ],
)
def test_a_ledger_that_went_back_is_noticed(left: Left, back: list[int]) -> None:
    """Of one topic, and only backwards; what we have never had is not compared."""
    claims = [Claim(partition, 150, 7, uuid.UUID(int=2)) for partition in (0, 1)]
    assert rewound(VIEW.topic_id, claims, {0: left}) == back
