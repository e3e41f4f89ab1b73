"""Trace ids, and spans on their way to a collector."""

import os
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.collector import Collector
from vitalstream_devstack.ports import free_port
from vitalstream_runtime.errors import SettingsError
from vitalstream_runtime.settings import load
from vitalstream_runtime.tracing import (
    TraceParent,
    TracingSettings,
    exporting,
    header_of,
    trace_id_in,
    trace_id_of,
    unsampled,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True)]
)
def test_a_traceparent_is_read(flags: str, sampled: bool) -> None:  # noqa: FBT001 - a case
    """Ids as they are; of the flags the last bit."""
    parent = TraceParent.parse(f"00-{TRACE}-{SPAN}-{flags}".encode())
    assert parent == (TRACE, SPAN, sampled)


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    """What comes after the flags is left alone."""
    later = f"cc-{TRACE}-{SPAN}-01-more".encode()
    assert TraceParent.parse(later) == (TRACE, SPAN, True)
    assert TraceParent.parse(later[:55]) == (TRACE, SPAN, True)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\x00",
        b"traceparent",
        f"00-{TRACE}-{SPAN}".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
        f"00-{TRACE}-{SPAN}-01\n".encode(),
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"cc-{TRACE}-{SPAN}-01more".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
    ],
)
def test_what_is_no_traceparent_is_none(value: bytes | None) -> None:
    """Anybody may send anything under that name."""
    assert TraceParent.parse(value) is None
    assert trace_id_of([("traceparent", value)]) is None


def test_of_several_the_last_counts() -> None:
    """As with every header; other names are nothing to us."""
    headers = [("traceparent", b"first"), ("traceparent", b"last"), ("Traceparent", b"other")]
    assert header_of(headers) == b"last"
    assert header_of([]) is header_of(None) is None


def test_new_ones_are_well_formed_and_never_the_same() -> None:
    """Each has ids of its own, and says that nothing is recorded."""
    made = list(islice(unsampled(), 5_000))
    read = [TraceParent.parse(each.encode()) for each in made]
    assert all(each is not None and not each.sampled for each in read)
    assert len({each.trace_id for each in read if each}) == 5_000
    assert len({each.span_id for each in read if each}) == 5_000
    assert [str(each) for each in read] == made
    assert [trace_id_in(each) for each in made] == [each.trace_id for each in read if each]


def test_their_source_decides_them() -> None:
    """The same random bytes make the same ids."""

    def count(size: int) -> bytes:
        return bytes(n % 251 for n in range(size))

    first, again = (list(islice(unsampled(count), 1_000)) for _ in range(2))
    assert first == again


