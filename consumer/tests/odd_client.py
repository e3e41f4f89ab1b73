"""A client in C: it may name a record's headers by any bytes, where Python's takes text alone."""

import ctypes
import re
from pathlib import Path
from typing import Any

_END, _TOPIC, _PARTITION, _VALUE, _COPY, _HEADERS = 0, 1, 3, 4, 7, 10
_FLAG_COPY = 2
_WAIT_MILLISECONDS = 60_000


def send_with_header(
    bootstrap_servers: str, topic: str, partition: int, payload: bytes, name: bytes
) -> None:
    """Put one record with a header of this name on the topic."""
    library = _library()
    said = ctypes.create_string_buffer(512)
    options = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(
        options, b"bootstrap.servers", bootstrap_servers.encode(), said, len(said)
    )
    producer = ctypes.c_void_p(library.rd_kafka_new(0, options, said, len(said)))
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(1))
    to_its_end = ctypes.c_ssize_t(-1)
    assert not library.rd_kafka_header_add(headers, name, to_its_end, b"1", to_its_end)
    assert not library.rd_kafka_producev(
        producer,
        *(_TOPIC, topic.encode()),
        *(_PARTITION, ctypes.c_int32(partition)),
        *(_VALUE, payload, ctypes.c_size_t(len(payload))),
        *(_COPY, _FLAG_COPY),
        *(_HEADERS, headers),
        _END,
    )
    assert not library.rd_kafka_flush(producer, _WAIT_MILLISECONDS)
    library.rd_kafka_destroy(producer)


def _library() -> Any:
    """The client that Python's is made of, as it is loaded already."""
    loaded = re.search(r"/\S*librdkafka\S*", Path("/proc/self/maps").read_text())
    assert loaded is not None
    library = ctypes.CDLL(loaded[0])
    for maker in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, maker).restype = ctypes.c_void_p
    return library
