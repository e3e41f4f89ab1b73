"""What pages ask beyond the key figures: the last hour, links, search, courses, dead letters."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors as pg
from psycopg import sql

from libs.storage.tests import traffic
from libs.storage.tests.test_census import WRITERS
from vitalstream_devstack.databases import Database
from vitalstream_storage import reader

TOPIC_ID = UUID("00000000-0000-4000-8000-000000000001")
NOW = datetime.now(UTC)

_SUMS = """
SELECT department, risk_level, sum(admissions), sum(patients), sum(age), sum(critical_oxygen),
       sum(discharged)
  FROM census_changes GROUP BY 1, 2 HAVING sum(admissions) <> 0 OR sum(patients) <> 0
 ORDER BY 1, 2"""

_STANDING = """
SELECT key, risk_level, sum(admissions), sum(patients), sum(age), sum(critical_oxygen),
       sum(discharged)
  FROM census WHERE dimension IN ('all', 'department')
 GROUP BY 1, 2 HAVING sum(admissions) <> 0 OR sum(patients) <> 0 ORDER BY 1, 2"""


class House:
    """Puts rows in as the owner, and asks as a login of some role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement of the owner's."""
        with psycopg.connect(self._database.url()) as connection:
            cursor = connection.execute(text.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def admit(self, **columns: Any) -> None:
        """One row of patient_records; what is not given is random."""
        row = {**traffic.row(random.Random(1)), "status": "Admitted", **columns}
        own = {name: row.pop(name) for name in list(row) if name in _OWN}
        with psycopg.connect(self._database.url()) as connection:
            connection.execute(traffic.SEED_INSERT, row)
            for name, value in own.items():
                change = sql.SQL("UPDATE patient_records SET {} = %s WHERE admission_id = %s")
                connection.execute(
                    change.format(sql.Identifier(name)), [value, row["admission_id"]]
                )

    def observe(self, admission_id: str, at: datetime, **columns: Any) -> None:
        """One row of observations."""
        values = {
            "observed_at": at,
            "kafka_offset": 0,
            "kafka_partition": 0,
            "heart_rate": 80,
            "systolic": 120,
            "diastolic": 80,
            "oxygen_saturation": 97,
            "respiratory_rate": 16,
            "risk_score": 0,
            "news2": 0,
            "spo2_scale": 1,
            "news2_complete": True,
            "temperature_celsius": 37,
            "admission_id": admission_id,
            "patient_id": "p",
            "department": "ICU",
            **columns,
        }
        self.run(
            f"INSERT INTO observations ({', '.join(values)})"  # noqa: S608 - our own columns
            f" VALUES ({', '.join(['%s'] * len(values))})",
            *values.values(),
        )

    def ask(self, question: Any, *args: Any, role: str = "viewer", **options: Any) -> Any:
        """Ask as a login of that role."""
        with psycopg.connect(self._database.url(role)) as connection:
            return question(connection, *args, **options)


_OWN = ("patient_name", "news2", "news2_complete", "risk_score")


@pytest.fixture
def house(database: Database) -> House:
    """The test's database."""
    return House(database)


@pytest.mark.parametrize("seed", range(2))
def test_changes_add_up_to_the_census(database: Database, seed: int) -> None:
    """Begun empty, the changes of the last hour are the census, whatever was written."""
    rng = random.Random(seed)
    with psycopg.connect(database.url()) as connection:
        for _ in range(120):
            rng.choice(WRITERS)(connection, rng)
        connection.commit()
        connection.execute("SELECT * FROM recount()")
        assert connection.execute(_SUMS).fetchall() == connection.execute(_STANDING).fetchall()
        connection.execute("TRUNCATE patient_records")
        assert connection.execute("SELECT count(*) FROM census_changes").fetchall() == [(0,)]


def test_a_slot_forgets_the_hour_before(house: House) -> None:
    """What a slot held of an earlier hour is overwritten; only the last hour is told."""
    house.admit(patient_id="p1", admission_id="a1", level="High", oxygen=80, age=50)
    house.run("UPDATE census_changes SET minute = minute - interval '64 minutes'")
    assert house.ask(reader.changes) == []
    house.admit(patient_id="p2", admission_id="a2", level="High", oxygen=95, age=60)
    (change,) = house.ask(reader.changes)
    assert (change.admissions, change.patients, change.age) == (1, 1, 60)
    assert (change.high_risk, change.critical_oxygen) == (1, 0)
    assert house.ask(reader.changes, "Low") == []


def test_departments_stand_by_need(house: House) -> None:
    """The highest share at High risk first; then by critical oxygen, then by name.

    Who has left is not in need.
    """
    for number, (department, level, oxygen) in enumerate(
        [
            ("Calm", "Low", 97), ("Calm", "Low", 97), ("Bad", "High", 97), ("Bad", "Low", 97),
            ("Air", "High", 80), ("Air", "Low", 97), ("Calm", "High", 97),
        ]
    ):  # fmt: skip
        house.admit(
            patient_id=f"p{number}",
            admission_id=f"a{number}",
            department=department,
            level=level,
            oxygen=oxygen,
            status="Discharged" if number == 6 else "Stable",
        )
    found = house.ask(reader.departments)
    shown = [(d.department, d.patients, d.at_risk, d.critical_oxygen, d.change) for d in found]
    assert shown == [("Air", 2, 1, 1, 1), ("Bad", 2, 1, 0, 1), ("Calm", 2, 0, 0, 0)]
    assert [d.at_risk for d in house.ask(reader.departments, "Low")] == [2, 1, 1]


def test_a_department_without_a_name_is_not_the_whole_house(house: House) -> None:
    """An empty name is one that the contract allows; its change is not told."""
    house.admit(patient_id="p1", admission_id="a1", level="High", department="ICU")
    house.admit(patient_id="p2", admission_id="a2", level="High", department="")
    found = {each.department: each for each in house.ask(reader.departments)}
    assert (found["ICU"].patients, found["ICU"].change) == (1, 1)
    assert (found[""].patients, found[""].change) == (1, 0)
    assert sum(change.patients for change in house.ask(reader.changes)) == 2


def test_who_has_worsened(house: House) -> None:
    """Worse than an hour before, or new; not who was as bad before, left, or is long silent."""
    hours = timedelta(hours=1)
    cases: dict[str, tuple[dict[str, Any], int | None]] = {
        "worse": ({}, 2), "new": ({}, None), "as bad": ({}, 5), "better": ({}, 6),
        "gone": ({"status": "Discharged"}, 2), "Low": ({"level": "Low"}, 0),
        "old": ({"timestamp": (NOW - 2 * hours).replace(tzinfo=None)}, 0),
    }  # fmt: skip
    for name, (changes, before) in cases.items():
        at: dict[str, Any] = {
            "timestamp": NOW.replace(tzinfo=None),
            "level": "High",
            "risk_score": 5,
            "news2": 9,
        }
        house.admit(patient_id=name, admission_id=name, patient_name=name, **{**at, **changes})
        if before is not None:
            house.observe(name, NOW - 1.5 * hours, risk_score=before, news2=9)
            house.observe(name, NOW - 30 * hours, risk_score=0, news2=0)
            house.observe(name, NOW - 0.5 * hours, risk_score=5, news2=9)
    found = house.ask(reader.worsened)
    assert {(one.patient_name, one.score_before) for one in found} == {("worse", 2), ("new", None)}


def test_a_link_names_a_patient_for_good(house: House) -> None:
    """It is no id, survives a recount and a new admission, and leads to all admissions."""
    house.admit(patient_id="p1", admission_id="a1")
    house.admit(patient_id="p2", admission_id="b1")
    (found,) = house.ask(reader.find_patients, "p1")
    later = traffic.START + timedelta(days=1)
    house.admit(patient_id="p1", admission_id="a2", timestamp=later)
    house.run("SELECT * FROM recount()")
    (again,) = house.ask(reader.find_patients, "p1")
    assert again.link == found.link
    assert isinstance(found.link, UUID)
    stays = house.ask(reader.admissions, found.link)
    assert [(a.admission_id, a.newest) for a in stays] == [("a2", True), ("a1", False)]
    assert house.ask(reader.admissions, uuid4()) == []
    links = {one.link for one in house.ask(reader.recent_records)}
    assert found.link in links
    assert len(links) == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("smith", {"John Smith", "Smith, Jo"}),
        ("Jo SM", {"John Smith", "Smith, Jo"}),
        ("john smith", {"John Smith"}),
        ("pid-1", {"John Smith"}),
        ("adm-9", {"王小明"}),
        ("王", set()),
        ("王小", {"王小明"}),
        ("o'bri", {"Zoë O'Brien"}),
        ("zoë", {"Zoë O'Brien"}),
        ("!!", set()),
        ("' | :* & !", set()),
        ("nobody", set()),
        ("", set()),
    ],
)
def test_patients_are_found(house: House, text: str, names: set[str]) -> None:
    """By the beginning of an id, of an admission's id, or of any words of the name."""
    people = ("John Smith", "Smith, Jo", "Zoë O'Brien", "王小明")
    for number, name in enumerate(people, 1):
        house.admit(patient_id=f"pid-{number}", admission_id=f"adm-{number + 5}", patient_name=name)
    assert {one.patient_name for one in house.ask(reader.find_patients, text)} == names


