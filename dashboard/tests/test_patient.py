"""The patient page: found, linked, drawn, without a trace in the address or in markup."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from vitalstream_dashboard.service import service
from vitalstream_devstack.databases import Database

NAME = "<b>Ann</b> *Bold* [x](http://y)"


@pytest.fixture
def patient(database: Database, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page alone, as the viewer; not yet run."""
    monkeypatch.setenv("DATABASE_URL", database.url("viewer"))
    text = "from vitalstream_dashboard.views import patient; patient.page()"
    return AppTest.from_string(text, default_timeout=60)


def stay(ward: Any, number: int, hours_ago: float, **columns: Any) -> None:
    """An admission of P1 with one observation of the same values."""
    at = (datetime.now(UTC) - timedelta(hours=hours_ago)).replace(tzinfo=None)
    row = ward.row(
        number,
        patient_id="P1",
        patient_name=NAME,
        timestamp=at,
        heart_rate=112,
        blood_pressure="95/60",
        temperature_celsius=38.5,
        oxygen_saturation=93,
        respiratory_rate=22,
        supplemental_oxygen=True,
        news2=11,
        **columns,
    )
    ward.admit(row)
    ward.run(
        "INSERT INTO observations SELECT timezone('UTC', timestamp), 1, 1, heart_rate, 95, 60,"
        " oxygen_saturation, respiratory_rate, risk_score, news2, 1, news2_complete,"
        " supplemental_oxygen, consciousness, temperature_celsius, admission_id, patient_id,"
        " department FROM patient_records WHERE admission_id = %s",
        row["admission_id"],
    )


def shown(patient: AppTest) -> dict[str, tuple[str, str, str]]:
    """Each card's figure, what is below it, and beside that."""
    return {
        card.label: (card.value, card.delta, card.proto.delta_description)
        for card in patient.metric
    }


def link(ward: Any) -> UUID:
    """The stored key of P1."""
    found: UUID = ward.run("SELECT link FROM newest_admissions WHERE patient_id = 'P1'")[0][0]
    return found


def test_found_by_name_and_opened_by_key(patient: AppTest, ward: Any) -> None:
    """A search leads to a button; behind it the address has the key alone."""
    stay(ward, 1, 2)
    ward.admit(ward.row(2, patient_name="Somebody Else"))
    patient.run()
    patient.text_input(key="find").set_value("bold ann").run()
    assert not patient.exception
    assert NAME in [text.value for text in patient.text]
    (button,) = patient.button
    button.click().run()
    assert not patient.exception
    assert patient.query_params == {"p": str(link(ward))}
    assert patient.text_input(key="find").value == ""
    assert NAME in [text.value for text in patient.text]


@pytest.mark.parametrize("text", ["zzzz", "!", "' OR 1=1 --", "\x00"])
def test_nobody_is_found(patient: AppTest, ward: Any, text: str) -> None:
    """What fits nobody says so, whatever was typed."""
    stay(ward, 1, 2)
    patient.run()
    patient.text_input(key="find").set_value(text).run()
    assert not patient.exception
    assert patient.info[-1].value.startswith("Nobody is found")


@pytest.mark.parametrize(
    "given", ["8d3f9b52-5a55-4c3e-9d2a-0a6f6f1c2b11", "P1", "'; DROP TABLE patient_records"]
)
def test_a_link_to_nobody_says_so(patient: AppTest, ward: Any, given: str) -> None:
    """An unknown key, an id or nonsense leads nowhere, and does not fail."""
    stay(ward, 1, 2)
    patient.query_params["p"] = given
    patient.run()
    assert not patient.exception
    assert patient.warning[0].value == "This link leads to no patient."


