"""What the invented hospital has: its departments, conditions, insurers, names and places."""

import random
from dataclasses import dataclass

from faker import Faker

from vitalstream_schema.record import AdmissionType

DEPARTMENTS = (
    "Emergency",
    "ICU",
    "Cardiology",
    "Neurology",
    "Oncology",
    "Orthopedics",
    "Pulmonology",
    "Gastroenterology",
    "Nephrology",
    "Endocrinology",
    "General Medicine",
    "Surgery",
)
CONDITIONS = (
    "Hypertension",
    "Diabetes",
    "COPD",
    "Asthma",
    "Pneumonia",
    "Heart Failure",
    "Myocardial Infarction",
    "Atrial Fibrillation",
    "Stroke",
    "Sepsis",
    "Chronic Kidney Disease",
    "Urinary Tract Infection",
    "Appendicitis",
    "Hip Fracture",
    "Gastrointestinal Bleeding",
    "Pulmonary Embolism",
    "Influenza",
    "Migraine",
    "Epilepsy",
    "Anemia",
)
ADMISSION_TYPES: tuple[AdmissionType, ...] = ("Emergency", "Elective", "Urgent", "Observation")
STATUSES = ("Admitted", "In Treatment", "Under Observation", "Stable", "Critical", "Discharged")
INSURERS = (
    "Aetna",
    "Blue Cross Blue Shield",
    "Cigna",
    "Humana",
    "Kaiser Permanente",
    "Medicaid",
    "Medicare",
    "UnitedHealthcare",
    "Self-Pay",
)
# Drawn evenly, so the repeats are the weights: "Other" is one in twenty.
GENDERS = (*("Male", "Female") * 19, "Other", "Other")

_FIRST_NAMES = 300
_LAST_NAMES = 600
_CITIES = 12
_PHYSICIANS_PER_DEPARTMENT = 6


@dataclass(frozen=True, slots=True)
class Names:
    """Name pools, made once: combining them is a hundred times faster than asking Faker.

    Attributes:
        first: First names for each gender.
        last: Last names.
        physicians: Who attends in each department.
        cities: Where hospitals are.
    """

    first: dict[str, tuple[str, ...]]
    last: tuple[str, ...]
    physicians: dict[str, tuple[str, ...]]
    cities: tuple[str, ...]


def names(seed: int) -> Names:
    """Draw the name pools.

    Args:
        seed: The same seed (and Faker release) gives the same names.
    """
    fake = Faker("en_US")
    fake.seed_instance(seed)
    rng = random.Random(seed)  # noqa: S311 -- invents patients, no cryptography
    last = tuple(fake.last_name() for _ in range(_LAST_NAMES))
    first = {
        "Male": tuple(fake.first_name_male() for _ in range(_FIRST_NAMES)),
        "Female": tuple(fake.first_name_female() for _ in range(_FIRST_NAMES)),
        "Other": tuple(fake.first_name_nonbinary() for _ in range(_FIRST_NAMES)),
    }
    given = first["Male"] + first["Female"]
    physicians = {
        department: tuple(
            f"Dr. {rng.choice(given)} {rng.choice(last)}" for _ in range(_PHYSICIANS_PER_DEPARTMENT)
        )
        for department in DEPARTMENTS
    }
    cities = tuple(fake.city() for _ in range(_CITIES))
    return Names(first=first, last=last, physicians=physicians, cities=cities)
