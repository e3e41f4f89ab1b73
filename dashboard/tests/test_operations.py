"""The operations page against a real ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from vitalstream_dashboard.service import service
from vitalstream_devstack.databases import Database
from vitalstream_storage.migrate import REQUIRED_VERSION


@pytest.fixture
def operations(database: Database, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The operations page alone, as the viewer; not yet run."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    text = "from vitalstream_dashboard.views import operations; operations.page()"
    return AppTest.from_string(text, default_timeout=30)


def cards(page: AppTest) -> dict[str, str]:
    """What each card shows."""
    return {card.label: card.value for card in page.metric}


def test_an_empty_ledger_says_so(operations: AppTest) -> None:
    """Before the first consumer: no lag is claimed to be known, and each table says why."""
    operations.run()
    assert not operations.exception
    assert cards(operations)["Records waiting"] == "—"
    assert "claimed a partition" in operations.info[1].value
    assert f"tables at version {REQUIRED_VERSION}" in operations.markdown[0].value


def test_lag_verdicts_and_gaps(operations: AppTest, ward: Any) -> None:
    """Lag and verdicts are the ledger's sums; each gap is listed."""
    now = datetime.now(UTC)
    times = {"last_append_at": now - timedelta(seconds=65), "last_commit_at": now}
    end = {"log_end_at": now + timedelta(seconds=1), "claimed_at": now}
    ward.stand(0, next_offset=100, log_end_offset=130, stored=90, dead=7, stale=3, **times, **end)
    ward.stand(1, next_offset=50, log_end_offset=50, stored=49, duplicates=1, **times, **end)
    ward.run(
        "INSERT INTO stream_gaps (topic_id, partition, first_offset, next_offset, topic, kind)"
        " SELECT topic_id, 1, 10, 20, topic, 'deleted' FROM stream_offsets WHERE partition = 1"
    )
    operations.run()
    assert not operations.exception
    shown = cards(operations)
    assert (shown["Records waiting"], shown["Stored"], shown["Dead letters"]) == ("30", "139", "7")
    assert (shown["Newest record"], shown["Throughput"]) == ("1 min old", "—")
    partitions, gaps = (table.value for table in operations.dataframe)
    assert list(partitions["Waiting"]) == [30, 0]
    assert list(partitions["Dead"]) == [7, 0]
    assert gaps[["Partition", "From", "To", "Kind"]].values.tolist() == [[1, 10, 20, "deleted"]]


def test_throughput_is_between_two_refreshes(operations: AppTest, ward: Any) -> None:
    """Records a second between this viewer's last two readings."""
    ward.stand(0, next_offset=100)
    operations.run()
    service().source._share = 0.0
    ward.run("UPDATE stream_offsets SET next_offset = 100000")
    operations.run()
    first = cards(operations)["Throughput"]
    assert first.endswith(" /s")
    assert float(first.removesuffix(" /s").replace(",", "")) > 0
    operations.run()
    assert cards(operations)["Throughput"] == "0 /s"


def test_away_keeps_the_last_figures(operations: AppTest, ward: Any) -> None:
    """While the database is away the last ledger stays, under a banner."""
    ward.stand(0, stored=5)
    operations.run()
    service().source._share = 0.0
    ward.leave()
    operations.run()
    assert not operations.exception
    assert operations.error[0].value.startswith("Database away since ")
    assert cards(operations)["Stored"] == "5"


def bury(ward: Any, offset: int, reason: str, payload: bytes) -> None:
    """A dead letter of that reason."""
    ward.run(
        'INSERT INTO dead_letters (topic_id, partition, "offset", topic, key, payload, headers,'
        " reason, field, error) VALUES (%s, 2, %s, 'patient_records', 'the-key', %s,"
        " '[[\"schema-version\", \"MQ==\"]]', %s, 'heart_rate', 'heart_rate is not a number')",
        "00000000-0000-4000-8000-000000000001",
        offset,
        payload,
        reason,
    )


def everything(page: AppTest) -> str:
    """All that is written on the page."""
    parts = [*page.text, *page.code, *page.caption, *page.markdown, *page.info]
    return "\n".join(str(part.value) for part in parts)


def test_dead_letters_have_a_sample_and_a_way_back(
    operations: AppTest, ward: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By reason, with the newest one's metadata; what it holds only when asked for."""
    monkeypatch.setenv("DASHBOARD_OPERATOR_DATABASE_URL", database.url("operator"))
    bury(ward, 7, "wrong_type", b'{"patient_name": "<b>Ann</b>"} \xff\x00')
    bury(ward, 8, "not_json", b"nonsense")
    bury(ward, 9, "not_json", b"nonsense")
    operations.run()
    assert not operations.exception
    letters = next(t.value for t in operations.dataframe if "Reason" in t.value)
    assert letters[["Reason", "Waiting"]].values.tolist() == [["not_json", 2], ["wrong_type", 1]]
    operations.selectbox(key="reason").set_value("wrong_type").run()
    said = everything(operations)
    assert "00000000-0000-4000-8000-000000000001/2/7" in said
    assert "heart_rate is not a number" in said
    assert "python -m vitalstream_consumer replay --reason wrong_type" in said
    assert "Ann" not in said
    assert "the-key" not in said
    operations.toggle[0].set_value(True).run()
    assert not operations.exception
    shown = [code.value for code in operations.code]
    assert '{"patient_name": "<b>Ann</b>"} \\xff\\x00' in shown
    assert "the-key" in shown
    assert "schema-version: 1" in shown


def test_without_an_operator_s_login_there_is_no_sample(operations: AppTest, ward: Any) -> None:
    """Anybody sees how many there are; the pages' own login cannot read them."""
    bury(ward, 7, "not_json", b"nonsense")
    operations.run()
    assert not operations.exception
    assert "DASHBOARD_OPERATOR_DATABASE_URL" in everything(operations)
    assert "heart_rate is not a number" not in everything(operations)
    assert not operations.toggle
