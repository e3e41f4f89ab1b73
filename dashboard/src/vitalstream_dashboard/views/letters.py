"""Dead letters: how many for each reason, a sample of one, how to send them again."""

import base64
import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import pandas as pd
import streamlit as st

from vitalstream_dashboard import access, status, words
from vitalstream_dashboard.service import Service, service
from vitalstream_dashboard.source import Answer, timed
from vitalstream_dashboard.views.parts import say
from vitalstream_storage import reader
from vitalstream_storage.pool import Connection

_MOST_BYTES: Final = 4_000
_NO_LOGIN: Final = (
    "Samples need DASHBOARD_OPERATOR_DATABASE_URL: "
    "the login that the pages read with may not read dead letters."
)


def draw(reasons: Sequence[reader.Reason], now: datetime) -> None:
    """The table of reasons and, of the one that is chosen, a sample and the replay command."""
    st.subheader("Dead letters", anchor=False)
    if not reasons:
        st.info("None: every record could be stored.")
        return
    zone = service().settings.zone
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "Reason": one.reason,
                    "Waiting": one.waiting,
                    "Replayed": one.replayed,
                    "Newest": one.last_seen and words.clock(one.last_seen, now, zone),
                }
                for one in reasons
            ]
        ),
        key="letters",
        hide_index=True,
        column_config={"Waiting": _NUMBER, "Replayed": _NUMBER},
        alt="Dead letters by reason",
    )
    with st.container(border=True):
        chosen = st.selectbox("Reason", [one.reason for one in reasons], key="reason", width=320)
        _sample(chosen, now)
        st.caption("Once the cause is mended, say what would be sent; --yes sends it:")
        st.code(command(chosen), language=None, wrap_lines=True)


_NUMBER = st.column_config.NumberColumn(format="localized", width=110)


def command(reason: str) -> str:
    """What sends all waiting letters of a reason to their topic again, said first, not done."""
    return f"python -m vitalstream_consumer replay --reason {shlex.quote(reason)}"


def _sample(reason: str, now: datetime) -> None:
    shared = service()
    if shared.operator is None:
        st.caption(_NO_LOGIN)
        return
    if not access.is_operator():
        return
    answer = shared.operator.read(("letter", reason), _reading(reason))
    _trouble(answer, now, shared)
    if not answer.value:
        return
    (sample,) = answer.value
    zone = shared.settings.zone
    place = f"{sample.topic_id}/{sample.partition}/{sample.offset}"
    facts = {
        "Newest letter": place,
        "Topic": sample.topic,
        "Field": sample.field or "the whole record",
        "Error": sample.error,
        "Produced": _at(sample.appended_at, now, shared),
        "First seen": words.clock(sample.first_seen, now, zone),
        "Replayed": _at(sample.replayed_at, now, shared),
        "Payload": "none" if sample.payload_bytes is None else f"{sample.payload_bytes:,} bytes",
    }
    with st.container(key="letter"):
        for label, value in facts.items():
            with st.container(gap=None):
                st.caption(label)
                st.text(value)
    if st.toggle("Show what it holds", key=f"show-{place}", help="It may name a patient."):
        _content(sample, now, shared)


def _content(sample: reader.Sample, now: datetime, shared: Service) -> None:
    if shared.operator is None:
        return

    def work(connection: Connection) -> reader.Content | None:
        place = (sample.topic_id, sample.partition, sample.offset)
        return timed(reader.dead_letter_content, connection, *place)

    place = (sample.topic_id, sample.partition, sample.offset)
    answer = shared.operator.read(("content", *place), work)
    _trouble(answer, now, shared)
    if answer.value is not None:
        for label, data in (("Key", answer.value.key), ("Payload", answer.value.payload)):
            st.caption(label)
            st.code(readable(data), language=None, wrap_lines=True)
        st.caption("Headers")
        headers = [
            f"{name}: {readable(None if value is None else base64.b64decode(value))}"
            for name, value in answer.value.headers
        ]
        st.code("\n".join(headers) or "none", language=None)


def readable(data: bytes | None) -> str:
    """Bytes as text where they are text, the rest escaped; the first 4,000 of them."""
    if data is None:
        return "none"
    text = data[:_MOST_BYTES].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text + (f"\n({len(data):,} bytes in all)" if len(data) > _MOST_BYTES else "")


def _reading(reason: str) -> Callable[[Connection], list[reader.Sample]]:
    def work(connection: Connection) -> list[reader.Sample]:
        return timed(reader.dead_letter_samples, connection, reason)

    return work


def _trouble(answer: Answer[Any], now: datetime, shared: Service) -> None:
    if answer.trouble is not None:
        say(status.stale(answer.trouble, answer.read_at, now, shared.settings.zone))


def _at(moment: datetime | None, now: datetime, shared: Service) -> str:
    return "no" if moment is None else words.clock(moment, now, shared.settings.zone)
