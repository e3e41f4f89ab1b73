"""The patient record, the one event of the topic: fields, types and constraints.

Everything else about the event (decoding, JSON Schema, AsyncAPI, data dictionary) is derived
from the annotations here. Lengths are the widths of the columns of ``patient_records``; ranges
are what can be measured in a living patient, wider than what a generator invents.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

# Stated for readers of the schema; the codec checks them where one look at the payload is enough.
STORABLE: Final = {"pattern": "^[^\\u0000]*$"}
DATE_AND_TIME: Final = {
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    "(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?$"
}

Identifier = Annotated[str, Meta(min_length=1, max_length=50, extra_json_schema=STORABLE)]
Text20 = Annotated[str, Meta(max_length=20, extra_json_schema=STORABLE)]
Text50 = Annotated[str, Meta(max_length=50, extra_json_schema=STORABLE)]
Text100 = Annotated[str, Meta(max_length=100, extra_json_schema=STORABLE)]
Text200 = Annotated[str, Meta(max_length=200, extra_json_schema=STORABLE)]
# Python's `$` also matches before a final newline, which the look-ahead excludes.
BloodPressure = Annotated[str, Meta(max_length=20, pattern=r"^[0-9]{1,3}/[0-9]{1,3}$(?!\n)")]

AdmissionType = Literal["Emergency", "Elective", "Urgent", "Observation"]
RiskLevel = Literal["Low", "Medium", "High"]
Consciousness = Literal["A", "C", "V", "P", "U"]
Spo2Scale = Literal[1, 2]

SYSTOLIC_RANGE: Final = (0, 400)
DIASTOLIC_RANGE: Final = (0, 300)


class Record(Struct, kw_only=True, frozen=True, gc=False, omit_defaults=True):
    """One observation of one patient during one admission.

    The first 21 fields are the first specification's, in its order, and required; the last three
    make NEWS2 possible and are optional. Timestamps are aware and in UTC once decoded.
    """

    patient_id: Annotated[Identifier, Meta(description="Unique patient identifier")]
    admission_id: Annotated[
        Identifier, Meta(description="Unique admission identifier; one patient may have several")
    ]
    timestamp: Annotated[
        datetime,
        Meta(description="When the observation was made", extra_json_schema=DATE_AND_TIME),
    ]
    admission_timestamp: Annotated[
        datetime,
        Meta(description="When the patient was admitted", extra_json_schema=DATE_AND_TIME),
    ]
    patient_name: Annotated[Text200, Meta(description="Patient's name")]
    age: Annotated[
        int, Meta(ge=0, le=130, description="Age", extra_json_schema={"x-unit": "years"})
    ]
    gender: Annotated[Text20, Meta(description="Male, Female, or Other")]
    department: Annotated[Text100, Meta(description="Hospital department")]
    primary_diagnosis: Annotated[Text200, Meta(description="Medical condition")]
    admission_type: Annotated[AdmissionType, Meta(description="How the patient was admitted")]
    status: Annotated[
        Text50,
        Meta(description="Current patient status; Discharged and Deceased end the stay"),
    ]
    insurance_provider: Annotated[Text100, Meta(description="Insurance company's name")]
    heart_rate: Annotated[
        int, Meta(ge=0, le=300, description="Heart rate", extra_json_schema={"x-unit": "/min"})
    ]
    blood_pressure: Annotated[
        BloodPressure,
        Meta(
            description="Systolic/diastolic: 0-400 over 0-300, systolic not below diastolic",
            extra_json_schema={"x-unit": "mmHg"},
        ),
    ]
    temperature_celsius: Annotated[
        float,
        Meta(
            ge=10,
            le=50,
            description="Body temperature; rounded half-up to 0.1 before it is scored and stored",
            extra_json_schema={"x-unit": "°C"},
        ),
    ]
    oxygen_saturation: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="Peripheral oxygen saturation (SpO2)",
            extra_json_schema={"x-unit": "%"},
        ),
    ]
    respiratory_rate: Annotated[
        int, Meta(ge=0, le=70, description="Respiratory rate", extra_json_schema={"x-unit": "/min"})
    ]
    # The stored score is computed again from the vital signs, so any INTEGER is let through here.
    risk_score: Annotated[
        int,
        Meta(
            ge=-(2**31),
            le=2**31 - 1,
            description="The sender's risk score (0-6); the stored one is computed again",
        ),
    ]
    risk_level: Annotated[
        RiskLevel, Meta(description="The sender's risk level; the stored one is computed again")
    ]
    attending_physician: Annotated[Text200, Meta(description="Doctor's name")]
    hospital_location: Annotated[Text200, Meta(description="Hospital's city")]

    supplemental_oxygen: Annotated[
        bool | None, Meta(description="Whether oxygen is given; unknown if absent or null")
    ] = None
    consciousness: Annotated[
        Consciousness | None,
        Meta(
            description="Alert, new Confusion, responds to Voice, to Pain, Unresponsive; "
            "unknown if absent or null"
        ),
    ] = None
    spo2_scale: Annotated[
        Spo2Scale,
        Meta(description="NEWS2's SpO2 scale; 2 only by a clinician's explicit decision"),
    ] = 1


SEED_FIELDS: Final[tuple[str, ...]] = Record.__struct_fields__[:21]
