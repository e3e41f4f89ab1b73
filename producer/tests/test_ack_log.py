"""The log of acknowledged records."""

import json
from pathlib import Path

import pytest

from vitalstream_producer.ack_log import AckLog
from vitalstream_producer.errors import AckLogError


def test_each_record_is_one_line_of_json(tmp_path: Path) -> None:
    """Partition, offset and the payload byte for byte; a second run appends."""
    path = tmp_path / "ack.jsonl"
    for offset in (7, 8):
        log = AckLog(path)
        log.add(2, offset, b'{"age":40, "name":"J\xc3\xb6rg"}')
        log.close()
    lines = path.read_bytes().splitlines()
    assert lines[0] == b'{"partition":2,"offset":7,"record":{"age":40, "name":"J\xc3\xb6rg"}}'
    assert [json.loads(line)["offset"] for line in lines] == [7, 8]


def test_lines_reach_the_file_within_a_second(tmp_path: Path) -> None:
    """A tick a second later writes; one before that does not, unless a megabyte has gathered."""
    path = tmp_path / "ack.jsonl"
    log = AckLog(path)
    log.tick(100.0)
    log.add(0, 0, b"{}")
    log.tick(100.9)
    assert path.read_bytes() == b""
    log.tick(101.0)
    assert path.read_bytes().count(b"\n") == 1
    log.add(0, 1, b'"' + b"x" * (1 << 20) + b'"')
    log.tick(101.1)
    assert path.read_bytes().count(b"\n") == 2
    log.close()


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """One line with variable, path and reason."""
    with pytest.raises(AckLogError, match=r"PRODUCER_ACK_LOG=.*nowhere.*No such file"):
        AckLog(tmp_path / "nowhere" / "ack.jsonl")


def test_a_full_disk_is_named() -> None:
    """Writing to a device that is always full says so."""
    log = AckLog(Path("/dev/full"))
    log.add(0, 0, b"{}")
    with pytest.raises(AckLogError, match=r"PRODUCER_ACK_LOG=/dev/full .*No space left"):
        log.close()
