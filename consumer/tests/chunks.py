"""Chunks for tests of what handles them."""

from vitalstream_consumer.batch import Chunk
from vitalstream_storage.batch import DeadLetter


def chunk(
    partition: int,
    first: int,
    records: int = 1,
    *,
    generation: int = 1,
    size: int = 100,
    epoch: int = 7,
    appended_ms: list[int] | None = None,
) -> Chunk:
    """A chunk of dead letters, which need no decoding."""
    letters = [
        DeadLetter(partition, first + n, None, b"x", [], None, "not_json", None, "not_json")
        for n in range(records)
    ]
    return Chunk(
        partition=partition,
        generation=generation,
        expected_offset=first,
        next_offset=first + records,
        leader_epoch=epoch,
        appended_ms=appended_ms or [0] * records,
        accepted=[],
        dead_letters=letters,
        size_bytes=size,
        decoded_ns=(0, 0),
    )