def test_who_is_here_is_found_before_who_has_left(house: House) -> None:
    """Each by alphabet; who has left is found where there is room."""
    for number, (name, status) in enumerate(
        [("Ann Abel", "Discharged"), ("Ann Cole", "Stable"), ("Ann Byrd", "Admitted")]
    ):
        house.admit(
            patient_id=f"p{number}", admission_id=f"a{number}", patient_name=name, status=status
        )
    found = [one.patient_name for one in house.ask(reader.find_patients, "ann")]
    assert found == ["Ann Byrd", "Ann Cole", "Ann Abel"]
    found = [one.patient_name for one in house.ask(reader.find_patients, "ann", 2)]
    assert found == ["Ann Byrd", "Ann Cole"]


def test_the_newest_of_a_timeline_come_first_to_last(house: House) -> None:
    """Within the bounds, the oldest first; of too many the newest are kept."""
    times = [NOW - timedelta(hours=number) for number in range(6)]
    for number, at in enumerate(times):
        house.observe("a1", at, heart_rate=60 + number)
    house.observe("a2", NOW)
    found = house.ask(reader.timeline, "a1", times[4], times[0])
    assert [one.heart_rate for one in found] == [64, 63, 62, 61, 60]
    assert [o.heart_rate for o in house.ask(reader.timeline, "a1", times[4], NOW, 2)] == [61, 60]