def test_without_an_endpoint_opentelemetry_is_not_even_imported() -> None:
    """Off costs neither memory nor the time of a start, in a service too."""
    code = (
        "import sys, vitalstream_producer.__main__, vitalstream_consumer.__main__\n"
        "from vitalstream_runtime.tracing import TracingSettings, exporting\n"
        "with exporting('consumer', TracingSettings()) as spans: assert spans is None\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    environment = {name: value for name, value in os.environ.items() if "OTEL" not in name}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )


@pytest.mark.parametrize("service", ["producer", "consumer"])
def test_a_missing_extra_is_one_line(service: str) -> None:
    """Asked for, and not installed: the service says so and what to do; a settings error."""
    code = (
        "import runpy, sys; sys.modules['opentelemetry'] = None\n"
        f"runpy.run_module('vitalstream_{service}', run_name='__main__')"
    )
    environment = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OPS_PORT": "0",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == SettingsError.exit_code
    assert done.stderr.startswith("SettingsError: OTEL_EXPORTER_OTLP_ENDPOINT is set, but")
    assert f"vitalstream-{service}[tracing]" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:password@collector:4318"),  # it is logged
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"),
    ],
)
def test_a_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """What we cannot do is refused at the start, and so is what the SDK refuses."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv(variable, value)
    named = variable if "EXPORTER" in variable else "OTEL_"
    with (
        pytest.raises(SettingsError, match=named),
        exporting("consumer", load(TracingSettings)),
    ):
        pass


def settings(endpoint: str) -> TracingSettings:
    """Spans go there."""
    return TracingSettings.model_validate({"endpoint": endpoint})


def test_spans_arrive_with_what_they_were_given() -> None:
    """Parent, links, attributes and times; who sent them; failures without a text."""
    with Collector() as collector:
        with exporting("consumer", settings(collector.endpoint + "/")) as spans:
            assert spans is not None
            parent = TraceParent(TRACE, SPAN, sampled=True)
            first = spans.begin("first", "consumer", parent=parent, start_ns=1_000_000_000)
            assert first.place is not None
            assert first.place.trace_id == TRACE
            first.end({"n": 7}, at_ns=3_500_000_000)
            spans.begin("second", "client", links=[first.place]).fail("57014")
        (first_seen,), (second_seen,) = collector.named("first"), collector.named("second")
    assert (first_seen.trace_id, first_seen.parent_id) == (TRACE, SPAN)
    assert (first_seen.attributes, first_seen.seconds) == ({"n": 7}, 2.5)
    assert first_seen.resource["service.name"] == "vitalstream-consumer"
    assert first_seen.resource["service.version"]
    assert not first_seen.failed
    assert second_seen.trace_id != TRACE
    assert not second_seen.parent_id
    assert second_seen.links == [(TRACE, first_seen.span_id)]
    assert (second_seen.failed, second_seen.attributes) == (True, {"error.type": "57014"})


def test_headers_may_be_a_secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a collector asks for may be mounted like every other secret."""
    (tmp_path / "OTEL_EXPORTER_OTLP_HEADERS").write_text("authorization=Bearer%20it,x-tenant=7")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        with exporting("producer", load(TracingSettings)) as spans:
            assert spans is not None
            spans.begin("x", "producer").end()
    assert collector.headers["authorization"] == "Bearer it"
    assert collector.headers["x-tenant"] == "7"


def test_an_unsampled_parent_is_not_recorded() -> None:
    """Whoever began the trace has decided; nothing is sent, and its parts have no place."""
    with Collector() as collector:
        with exporting("consumer", settings(collector.endpoint)) as spans:
            assert spans is not None
            span = spans.begin("x", "consumer", parent=TraceParent(TRACE, SPAN, sampled=False))
            assert span.place is None
            span.end()
        assert not collector.spans


def test_a_collector_that_is_away_is_said_once_and_waited_for_briefly() -> None:
    """Refused connections: no span's end waits, few lines tell of it, and the stop is bounded."""
    with capture_logs() as logs:
        with exporting("producer", settings(f"http://127.0.0.1:{free_port()}")) as spans:
            assert spans is not None
            for _ in range(20_000):
                spans.begin("x", "producer").end()
        for thread in threading.enumerate():
            if thread.name == "spans-stop":
                thread.join(60)
    lines = [line for line in logs if line["event"] == "tracing_trouble"]
    assert any("Connection refused" in line["reason"] for line in lines)
    reasons = [line["reason"].split()[0] for line in lines]
    assert len(reasons) <= 5, reasons
    assert any(line["event"] == "spans_abandoned" for line in logs)


def test_a_collector_that_never_answers_does_not_hold_the_exit() -> None:
    """It takes the connection and is silent: the process ends all the same, by itself."""
    code = (
        "import socket, sys\n"
        "from vitalstream_runtime.tracing import TracingSettings, exporting\n"
        "silent = socket.create_server(('127.0.0.1', 0))\n"
        "endpoint = f'http://127.0.0.1:{silent.getsockname()[1]}'\n"
        "told = TracingSettings.model_validate({'endpoint': endpoint})\n"
        "with exporting('consumer', told) as spans: spans.begin('x', 'consumer').end()\n"
        "print('over')"
    )
    environment = os.environ | {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    )
    assert done.stdout.endswith("over\n")
