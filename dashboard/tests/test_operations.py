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
