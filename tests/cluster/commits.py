"""How long the tables stood still while something happened: the ledger, ten times a second."""

import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tests.cluster.kubernetes import NAMESPACE
from tests.cluster.release import primary

_LOOK: Final = """\
SELECT extract(epoch FROM clock_timestamp()), partition, next_offset FROM stream_offsets
\\watch 0.1
"""


@dataclass
class Commits:
    """What was seen.

    Attributes:
        seen: Time, partition and next offset, in the order of time.
    """

    seen: list[tuple[float, int, int]]

    def gaps(self) -> str:
        """The longest time without a commit, of any partition and of them all together."""
        one = max(self._longest(partition) for partition in {row[1] for row in self.seen})
        return (
            f"longest gap in commits {self._longest(None):.1f} s, of one partition {one:.1f} s,"
            f" within {self.seen[-1][0] - self.seen[0][0]:.0f} s"
        )

    def _longest(self, partition: int | None) -> float:
        chosen = [row for row in self.seen if partition in {None, row[1]}]
        offsets: dict[int, int] = defaultdict(lambda: -1)
        last, longest = chosen[0][0], 0.0
        for moment, each, offset in chosen:
            if offset != offsets[each]:
                offsets[each] = offset
                longest, last = max(longest, moment - last), moment
        return max(longest, chosen[-1][0] - last)


@contextmanager
def watched() -> Iterator[Commits]:
    """Look as long as the context lasts; what was seen is there after it."""
    command = ["kubectl", "--namespace", NAMESPACE, "exec", "--stdin", primary(), "-c", "postgres"]
    command += ["--", "psql", "--no-psqlrc", "-At", "-d", "vitalstream"]
    found = Commits([])
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=said, text=True) as looking:
            assert looking.stdin is not None, "a pipe was asked for"
            looking.stdin.write(_LOOK)
            looking.stdin.flush()
            try:
                yield found
            finally:
                looking.kill()
        said.seek(0)
        # The last line may have been cut off.
        rows = [line.strip().split("|") for line in said if line.endswith("\n")]
    found.seen += [(float(row[0]), int(row[1]), int(row[2])) for row in rows if len(row) == 3]
    assert found.seen, "nothing was seen"
