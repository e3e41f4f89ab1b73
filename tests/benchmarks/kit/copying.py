"""The limit of everything that stores: raw COPY of the first specification's 21 columns."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
import psycopg

from tests.benchmarks.kit.figures import Stopwatch, Taken
from tests.benchmarks.kit.servers import Tables
from vitalstream_schema.record import SEED_FIELDS, Record

Form = Literal["text", "binary"]

_COLUMNS: Final = ", ".join(SEED_FIELDS)
_TABLE: Final = f"""
CREATE TABLE bench_copy AS SELECT {_COLUMNS} FROM patient_records WITH NO DATA;
ALTER TABLE bench_copy ADD PRIMARY KEY (admission_id)"""  # noqa: S608 - constants
_FINISH: Final = b"\xff\xff"  # how binary COPY ends
_HEADER_BYTES: Final = 19


class Lines(NamedTuple):
    """Rows rendered beforehand."""

    form: Form
    batches: Sequence[bytes]
    rows: int


def rendered(tables: Tables, traffic: Iterable[Record], sizes: Sequence[int]) -> list[Lines]:
    """The same rows as text and as binary, for each of the batch sizes."""
    text = ["\t".join(_fields(record)).encode() + b"\n" for record in traffic]
    header, binary = _as_binary(tables, text)
    lines = []
    for size in sizes:
        lines.append(Lines("text", [b"".join(part) for part in _parts(text, size)], len(text)))
        whole = [header + b"".join(part) + _FINISH for part in _parts(binary, size)]
        lines.append(Lines("binary", whole, len(text)))
    return lines


def copy(tables: Tables, lines: Lines, synchronous_commit: str) -> Taken:
    """COPY them through one connection into a fresh table with the key, a commit a batch."""
    statement = f"COPY bench_copy FROM STDIN (FORMAT {lines.form})"
    with tables.fresh() as database, _connect(database.admin_url, synchronous_commit) as connection:
        watch = Stopwatch(postgres=[tables.pid])
        for batch in lines.batches:
            with connection.cursor().copy(statement.encode()) as stream:
                stream.write(batch)
        return watch.read(lines.rows)


def _connect(url: str, synchronous_commit: str) -> psycopg.Connection:
    connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)
    connection.execute(_TABLE.encode())
    connection.execute("SELECT set_config('synchronous_commit', %s, false)", [synchronous_commit])
    return connection


def _fields(record: Record) -> Iterator[str]:
    for value in msgspec.structs.astuple(record)[: len(SEED_FIELDS)]:
        text = str(value).removesuffix("+00:00")
        if not text.isprintable() or "\\" in text:
            raise ValueError("the generator is expected to invent nothing that COPY must escape")
        yield text


def _as_binary(tables: Tables, text: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """PostgreSQL's own binary form of the rows, one by one, and the header before them."""
    with tables.fresh() as database, _connect(database.admin_url, "off") as connection:
        with connection.cursor().copy("COPY bench_copy FROM STDIN") as stream:
            for line in text:
                stream.write(line)
        with connection.cursor().copy("COPY bench_copy TO STDOUT (FORMAT binary)") as stream:
            rows = [bytes(row) for row in stream]
    first, last = rows[0], rows[-1]
    header, rows[0] = first[:_HEADER_BYTES], first[_HEADER_BYTES:]
    rows[-1] = last.removesuffix(_FINISH)
    return header, [row for row in rows if row]


def _parts(rows: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in itertools.count(0, size):
        if start >= len(rows):
            return
        yield rows[start : start + size]