def test_hours_are_those_of_the_observations(house: House) -> None:
    """Means and shares over each department's hours, in the bounds asked for alone."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for number, (hours, pulse, oxygen) in enumerate([(0, 60, 80), (0, 81, 95), (1, 70, 95)]):
        at = noon + timedelta(hours=hours, minutes=number)
        house.observe(f"a{number}", at, heart_rate=pulse, oxygen_saturation=oxygen)
    house.observe("b", noon, heart_rate=99, department="ER")
    end = noon + timedelta(hours=2)
    er, icu = house.ask(reader.hourly, "heart_rate", noon, end)
    assert (er.department, er.values) == ("ER", [99.0])
    assert icu.hours == [noon, noon + timedelta(hours=1)]
    assert (icu.observations, icu.values) == ([2, 1], [70.5, 70.0])
    assert house.ask(reader.hourly, "critical_oxygen", noon, end)[1].values == [0.5, 0.0]
    assert house.ask(reader.hourly, "heart_rate", end, end + timedelta(days=30)) == []


def test_only_an_operator_reads_dead_letters(house: House) -> None:
    """Anybody may count them by reason; what one is, and holds, a viewer's login may not read."""
    house.run(
        'INSERT INTO dead_letters (topic_id, partition, "offset", topic, key, payload, headers,'
        " reason, error) VALUES (%s, 1, 7, 'patient_records', 'k', 'secret', '[[\"h\", null]]',"
        " 'not_json', 'no JSON')",
        TOPIC_ID,
    )
    (reason,) = house.ask(reader.dead_letter_reasons)
    assert (reason.reason, reason.waiting, reason.replayed) == ("not_json", 1, 0)
    (sample,) = house.ask(reader.dead_letter_samples, "not_json", role="operator")
    assert (sample.partition, sample.offset, sample.payload_bytes) == (1, 7, 6)
    content = house.ask(reader.dead_letter_content, TOPIC_ID, 1, 7, role="operator")
    assert (content.key, content.payload, content.headers) == (b"k", b"secret", [["h", None]])
    assert house.ask(reader.dead_letter_content, TOPIC_ID, 1, 8, role="operator") is None
    for question in (reader.dead_letter_samples, reader.dead_letter_content):
        with pytest.raises(pg.InsufficientPrivilege):
            house.ask(question, *((TOPIC_ID, 1, 7) if "content" in question.__name__ else ("x",)))