def test_state_course_and_admissions(patient: AppTest, ward: Any) -> None:
    """Vital signs with their points and bands, scores, the course, and every admission."""
    stay(ward, 1, 2)
    stay(ward, 2, 50, department="Earlier")
    patient.query_params["p"] = str(link(ward))
    patient.run()
    assert not patient.exception
    cards = shown(patient)
    assert cards["Heart rate"] == ("112 /min", "2 points", "normal 51\N{EN DASH}90")
    assert cards["Blood pressure"] == ("95/60 mmHg", "2 points", "normal 111\N{EN DASH}219")
    assert cards["Temperature"][1:] == ("1 point", "normal 36.1\N{EN DASH}38.0")
    assert cards["Oxygen"] == ("given", "2 points", "")
    assert cards["Consciousness"] == ("unknown", "", "")
    assert cards["NEWS2"] == ("≥ 11", "at least: not all is known", "")
    (chart,) = patient.get("bidi_component")
    assert "Course of 1 observations" in chart.proto.json
    (stays,) = patient.dataframe
    assert len(stays.value) == 2
    patient.selectbox[0].set_value("A00002").run()
    assert "Earlier" in [text.value for text in patient.text]
    service().source._share = 0
    stay(ward, 3, 1)
    patient.run()
    assert patient.selectbox[0].value == "A00002"
    assert "Earlier" in [text.value for text in patient.text]


@pytest.mark.parametrize(
    ("status", "scale", "begins", "below"),
    [
        ("Admitted", "1", "▲ 1 h ", "every 15 min"),
        ("Admitted", "0.01", "in 22 h ", "every 15 min"),
        ("Discharged", "1", "none", "the stay is over"),
    ],
)
def test_the_next_observation_is_said(  # noqa: PLR0917 - a case, and what it needs
    patient: AppTest,
    ward: Any,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    scale: str,
    begins: str,
    below: str,
) -> None:
    """When NEWS2 asks for it, at the hospital's own pace; nobody waits for who has left."""
    monkeypatch.setenv("DASHBOARD_TIME_SCALE", scale)
    stay(ward, 1, 2.1, status=status)
    patient.query_params["p"] = str(link(ward))
    patient.run()
    assert not patient.exception
    value, *said = shown(patient)["Next observation"]
    assert value.startswith(begins)
    assert said == [below, ""]


def test_a_name_is_text_and_nothing_else(patient: AppTest, ward: Any) -> None:
    """No name or id reaches an element that reads markdown or HTML."""
    stay(ward, 1, 2)
    patient.query_params["p"] = str(link(ward))
    patient.run()
    read = [*patient.markdown, *patient.title, *patient.subheader, *patient.caption]
    assert not any("Ann" in text.value or "P1" in text.value for text in read)
    assert not any("Ann" in html.proto.body for html in patient.get("html"))


@pytest.mark.parametrize("find", [None, "nobody", "Ann"])
def test_how_fresh_the_stream_is_is_always_said(patient: AppTest, ward: Any, find: Any) -> None:
    """With a patient, with none, and in a search."""
    stay(ward, 1, 2)
    if find is None:
        patient.query_params["p"] = str(link(ward))
    patient.run()
    if find is not None:
        patient.text_input(key="find").set_value(find).run()
    assert not patient.exception
    assert patient.info[0].value == "Waiting for the first record of the stream"
    service().source._share = 0
    ward.leave()
    patient.run()
    assert patient.error[0].value.startswith("Database away since ")


def test_away_keeps_the_patient(patient: AppTest, ward: Any) -> None:
    """While the database is away the last state stays, with a banner."""
    stay(ward, 1, 2)
    patient.query_params["p"] = str(link(ward))
    patient.run()
    service().source._share = 0
    ward.leave()
    patient.run()
    assert not patient.exception
    assert patient.error[0].value.startswith("Database away since ")
    assert NAME in [text.value for text in patient.text]


def test_rows_of_another_program_are_shown(patient: AppTest, ward: Any) -> None:
    """A row without NEWS2 and with an odd blood pressure has no points, and is shown."""
    ward.admit(ward.row(1, patient_id="P1", blood_pressure="**9**"))
    patient.query_params["p"] = str(link(ward))
    patient.run()
    assert not patient.exception
    cards = {card.label: card.value for card in patient.metric}
    assert cards["Blood pressure"] == "\\*\\*9\\*\\* mmHg"  # a metric's value is read as markdown
    assert cards["NEWS2"] == "—"
    assert patient.info[-1].value.startswith("No observation of this admission")
